"""Exercises on the segmentation lesson: `from radlearn.exercises.segmentation import q1`."""

from radlearn.exercises.exercise import Exercise, table_of_contents
from radlearn.exercises.segmentation.grid import q6, q7
from radlearn.exercises.segmentation.intensities import q3, q4
from radlearn.exercises.segmentation.lesions import q10
from radlearn.exercises.segmentation.overlap import q5, q8
from radlearn.exercises.segmentation.space import q1, q2
from radlearn.exercises.segmentation.windows import q9

__all__ = ["EXERCISES", "contents", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10"]

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (q1, q2, q3, q4, q5, q6, q7, q8, q9, q10)}


def contents() -> None:
    """Print the exercises of this lesson, a line for each."""
    print(table_of_contents(EXERCISES))
