"""Exercises on the detection lesson: `from radlearn.exercises.detection import q1`."""

from radlearn.exercises.detection.boxes import q1, q2, q3
from radlearn.exercises.detection.canvas import q4, q5
from radlearn.exercises.detection.curves import q11, q12
from radlearn.exercises.detection.detector import q6, q7
from radlearn.exercises.detection.scores import q8, q9, q10
from radlearn.exercises.exercise import Exercise, table_of_contents

__all__ = ["EXERCISES", "contents", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12"]

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12)}


def contents() -> None:
    """Print the exercises of this lesson, a line for each."""
    print(table_of_contents(EXERCISES))
