"""Lesions instead of voxels: how many were found."""

import numpy as np

from radlearn.exercises.answers import Mistake, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function


def _lesions() -> list[Case]:
    truth = np.zeros((8, 8, 8), bool)
    truth[0:2, 0:2, 0:2] = truth[5:7, 5:7, 5:7] = True
    diagonal, one, two, none = np.zeros((8, 8, 8), bool), truth.copy(), truth.copy(), np.zeros((8, 8, 8), bool)
    diagonal[2, 2, 2] = diagonal[3, 3, 3] = True
    edge, bar, ends = np.zeros((3, 8, 8, 8), bool)
    edge[2, 2, 2] = edge[3, 3, 2] = True
    bar[1:3, 1:3, 1:7] = ends[1:3, 1:3, 1] = ends[1:3, 1:3, 5:7] = True
    one[5:] = False
    large, voxel = np.zeros((2, 8, 8, 8), bool)
    large[1:5, 2:7, 3] = voxel[4, 6, 3] = True
    two[0, 0, 0], two[2, 6, 2], two[5:7, 5:7, 5] = True, True, False
    return [
        Case("one lesion found, one missed", (one, truth)),
        Case("both touched, and a false one", (two, truth)),
        Case("nothing predicted", (none, truth)),
        Case("a patient without a lesion, with a false one", (one, none)),
        Case("a lesion of two voxels that touch by a corner", (diagonal, diagonal)),
        Case("one large prediction over both lesions", (np.ones((8, 8, 8), bool), truth)),
        Case("a lesion of two voxels that touch by an edge", (edge, edge)),
        Case("one lesion, predicted in two pieces", (ends, bar)),
        Case("a lesion of 20 voxels, of which one is predicted", (voxel, large)),
    ]


def _counted(predicted: np.ndarray, truth: np.ndarray, corners: bool = True) -> list[int]:
    from scipy.ndimage import label

    labelled, total = label(truth, np.ones((3, 3, 3)) if corners else None)
    return [len(np.unique(labelled[predicted & truth])), int(total)]


def _labelled(truth: np.ndarray) -> tuple[np.ndarray, int]:
    from scipy.ndimage import label

    labelled, total = label(truth, np.ones((3, 3, 3)))
    return labelled, int(total)


def _background_counted(predicted: np.ndarray, truth: np.ndarray) -> int:
    return len(np.unique(_labelled(truth)[0][predicted]))


def _whole(predicted: np.ndarray, truth: np.ndarray) -> int:
    labelled, total = _labelled(truth)
    return sum(bool(predicted[labelled == number].all()) for number in range(1, total + 1))


def _by_share(predicted: np.ndarray, truth: np.ndarray, least: float) -> int:
    labelled, total = _labelled(truth)
    return sum(bool(predicted[labelled == number].mean() >= least) for number in range(1, total + 1))


def _missed(predicted: np.ndarray, truth: np.ndarray) -> int:
    found, total = _counted(predicted, truth)
    return total - found


def _through_edges(predicted: np.ndarray, truth: np.ndarray) -> list[int]:
    from scipy.ndimage import generate_binary_structure, label

    labelled, total = label(truth, generate_binary_structure(3, 2))
    return [len(np.unique(labelled[predicted & truth])), int(total)]


q10 = Exercise(
    lesson="segmentation",
    number=10,
    title="Dice is 0.9. How many lesions did I miss?",
    task="""
        Write `lesions_found(predicted, truth)`. A lesion is a group of true voxels that are connected, also by an edge or a corner. It is
        found if at least one of its voxels is predicted.
    """,
    answer="a function of two bool arrays (i, j, k) that returns two numbers: lesions found, and lesions there are",
    why="Dice counts voxels: a large lesion outlined well hides that three small ones, the first signs of spread, were missed.",
    expects=Function(_lesions, Numbers((2,))),
    right=_counted,
    mistakes=(
        Mistake(
            lambda predicted, truth: _counted(predicted, truth, corners=False),
            "Voxels that touch by an edge or a corner belong together: `label` takes only faces, unless it is given numpy.ones((3, 3, 3)).",
        ),
        Mistake(
            lambda predicted, truth: _counted(truth, predicted),
            "These are predicted groups that touch the truth. Count the true ones that are touched.",
        ),
        Mistake(
            lambda predicted, truth: [int((predicted & truth).sum()), int(truth.sum())],
            "These are voxels; groups of voxels were asked for.",
        ),
        Mistake(lambda predicted, truth: _counted(predicted, truth)[::-1], "Found first, then all."),
        Mistake(
            lambda predicted, truth: [_counted(predicted, predicted)[1], _counted(predicted, truth)[1]],
            "You counted all predicted groups, false ones too. A true lesion is found if one of its voxels is predicted.",
        ),
        Mistake(
            lambda predicted, truth: [_background_counted(predicted, truth), _counted(predicted, truth)[1]],
            "The background is counted as a lesion: `label` gives it 0, and 0 is among the numbers where the prediction is.",
        ),
        Mistake(
            lambda predicted, truth: [_whole(predicted, truth), _counted(predicted, truth)[1]],
            "These are the lesions that are predicted as a whole. One voxel of a lesion is enough.",
        ),
        Mistake(
            lambda predicted, truth: [_by_share(predicted, truth, 0.5), _counted(predicted, truth)[1]],
            "A lesion counts here only if a larger share of it is predicted, such as half. One voxel of it is enough.",
        ),
        Mistake(
            lambda predicted, truth: [_missed(predicted, truth), _counted(predicted, truth)[1]],
            "These are the lesions that were missed. Those that were found come first.",
        ),
        Mistake(
            lambda predicted, truth: _counted(truth, truth),
            "All lesions are counted as found. A lesion is found if one of its voxels is predicted.",
        ),
        Mistake(
            lambda predicted, truth: [_counted(predicted & truth, predicted & truth)[1], _counted(predicted, truth)[1]],
            "These are the pieces of what both masks share. Two pieces of one lesion are one lesion.",
        ),
        Mistake(
            _through_edges,
            "Voxels that touch by a corner only are apart here. They belong together: numpy.ones((3, 3, 3)) joins them, "
            "generate_binary_structure(3, 2) only edges.",
        ),
    ),
    hints=(
        "`scipy.ndimage.label(truth, numpy.ones((3, 3, 3)))` numbers the lesions and tells how many there are.",
        "Which numbers occur where the prediction is? `numpy.unique(labelled[predicted & truth])`.",
    ),
    code="""
        import numpy as np
        from scipy.ndimage import label

        def answer(predicted, truth):
            labelled, total = label(truth, np.ones((3, 3, 3)))
            return len(np.unique(labelled[predicted & truth])), total
    """,
    learned="Always give lesions found together with false ones: a prediction of everything finds them all.",
)
