"""What the classes of a run are called, and which they are in label maps: decided by name wherever both have names, else by number.

A run keeps the names of its outputs in `postprocessing.json`, and what its training data call them in `settings.json`: they differ where
`class_names` was given. Older runs have only the first.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted, noun_of, verb_of
from radlearn.errors import BadLayout, BadSetting
from radlearn.hints import command
from radlearn.progress import say
from radlearn.tasks.segmentation.label_maps.frames import Frame
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.training.outputs import Outputs
from radlearn.training.run_folder import Run, add_to_about
from radlearn.workflow.postprocessing_file import FILE, read_postprocessing

IN_DATA = "class_names_in_data"
"In settings.json."
BACKGROUND = "background"
COLUMN = "the column classes of the table, joined by |, such as nerve|vessel"


def class_names_of(frames: Sequence[Frame], given: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of classes 1, 2, … of the data.

    Args:
        given: the names that the settings ask for; where there are none, what the cases call them (`class_names`), else class_1, ….

    Raises:
        BadSetting: if no label map has anything inside, or there are fewer names than classes, or two alike; if a given name is that of
            another class in the data.
    """
    highest = max((frame.highest_class for frame in frames), default=0)
    if not highest:
        raise BadSetting(f"All {counted(len(frames), 'label maps')} are empty; there is nothing to learn. '{command('check')}' lists them.")
    in_data = _in_data(frames)
    names = tuple(given) or in_data or tuple(f"class_{number}" for number in range(1, highest + 1))
    if len(set(names)) < len(names) or not all(name and name == name.strip() and "," not in name for name in names):
        raise BadSetting(f"class_names are {', '.join(map(repr, names))}; expected different names, without commas.")
    if len(names) < highest:
        first = next(frame.case.image_id for frame in frames if frame.highest_class == highest)
        by, remedy = ("--class-names names", "Name all of them.") if given else ("the data name", f"Name all of them in {COLUMN}.")
        held = f"The label map of {first} holds class {highest}"
        raise BadSetting(f"{held}, and {by} {counted(len(names), 'classes')} ({', '.join(names)}). {remedy}")
    if _are_exchanged(names, in_data):
        what = f"--class-names are {', '.join(names)}, and the data call the same classes {', '.join(in_data)}"
        raise BadSetting(f"{what}, in this order. Leave --class-names out, or correct {COLUMN}.")
    return names


def names_to_train(run: Run, frames: Sequence[Frame], given: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the classes of a run that is trained on `frames`, or continued; the run keeps what the data call them.

    Raises:
        BadSetting: as `class_names_of`.
        BadLayout: if the data call the classes otherwise than when the training began.
    """
    if (run.folder / FILE).exists():
        names = read_postprocessing(run, LabelMapPostprocessing)[0].names
        in_numbers_of(run, names, frames, own=True)
        return names
    then = _kept(run)
    names = class_names_of(frames, tuple(given) or (() if _in_data(frames) else then or ()))
    if then is not None:
        _refuse_other_names(run, names, then, frames)
    else:
        add_to_about(run, IN_DATA, list(_in_data(frames)))
    if given and (in_data := _in_data(frames)) and [*map(_key, given)] != [*map(_key, in_data)]:
        say(f"The classes that the data call {', '.join(in_data)} are called {', '.join(given)} in this run, in this order.")
    return names


def in_numbers_of(run: Run, names: Sequence[str], frames: Sequence[Frame], own: bool) -> list[Frame]:
    """Return frames whose label maps have the numbers of a run's classes.

    What other data call by the name of a class is that class, whatever its number. A class that they do not name was not looked for, and
    one that the run does not know counts as background; both are said.

    Args:
        names: of the run's classes.
        own: whether these are images that the run was trained with, whose numbers must be the same.

    Raises:
        BadLayout: if the run's own data have other names than when it was trained; if other data have none of its names; if a label map
            holds a class that the run does not know, or that the data do not name.
    """
    in_data, then = _in_data(frames), _kept(run) or ()
    named = bool(then) or not _are_numbers(names)
    if own:
        _refuse_other_names(run, names, then, frames)
    known = [{_key(name), *map(_key, then[place : place + 1])} for place, name in enumerate(names)]
    numbers = tuple(next((number for number, called in enumerate(known, start=1) if _key(name) in called), 0) for name in in_data)
    # An older run whose names were given does not know what its data called the classes.
    unsure = _kept(run) is None and bool(run.settings.get("class_names")) and not any(numbers)
    if own or not in_data or not named or unsure:
        _refuse_classes_beyond(run, names, frames)
        if not own and (in_data or named):
            whose = f"{run.folder} does not know what its data called them" if in_data else f"the data do not name them in {COLUMN}"
            say(f"The classes are taken by their numbers, as {_numbered(names)}, because {whose}.", style="yellow")
        return list(frames)
    looked_for = tuple(number in numbers for number in range(1, len(names) + 1))
    if not any(numbers):
        what = f"{run.folder} predicts {', '.join(names)}, and the data have label maps of {', '.join(in_data)}"
        raise BadLayout(f"{what}: no class has the same name. Where one is the same, call it in the data as the run does, in {COLUMN}.")
    beyond = next((frame for frame in frames if frame.highest_class > len(in_data)), None)
    if beyond is not None:
        held = f"The label map of {beyond.case.image_id} holds class {beyond.highest_class}"
        there = f"the data name {counted(len(in_data), 'classes')} ({', '.join(in_data)})"
        raise BadLayout(f"{held}, and {there}. Name all of them in {COLUMN}.")
    _say_how(names, in_data, numbers, looked_for)
    return [replace(frame, numbers=(0, *numbers), looked_for=looked_for) for frame in frames]


def outputs_by_name(names: Sequence[str]) -> Callable[[Run], Outputs | None]:
    """Return what tells of a run with classes `names` which outputs of the run that it starts from are about the same; for `fit`."""

    def outputs_from(earlier: Run) -> Outputs | None:
        finished = (earlier.folder / FILE).exists()
        before = read_postprocessing(earlier, LabelMapPostprocessing)[0].names if finished else earlier.settings.get("class_names")
        # A run that was stopped has weights too.
        before = tuple(before or _kept(earlier) or ())
        return Outputs((BACKGROUND, *names), (BACKGROUND, *before)) if before else None

    return outputs_from


def _say_how(names: Sequence[str], in_data: Sequence[str], numbers: Sequence[int], looked_for: Sequence[bool]) -> None:
    matched = [number for number in numbers if number]
    if any(number and number != place for place, number in enumerate(numbers, start=1)):
        said = f"the data have {_numbered(in_data)}, the run has {_numbered(names)}"
        say(f"{noun_of(len(matched), 'classes').capitalize()} of another number, matched by name: {said}.", style="yellow")
    if further := [name for name, number in zip(in_data, numbers, strict=True) if not number]:
        say(f"{', '.join(further)}: not known to this run; counted as background.", style="yellow")
    if unknown := [name for name, looked in zip(names, looked_for, strict=True) if not looked]:
        say(f"{', '.join(unknown)}: not named by the data, so whether it is there is not known; left out of every score.", style="yellow")


def _refuse_other_names(run: Run, names: Sequence[str], then: Sequence[str], frames: Sequence[Frame]) -> None:
    """Refuse the data of a run where they call its classes otherwise than when it was trained, as far as it knows."""
    now, before = _in_data(frames), then
    if not then and not _are_numbers(names) and not run.settings.get("class_names"):
        before = names
    changed = [*map(_key, now)] != [*map(_key, before)] if before else _are_exchanged(names, now)
    if now and changed:
        called = _numbered(before or names)
        what = f"{run.folder} was trained on these images with the classes {called}, and the data now call them {_numbered(now)}"
        raise BadLayout(f"{what}. Call them as before, in {COLUMN}, or train a new run.")


def _refuse_classes_beyond(run: Run, names: Sequence[str], frames: Sequence[Frame]) -> None:
    beyond = [frame for frame in frames if frame.highest_class > len(names)]
    if beyond:
        known = f"{run.folder}: predicts {counted(len(names), 'classes')} ({', '.join(names)})"
        others = f"{verb_of(len(beyond), 'hold')} a class beyond, such as {beyond[0].case.image_id} (class {beyond[0].highest_class})"
        raise BadLayout(f"{known}, and {len(beyond):,} {noun_of(len(beyond), 'label maps')} {others}.")


def _kept(run: Run) -> tuple[str, ...] | None:
    """Return what the data of a run, or of the first of an ensemble, called the classes; None of an older one."""
    kept = (Run(Path(run.about["runs"][0]), run.task) if run.about.get("runs") else run).about.get(IN_DATA)
    return None if kept is None else tuple(kept)


def _in_data(frames: Sequence[Frame]) -> tuple[str, ...]:
    return tuple(getattr(frames[0].case, "class_names", ())) if frames else ()


def _are_exchanged(names: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a name is that of another class in `others`."""
    places = {_key(name): place for place, name in enumerate(others)}
    return any(places.get(_key(name), place) != place for place, name in enumerate(names))


def _are_numbers(names: Sequence[str]) -> bool:
    return tuple(names) == tuple(f"class_{number}" for number in range(1, len(names) + 1))


def _numbered(names: Sequence[str]) -> str:
    """Return names with their numbers: "1 nerve, 2 vessel"."""
    return ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))


def _key(name: str) -> str:
    return name.strip().casefold()
