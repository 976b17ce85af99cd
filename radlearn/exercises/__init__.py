"""Exercises for each lesson, with a checker that knows the truth.

One scheme for all lessons: `from radlearn.exercises.classification import q1`, and the same for `detection`, `segmentation` and
`ultrasound`. Then `q1.question()`, `q1.data()`, `q1.check(answer)`, `q1.hint()`, `q1.solution()`. `from radlearn.exercises import
classification as ex` has all of a lesson's as `ex.q1`, `ex.q2`, …; `ex.contents()` lists them. No exercise needs the lesson to be run
first, and none imports torch before it is checked.

>>> from radlearn.exercises.classification import q6
>>> q6.check(0.9).right
Not yet. This is the sensitivity: of the X-rays with an opacity, the share that is called positive. The question goes the other way.
False
"""

import re
from typing import Any

LESSONS = ("classification", "detection", "segmentation", "ultrasound")


def __getattr__(name: str) -> Any:
    if re.fullmatch(r"q\d+", name):
        # Not AttributeError: `from … import` would replace its message by one that says only that the name is missing.
        choices = ", ".join(f"'from radlearn.exercises.{lesson} import {name}'" for lesson in LESSONS)
        raise ImportError(f"{name}: each lesson has its own exercises. Say which: {choices}.")
    raise AttributeError(f"module 'radlearn.exercises' has no attribute {name!r}; its lessons are {', '.join(LESSONS)}")
