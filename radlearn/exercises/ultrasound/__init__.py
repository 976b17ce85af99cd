"""Exercises on the ultrasound lesson: `from radlearn.exercises.ultrasound import q1`."""

from radlearn.exercises.exercise import Exercise, table_of_contents
from radlearn.exercises.ultrasound.areas import q5
from radlearn.exercises.ultrasound.class_dice import q6
from radlearn.exercises.ultrasound.empty_images import q8
from radlearn.exercises.ultrasound.probe import q4
from radlearn.exercises.ultrasound.readers import q9
from radlearn.exercises.ultrasound.run_lengths import q7
from radlearn.exercises.ultrasound.sound import q1, q2
from radlearn.exercises.ultrasound.speckle import q3

__all__ = ["EXERCISES", "contents", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (q1, q2, q3, q4, q5, q6, q7, q8, q9)}


def contents() -> None:
    """Print the exercises of this lesson, a line for each."""
    print(table_of_contents(EXERCISES))
