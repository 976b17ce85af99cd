"""Exercises on the classification lesson: `from radlearn.exercises.classification import q1`."""

from radlearn.exercises.classification.decisions import q5, q6, q7
from radlearn.exercises.classification.header import q3
from radlearn.exercises.classification.people import q1, q2
from radlearn.exercises.classification.ranking import q4
from radlearn.exercises.classification.training import q8, q9
from radlearn.exercises.classification.uncertainty import q10, q11
from radlearn.exercises.exercise import Exercise, table_of_contents

__all__ = ["EXERCISES", "contents", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11"]

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11)}


def contents() -> None:
    """Print the exercises of this lesson, a line for each."""
    print(table_of_contents(EXERCISES))
