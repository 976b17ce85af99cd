"""How well do trivial cues tell the classes apart? A logistic regression on them, with and without the view shortcut.

    python -m benchmarks.trivial_cues [COUNT | FOLDER]

Cues: mean brightness, its spread and percentiles, shares of black and white, the view, markers in the corners, the size of the file and
the fields of the header. The regression is cross-validated by person; the interval is a bootstrap by person. Given a folder in the
challenge's layout, such as the real data, it is measured on that instead. Limits for the built-in patients, for mean brightness, markers,
file size, header and view together: 0.72, and 0.60 without the shortcut.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from radlearn.challenges.rsna import layout as rsna
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.metrics.ranking import auroc_score
from radlearn.progress import in_parallel, say
from radlearn.scans.dicom import read_header, read_radiograph

GROUPS: dict[str, list[int]] = {
    "mean brightness": [0],
    "brightness statistics": list(range(10)),
    "markers": list(range(10, 14)),
    "file size": [14],
    "header": list(range(15, 22)),
    "view": [21],
    "mean brightness, markers, file size, header, view": [0, *range(10, 22)],
    "all of these but the view": list(range(21)),
    "all": list(range(22)),
}
"Columns of `cues_of_xray` by trivial baseline; the limits are for the last but two."


def cues_of_xray(path: Path) -> np.ndarray:
    """Return the trivial cues of one X-ray, float64 (22,)."""
    header = read_header(path)
    pixels = read_radiograph(path).pixels
    tenth = len(pixels) // 8
    corners = [pixels[:tenth, :tenth], pixels[:tenth, -tenth:], pixels[tenth : 4 * tenth, :tenth], pixels[tenth : 4 * tenth, -tenth:]]
    rows_mm, columns_mm = header.spacing_mm or (0.0, 0.0)
    return np.array(
        [
            pixels.mean(),
            pixels.std(),
            *np.percentile(pixels, [5, 10, 25, 50, 75, 95]),
            (pixels < 0.03).mean(),
            (pixels > 0.9).mean(),
            *((corner > 0.8).mean() for corner in corners),
            path.stat().st_size / 1e5,
            header.age_years or 50.0,
            header.sex == "M",
            header.spacing_mm is None,
            rows_mm,
            columns_mm,
            header.photometric == "MONOCHROME1",
            header.view == "AP",
        ],
        float,
    )


def auroc_of_cues(cues: np.ndarray, labels: np.ndarray, persons: list[str], folds: int = 10) -> Interval:
    """Return the cross-validated AUROC, by person, of a logistic regression on `cues` (X-rays, cues), with its interval."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    folds_by_person = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    probabilities = cross_val_predict(model, cues, labels, groups=persons, cv=folds_by_person, method="predict_proba")[:, 1]
    return bootstrap_interval(auroc_score, persons, probabilities, labels)


def measure(folder: Path, what: str) -> None:
    """Print the AUROC of every group of cues, and of all together, on a folder in the challenge's layout."""
    cases = [case for case in rsna.find_cases(folder) if case.label is not None]
    found = dict(in_parallel(_numbered_cues, list(enumerate(case.path for case in cases)), "reading", "X-rays"))
    cues = np.stack([found[number] for number in range(len(cases))])
    labels, persons = np.array([case.label for case in cases]), [case.person for case in cases]
    say(f"{what}: {len(cases)} X-rays of {len(set(persons))} people, {labels.mean():.1%} positive")
    for name, columns in GROUPS.items():
        say(f"  {name:48} {auroc_of_cues(cues[:, columns], labels, persons):.3f}")


def _numbered_cues(job: tuple[int, Path]) -> tuple[int, np.ndarray]:
    return job[0], cues_of_xray(job[1])


def main(argument: str) -> None:
    """Measure on a folder, or on a number of built-in X-rays, with the shortcut and without."""
    if not argument.isdigit():
        measure(Path(argument), argument)
        return
    from radlearn.digital_thorax.cohort import write_rsna

    with tempfile.TemporaryDirectory() as folder:
        for shortcut in (True, False):
            made = Path(folder) / str(shortcut)
            write_rsna(made, int(argument), view_shortcut=shortcut)
            measure(made, "with the view shortcut" if shortcut else "without the view shortcut")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "800")
