"""A trivial baseline for several labels: a logistic regression on age, sex and view, which looks at no pixel."""

from collections.abc import Mapping, Sequence

import numpy as np

from radlearn.challenges.xray_case import XrayCase

MIDDLE_AGE = 50.0
TOLD = slice(1, 5)
"The coefficients of what is known: after the intercept, before those of what is not."
Coefficients = dict[str, list[float]]
"By label: the intercept, then a coefficient for each of the `header_values`."


def header_values(cases: Sequence[XrayCase]) -> np.ndarray:
    """Return age in decades from 50 on, its square, sex and view, and which of them is not known: float64 (cases, 7)."""
    ages = np.array([MIDDLE_AGE if case.age_years is None else case.age_years for case in cases], float)
    decades = (ages - MIDDLE_AGE) / 10
    sex = np.array([{"M": 0.5, "F": -0.5}.get(case.sex or "", 0.0) for case in cases])
    view = np.array([{"AP": 0.5, "PA": -0.5}.get(case.view or "", 0.0) for case in cases])
    unknown = [[case.age_years is None, not case.sex, not case.view] for case in cases]
    return np.column_stack([decades, decades**2 / 10, sex, view, np.array(unknown, float).reshape(-1, 3)])


def fitted_header_baseline(cases: Sequence[XrayCase], labels: np.ndarray, names: Sequence[str]) -> Coefficients:
    """Return the coefficients of each label, fitted to the X-rays of which it is known; zeros where all are with it, or all without.

    Args:
        labels: (cases, names) of 1 and 0, NaN where it is not known.
    """
    from sklearn.linear_model import LogisticRegression

    values = header_values(cases)
    found = {}
    for name, label in zip(names, labels.T, strict=True):
        known = ~np.isnan(label)
        if len(set(label[known].tolist())) < 2:
            found[name] = [0.0] * (values.shape[1] + 1)
            continue
        fit = LogisticRegression(max_iter=1000).fit(values[known], label[known])
        found[name] = [float(fit.intercept_[0]), *map(float, fit.coef_[0])]
    return found


def header_baseline(cases: Sequence[XrayCase], coefficients: Mapping[str, Sequence[float]], names: Sequence[str]) -> np.ndarray:
    """Return what the header alone predicts, as logits: float64 (cases, names).

    NaN where nothing of it is known of any of the cases, or nothing told about a label in training: what was not measured has no score,
    not that of chance.
    """
    of_names = np.array([coefficients[name] for name in names], float).reshape(len(names), -1)
    predicted = np.column_stack([np.ones(len(cases)), header_values(cases)]) @ of_names.T
    if not any(case.sex or case.view or case.age_years is not None for case in cases):
        return np.full_like(predicted, np.nan)
    # Of what no case of training had, a coefficient is 0; that of what is missing may be anything.
    predicted[:, ~of_names[:, TOLD].any(axis=1)] = np.nan
    return predicted
