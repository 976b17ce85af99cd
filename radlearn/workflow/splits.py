"""Splits of a task's cases by person, kept in the run folder."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from radlearn.amounts import counted, noun_of, part_of, verb_of
from radlearn.challenges.challenge import Case, CaseT
from radlearn.challenges.words.person_spellings import alike_together, spelt
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.file_contents import is_of_values
from radlearn.progress import say
from radlearn.training.label_splits import refuse_untold, split_by_labels, words_on_rare_labels
from radlearn.training.run_folder import Run
from radlearn.training.splits import (
    SUBSETS,
    CaseContent,
    contents_in_split,
    prove_persons_apart,
    split_by_person,
    split_of,
    write_split,
)
from radlearn.workflow.case_contents import compared, contents_of
from radlearn.workflow.case_labels import label_names, label_values, labels_in_words, names_of_labels, of_labels
from radlearn.workflow.earlier_runs import Seen, refuse_seen_people
from radlearn.workflow.table_splits import XRAYS, SplitWords, asked_for, spelled


class Labelled(Protocol):
    """An X-ray or a scan that training can use: its case, and whether it shows the finding."""

    @property
    def case(self) -> Case: ...
    @property
    def label(self) -> bool: ...


ItemT = TypeVar("ItemT", bound=Labelled)


class Looks(Protocol):
    """What can be told of items by how they look, where their pixels differ: one X-ray as DICOM and as a JPEG."""

    def twins(self) -> list[list[int]]:
        """Return the numbers of items that show one and the same image, for each such image."""

    def resembling(self, earlier: Sequence[Run]) -> Sequence[tuple[Seen, str] | None]:
        """Return for each item where earlier runs saw one that looks the same, and the name that it had there."""


def split_cases(
    items: Sequence[ItemT],
    seed: int,
    fold: int | None,
    run: Run,
    labels: Sequence[bool] | None = None,
    words: SplitWords = XRAYS,
    looks: Looks | None = None,
) -> dict[str, list[ItemT]]:
    """Split X-rays or scans by person into training, validation and test, and keep the split in the run's `split.csv`.

    A run that already has a split keeps it, so that resuming cannot move a person to another subset. Its cases must then be the images
    that it began with, with the same truth: what is trained half on one and half on another is trained on neither.

    Where cases have several labels, each of them is divided by itself (`training.label_splits`), and `labels` is not asked for.

    Persons of one and the same image, and spellings of one name that look alike, are kept in one subset, whatever the tables say.

    Args:
        labels: (items,) the labels of which every subset gets its share; each item's `label` if None.
        words: names for messages.
        looks: of the items, where copies with other pixel values can be told too.

    Returns:
        "train", "validation" and "test" -> items.

    Raises:
        BadRunFolder: if images of the run's split are missing, or are others, or have another truth.
        BadSetting: if there are too few persons for a split, or all labels are the same.
    """
    file = run.folder / "split.csv"
    cases = [item.case for item in items]
    if not file.exists():
        persons = [case.person for case in cases]
        known = [item.label for item in items] if labels is None else [bool(label) for label in labels]
        names = label_names(cases)
        several = label_values(cases, names)
        if names:
            # Each label is divided by itself; how many images have any of them decides nothing.
            words = SplitWords(words.items, "any of the labels", 0)
        elif known and len(set(known)) == 1:
            every = (
                f"All {counted(len(known), words.items)} {verb_of(len(known), 'are')} {'with' if known[0] else 'without'} {words.finding}"
            )
            raise BadSetting(f"{every}: there is nothing to tell apart. Training needs both; look at the labels of the data.")
        contents = contents_of(cases)
        together, copies, same = _kept_together(cases, contents, looks.twins() if looks else [])
        asked = asked_for(cases, fold, known, copies, words, run)
        truths = [content.truth for content in contents]
        _tell_copies(cases, copies, same, [labels_in_words(case) for case in cases] if names else known, truths, words)

        def split_with(seed: int, fold: int | None) -> list[str]:
            people = alike_together(persons, together)
            if names:
                return split_by_labels(people, several, seed, fold)
            return split_by_person(people, known, seed, fold, least=words.least, finding=words.finding)

        subsets = asked or split_with(seed, fold)
        if names:
            refuse_untold(several, subsets)
        refuse_seen_people(run, cases, together, subsets, None if asked else split_with, looks.resembling if looks else None)
        counts = prove_persons_apart(persons, subsets)
        write_split(file, [case.image_id for case in cases], persons, subsets, contents)
        for subset in SUBSETS:
            held = [label for label, other in zip(known, subsets, strict=True) if other == subset]
            unit, persons_and = noun_of(len(held), words.items), noun_of(counts[subset], "persons") + ","
            amounts = f"{len(held):>6,} {unit:<{len(words.items)}} of {counts[subset]:>6,} {persons_and:<8} {sum(held):>5,} with"
            say(f"  {subset:<10} {amounts} {words.finding}")
        for sentence in words_on_rare_labels(names, persons, several, subsets):
            say(sentence, style="yellow")
        held_by = cases_by_subset(cases, run)
    else:
        held_by = cases_by_subset(cases, run)
        prove_same([case for held in held_by.values() for case in held], run, with_truth=True)
    by_id = {item.case.image_id: item for item in items}
    return {subset: [by_id[case.image_id] for case in held] for subset, held in held_by.items()}


def cases_by_subset(cases: Sequence[CaseT], run: Run) -> dict[str, list[CaseT]]:
    """Return the cases of each subset of the run's `split.csv`, in the order of that file.

    Raises:
        BadRunFolder: if images of the split are not among the cases, or the split was changed.
    """
    split = split_of(run)
    by_id = {case.image_id: case for case in cases}
    missing = [image_id for image_id in split if image_id not in by_id]
    if missing:
        raise BadRunFolder(
            f"{run.folder}: {part_of(len(missing), len(split), 'cases')} of this run "
            f"{verb_of(len(missing), 'are')} not in the data, "
            f"the first is {missing[0]}. Use --data with what the run was trained on, or start a new run."
        )
    _refuse_moved_persons([(by_id[image_id], subset) for image_id, (_, subset) in split.items()], run)
    return {subset: [by_id[image_id] for image_id, (_, other) in split.items() if other == subset] for subset in SUBSETS}


def _refuse_moved_persons(held: Sequence[tuple[Case, str]], run: Run) -> None:
    """Refuse cases of which the data say now that one person is in two subsets: whoever corrects persons finds out what was a leak."""
    nearest: dict[str, tuple[Case, str]] = {}
    for case, subset in sorted(held, key=lambda one: SUBSETS.index(one[1])):
        nearest.setdefault(case.person, (case, subset))
    moved = [(case, subset) for case, subset in held if nearest[case.person][1] != subset]
    if moved:
        case, subset = moved[0]
        other, nearer = nearest[case.person]
        raise BadRunFolder(
            f"{run.folder}: by the data as they are now, {part_of(len(moved), len(held), 'cases')} of this run "
            f"{verb_of(len(moved), 'are')} of a person who is in another of its subsets, such as {case.image_id} ({subset}) of "
            f"{case.person}, who also has {other.image_id} ({nearer}): scores would say nothing of new people. If the persons are right "
            "now, train a new run; else use --data with the persons as they were."
        )


def prove_same(cases: Sequence[Case], run: Run, with_truth: bool = False) -> None:
    """Prove that cases are the images that a run had under their names when its training began.

    A truth that was changed is said, or refused `with_truth`. Of a run that is older than digests it is said that names alone decide.

    Raises:
        BadRunFolder: if some are other images.
    """
    expected = contents_in_split(run)
    # In the order of then, as the digests are that the run keeps.
    found = compared(of_labels(cases, names_of_labels(run)), expected)
    if found.other_pixels:
        what = "other pixels than those of the same name that this run was trained on: other images"
        if not is_of_values(expected[found.other_pixels[0]].pixels):
            # The bytes of a copy that was saved again are others too.
            what = "other bytes than those that this run was trained on, so that whether they are the same images cannot be told"
        raise BadRunFolder(
            f"{run.folder}: {_some(found.other_pixels, len(cases))} {verb_of(len(found.other_pixels), 'have')} {what}. "
            "Use --data with what the run was trained on, or start a new run."
        )
    if found.other_truth:
        said = (
            f"{run.folder}: {_some(found.other_truth, len(cases))} {verb_of(len(found.other_truth), 'have')} "
            f"another truth than when training began"
        )
        if with_truth:
            raise BadRunFolder(f"{said}. Half a training on each fits neither. Restore the truth, or start a new run.")
        say(f"{said}; the truth as it is now is used.", style="yellow")
    if any(content == CaseContent() for content in expected.values()):
        say(f"{run.folder}: is older than digests of cases, so that these are its own goes by their names alone.", style="yellow")


def _kept_together(
    cases: Sequence[Case], contents: Sequence[CaseContent], twins: Sequence[Sequence[int]]
) -> tuple[list[str], list[Sequence[int]], list[list[int]]]:
    """Return for each case the name of those that must share a subset, and the numbers of cases that are one image, for each such image.

    Last are the numbers of those of the same pixels alone: in a copy of another size the same box has other numbers.

    They are a person, or persons that the same image is kept under: public data sets hold the same image under several names and persons;
    trained on one and tested on the other, a network is tested on what it has learnt by heart.
    """
    first_of: dict[str, str] = {}

    def first(person: str) -> str:
        while (other := first_of.setdefault(person, person)) != person:
            person = other
        return person

    named = spelt([spelled(case.person) for case in cases]).persons
    holders: dict[str, list[int]] = defaultdict(list)
    for number, content in enumerate(contents):
        if content.pixels:
            holders[content.pixels].append(number)
    same = [numbers for numbers in holders.values() if len(numbers) > 1]
    in_twins = {number for numbers in twins for number in numbers}
    copies = [*twins, *(numbers for numbers in same if numbers[0] not in in_twins)]
    for numbers in copies:
        for number in numbers[1:]:
            first_of[first(named[number])] = first(named[numbers[0]])
    return [first(person) for person in named], copies, same


def _tell_copies(
    cases: Sequence[Case],
    copies: Sequence[Sequence[int]],
    same: Sequence[Sequence[int]],
    labels: Sequence[bool | str],
    truths: Sequence[str],
    words: SplitWords,
) -> None:
    """Say which images are there under several persons, which with two labels, and which with other boxes or masks."""

    def differing(what: Sequence[object]) -> list[tuple[int, int]]:
        return [
            (numbers[0], next(number for number in numbers if what[number] != what[numbers[0]]))
            for numbers in copies
            if len({what[number] for number in numbers}) > 1
        ]

    if shared := differing([spelled(case.person) for case in cases]):
        one, other = (f"{cases[number].image_id} of {cases[number].person}" for number in shared[0])
        say(
            f"{counted(len(shared), words.items)} {verb_of(len(shared), 'are')} there under the names of several persons, such as {one} "
            f"and {other}. These persons are kept in one subset, so that nobody is tested on what was trained on. "
            "radlearn check names all; give the images of one person one name in the data.",
            style="yellow",
        )
    if contradicting := differing(labels):

        def said(label: bool | str) -> str:
            return f"with {label}" if isinstance(label, str) else f"{'with' if label else 'without'} {words.finding}"

        one, other = (f"{cases[number].image_id} {said(labels[number])}" for number in contradicting[0])
        twice = f"{counted(len(contradicting), words.items)} {verb_of(len(contradicting), 'are')} there twice"
        say(
            f"{twice} with labels that contradict each other, such as {one} and {other}. One of the two is wrong: correct its label, or "
            "remove it.",
            style="bold yellow",
        )
    alike = [numbers for numbers in same if len({labels[number] for number in numbers}) == 1]
    # Of several labels the truth is the labels, which are told above.
    told = [[number for number in numbers if truths[number] and not getattr(cases[number], "labels", ())] for numbers in alike]
    if unlike := [numbers for numbers in told if len({truths[number] for number in numbers}) > 1]:
        first = unlike[0][0]
        second = next(number for number in unlike[0] if truths[number] != truths[first])
        what = "masks" if hasattr(cases[first], "mask_path") else "boxes"
        say(
            f"{counted(len(unlike), words.items)} {verb_of(len(unlike), 'are')} there twice, and the {what} differ, such as those of "
            f"{cases[first].image_id} and {cases[second].image_id}. Look at both: correct the wrong {what}, or remove one.",
            style="bold yellow",
        )


def _some(image_ids: Sequence[str], of: int) -> str:
    return f"{part_of(len(image_ids), of, 'cases', 'of')}, such as {image_ids[0]},"
