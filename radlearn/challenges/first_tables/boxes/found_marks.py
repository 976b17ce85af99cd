"""Boxes with confidences: what a network found, in a file that is laid out as one of what people drew."""

from collections.abc import Mapping
from typing import Any

from radlearn.challenges.tables.csv_hints import finite_number

CONFIDENCES = ("score", "confidence", "conf", "probability")
"What detectors call it; 1 is also written beside boxes that people drew."
NO_TRUTH = "looks like a confidence, so it is what a network found and no truth. Use labels that people drew"


def confidence_of(said: Mapping[str, Any]) -> str:
    """Return the key of a mark under which a confidence stands, and its value, as words; "" where none does.

    >>> confidence_of({"bbox": [1, 2, 3, 4], "score": 0.93}), confidence_of({"score": 1.0}), confidence_of({"Score": None})
    ('score, 0.93,', '', '')
    """
    for key, value in said.items():
        if str(key).lower() in CONFIDENCES and not isinstance(value, bool | list | dict | None) and 0 <= finite_number(str(value)) < 1:
            return f"{key}, {value},"
    return ""
