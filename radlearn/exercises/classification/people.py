"""Who is in the test set, and what a score rests on: persons and views of a cohort of built-in patients."""

from functools import cache

import numpy as np

from radlearn.digital_thorax.planning import CATEGORIES, PlannedXray, plan_xrays
from radlearn.exercises.answers import Fields, Mistake, Name, Number
from radlearn.exercises.exercise import Exercise
from radlearn.metrics.ranking import auroc_score

LEAKED = 9
"""Of the persons with several X-rays, the number of the one whose X-rays were divided."""


@cache
def _plans() -> list[PlannedXray]:
    return plan_xrays(160, seed=31)


@cache
def _divided() -> list[tuple[PlannedXray, str]]:
    """Return X-rays with their subset: persons are kept together, all but one."""
    plans = _plans()
    persons = sorted({plan.person for plan in plans})
    order = np.random.default_rng(31).permutation(persons).tolist()
    subset = {person: ("train", "train", "train", "validation", "test")[place % 5] for place, person in enumerate(order)}
    moved = _images_of(_leaked_person())[-1]
    subset[moved.person] = "train"
    return [(plan, "test" if plan == moved else subset[plan.person]) for plan in plans]


def _images_of(person: int) -> list[PlannedXray]:
    return [plan for plan in _plans() if plan.person == person]


def _leaked_person() -> int:
    persons = [plan.person for plan in _plans()]
    # Not the person with the most X-rays, whom a guess would name.
    return [person for person in sorted(set(persons)) if persons.count(person) == 2][LEAKED]


def _most_frequent() -> str:
    names = [plan.person_id for plan, _ in _divided()]
    return max(sorted(set(names)), key=names.count)


def _moved_image() -> str:
    return _images_of(_leaked_person())[-1].image_id


def _subsets_of(person: str) -> list[str]:
    return [subset for plan, subset in _divided() if plan.person_id == person]


def _another(count: int) -> str:
    """Return a person with so many X-rays, all in one subset."""
    names = [plan.person_id for plan, _ in _divided()]
    return next(name for name in names if names.count(name) == count and len(set(_subsets_of(name))) == 1 and name != _most_frequent())


def _in_one_subset(person: str) -> str:
    subsets = _subsets_of(person)
    if len(subsets) == 1:
        return f"This person has one X-ray only, in {subsets[0]}: whoever is in two subsets has at least two."
    return f"This person has {len(subsets)} X-rays, all of them in {subsets[0]}. X-rays of the person to be found are in train and in test."


q1 = Exercise(
    lesson="classification",
    number=1,
    title="Is somebody in my training set and in my test set?",
    task="""
        A colleague has split 160 X-rays into train, validation and test, and promises that nobody is in two of them. Find the person for
        whom that is not true: they are in train and in test.
    """,
    about_given={
        "patientId": "list of text, the name of each X-ray, as in the challenge's tables",
        "person": "list of text, whose X-ray it is",
        "subset": "list of text, 'train', 'validation' or 'test'",
    },
    answer="the name of the person, a text such as 'p00012'",
    why="a network recognises a person by ribs, scars and wires; a score on people whom it was trained on says nothing of the next "
    "patient.",
    given=lambda: {
        "patientId": [plan.image_id for plan, _ in _divided()],
        "person": [plan.person_id for plan, _ in _divided()],
        "subset": [subset for _, subset in _divided()],
    },
    expects=Name(),
    right=lambda: _images_of(_leaked_person())[0].person_id,
    mistakes=(
        Mistake(_moved_image, "This is the name of the image, not of the person: the challenge's patientId names an X-ray."),
        Mistake(
            lambda: _images_of(_leaked_person())[0].image_id,
            "This is the name of another image of that person. The challenge's patientId names an X-ray; the person has a column of "
            "their own.",
        ),
        Mistake(_most_frequent, "This person has the most X-rays, but all of them are in one subset. Having many X-rays is no leak."),
        Mistake(lambda: _another(2), _in_one_subset, fits=lambda name: bool(_subsets_of(name))),
        Mistake(
            lambda: _divided()[0][0].image_id,
            "This is a patientId, which in the challenge names an X-ray, and the person of that X-ray is in one subset only.",
            fits=lambda name: name in {plan.image_id for plan, _ in _divided()},
        ),
        Mistake(
            lambda: "test",
            "This is a subset. Who is in it and in another one was asked for.",
            fits=lambda name: name in ("train", "validation", "test"),
        ),
        Mistake(
            lambda: "p99999",
            "No X-ray of the table is of a person of this name: take a name from the column person as it stands there.",
            fits=lambda name: True,
        ),
    ),
    hints=(
        "Every patientId occurs once, so comparing patientIds finds nothing. Which column says who it is?",
        "Collect the persons of each subset in a set. Python's `&` gives what two sets have in common.",
    ),
    code="""
        data = q1.data()
        persons = {"train": set(), "validation": set(), "test": set()}
        for person, subset in zip(data["person"], data["subset"]):
            persons[subset].add(person)
        shared = persons["train"] & persons["test"]
        answer = shared.pop()
    """,
    learned="One X-ray of this person is in the test set, the other in the training set. In the challenge 4,342 people have more than one.",
)


@cache
def _two_runs() -> dict[str, np.ndarray]:
    """Return labels and views of a cohort, and the probabilities of a run that reads the disease (A) and of one that reads the view (B)."""
    plans = plan_xrays(400, seed=32)
    ill = np.array([plan.category == CATEGORIES[0] for plan in plans])
    bedside = np.array([plan.view == "AP" for plan in plans])
    noise = np.random.default_rng(5).standard_normal((2, len(plans)))
    logits = {"A": -2.0 + 0.9 * ill + noise[0], "B": -3.0 + 1.6 * bedside + 0.25 * ill + 0.6 * noise[1]}
    table = {"patientId": np.array([plan.image_id for plan in plans]), "label": ill, "view": np.array([plan.view for plan in plans])}
    return table | {run: np.round(1 / (1 + np.exp(-logit)), 5) for run, logit in logits.items()}


def _auroc(run: str, view: str = "") -> float:
    table = _two_runs()
    here = table["view"] == view if view else np.ones(len(table["view"]), bool)
    return float(auroc_score(table[run][here], table["label"][here]))


def _average_precision(run: str) -> float:
    from sklearn.metrics import average_precision_score

    table = _two_runs()
    here = table["view"] == "PA"
    return float(average_precision_score(table["label"][here], table[run][here]))


def _accuracy(run: str) -> float:
    table = _two_runs()
    here = table["view"] == "PA"
    return float(np.mean((table[run][here] >= 0.5) == table["label"][here]))


q2 = Exercise(
    lesson="classification",
    number=2,
    title="Does my model read the disease, or whether the patient could stand?",
    task="""
        Two runs have predicted the same 400 X-rays. Over all of them run B has the higher AUROC. One of the two reads hardly more than
        the view: AP X-rays are taken of patients too ill to stand, and are positive four times as often. Find that run, and its AUROC
        among the PA X-rays alone.
    """,
    about_given={
        "label": "bool (400,), whether there is an opacity",
        "view": "text (400,), 'AP' or 'PA'",
        "A, B": "float (400,), the probabilities of each run",
        "patientId": "text (400,), the name of each X-ray",
    },
    answer="a dictionary {'run': 'A' or 'B', 'auroc_pa': its AUROC among the PA X-rays, 0 to 1, to two digits}",
    why="on a ward where all patients lie in bed, a model that reads the view is worth nothing.",
    given=_two_runs,
    expects=Fields({"run": Name(), "auroc_pa": Number(within=0.006, share=True)}),
    right=lambda: {"run": "B", "auroc_pa": _auroc("B", "PA")},
    mistakes=(
        Mistake(
            lambda: {"run": "A"},
            "Run A is no better over all X-rays, but it is about as good within each view. Which one falls apart there?",
        ),
        Mistake(
            lambda: {"auroc_pa": _auroc("B")}, "This is the AUROC over all X-rays. Its pairs compare an ill AP with a healthy PA, too."
        ),
        Mistake(lambda: {"auroc_pa": _auroc("B", "AP")}, "This is the AUROC among the AP X-rays; PA was asked for."),
        Mistake(lambda: {"auroc_pa": 1 - _auroc("B", "PA")}, "This is 1 − AUROC: labels or probabilities are the other way round."),
        Mistake(lambda: {"auroc_pa": _auroc("A", "PA")}, "This is the AUROC of the other run among the PA X-rays."),
        Mistake(
            lambda: {"auroc_pa": _auroc("A")}, "This is the AUROC of run A over all X-rays. Its pairs compare an ill AP with a healthy PA."
        ),
        Mistake(lambda: {"auroc_pa": _average_precision("B")}, "This is the average precision among the PA X-rays, and not the AUROC."),
        Mistake(
            lambda: {"auroc_pa": _accuracy("B")},
            "This is the accuracy at a threshold of 0.5 among the PA X-rays. The AUROC needs no threshold.",
        ),
        Mistake(lambda: {"run": "PA"}, "The runs are called 'A' and 'B'.", fits=lambda given: given["run"] not in ("A", "B")),
    ),
    hints=(
        "The view is worth nothing in a comparison of two X-rays of the same view. Compute each run's AUROC for AP alone and for PA alone.",
        "`from sklearn.metrics import roc_auc_score`; `pa = data['view'] == 'PA'`; `roc_auc_score(data['label'][pa], data['A'][pa])`.",
    ),
    code="""
        from sklearn.metrics import roc_auc_score

        data = q2.data()
        pa = data["view"] == "PA"
        within = {run: roc_auc_score(data["label"][pa], data[run][pa]) for run in ("A", "B")}
        run = min(within, key=within.get)
        answer = {"run": run, "auroc_pa": within[run]}
    """,
    learned="Over all X-rays this run looks better than the other; within a view little is left. Reports of radlearn give "
    "within_view_auroc_score beside the AUROC for this reason.",
)
