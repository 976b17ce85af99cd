"""Arguments of the commands in Python: what has another type than the command takes is refused in words, before anything is read."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from types import NoneType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from radlearn.errors import BadSetting
from radlearn.training.config import another_type

P = ParamSpec("P")
T = TypeVar("T")

WORDS = {
    "Path": "a path",
    "str": "a text",
    "Run": "a run",
    "Repeats": "a folder of repeats",
    "bool": "True or False",
    "int": "a whole number",
}
SHOWN = 60


def checked(command: Callable[P, T]) -> Callable[P, T]:
    """Return a command that raises BadSetting for an argument of another type than its annotation says.

    Args:
        command: a function or method. What `**` gathers is left to it.
    """
    signature = inspect.signature(command)

    @wraps(command)
    def called(*given: P.args, **named: P.kwargs) -> T:
        bound = signature.bind(*given, **named)
        hints = get_type_hints(command)
        for name, parameter in signature.parameters.items():
            if name not in bound.arguments or name not in hints or parameter.kind is inspect.Parameter.VAR_KEYWORD:
                continue
            if isinstance(bound.arguments[name], Iterator):
                # It can be gone through only once, and the check is not to be that.
                bound.arguments[name] = list(bound.arguments[name])
            value = bound.arguments[name]
            if another_type(hints[name], value):
                shown = repr(value) if len(repr(value)) <= SHOWN else f"{repr(value)[:SHOWN]}…"
                raise BadSetting(f"{name} is {shown}; it must be {in_words(hints[name])}.")
        return command(*bound.args, **bound.kwargs)

    return called


def in_words(hint: Any) -> str:
    """Return a type in words.

    >>> from pathlib import Path
    >>> from collections.abc import Sequence
    >>> in_words(Path | str | Sequence[Path | str]), in_words(int | None)
    ('a path, a text or a list of these', 'a whole number or None')
    """
    parts = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    names = [WORDS.get(part.__name__, part.__name__) for part in parts if get_origin(part) is None]
    names += ["a list of these" if names else "a list"] * any(get_origin(part) is not None for part in parts)
    names += ["None"] * (NoneType in get_args(hint))
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
