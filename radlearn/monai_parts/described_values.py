"""Values, objects and code as JSON values that are equal for equal content, in every process."""

import enum
import functools
import hashlib
import inspect
import json
import logging
import re
import sys
import sysconfig
import threading
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch

from radlearn.errors import BadSetting
from radlearn.folder_walks import real_path

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
BY_REPR = (np.dtype, torch.dtype, torch.device, PurePath, slice, types.GenericAlias, types.UnionType, logging.Logger)
# What an object works with and is not: random numbers are drawn anew for each item, and MONAI notes for each thread whether it traces.
WORKING = (np.random.RandomState, np.random.Generator, torch.Generator, threading.local, type(threading.Lock()), type(threading.RLock()))
INSTALLED = {"site-packages", "dist-packages"}
STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]


class Description:
    """Describes values, and gathers the files that define their code.

    Code of installed packages and of the standard library is described by its name and version, all other by itself and by what it names:
    a function by its instructions, what it holds from around it, and the functions, classes and values of its module that it names.

    Args:
        known_files: whose code is described by its name too.
    """

    def __init__(self, known_files: frozenset[Path] = frozenset()) -> None:
        self.files: set[Path] = set()
        self._known_files = known_files
        # By id, and held, so that no other gets the id.
        self._code_seen: dict[int, Any] = {}
        # Of the values that are being described: ids, for those that hold themselves, and names, for messages.
        self._above: list[int] = []
        self._names: list[str] = []

    def of(self, value: Any) -> Any:
        """Return a value as JSON values.

        Raises:
            BadSetting: its content cannot be compared.
        """
        if isinstance(value, enum.Enum):
            return [type(value).__qualname__, value.name]
        if isinstance(value, PLAIN):
            return repr(value)
        if isinstance(value, BY_REPR):
            return repr(value)
        if isinstance(value, WORKING):
            return type(value).__name__
        if isinstance(value, re.Pattern):
            return ["pattern", repr(value.pattern), int(value.flags)]
        if id(value) in self._above:
            return "itself"
        self._above.append(id(value))
        try:
            return self._of_parts(value)
        finally:
            self._above.pop()

    def _of_parts(self, value: Any) -> Any:
        match value:
            case torch.Tensor():
                plain = value.detach().cpu().contiguous().reshape(-1)
                content = plain.view(torch.uint8).numpy() if plain.numel() else np.empty(0)
                return [str(value.dtype), list(value.shape), _digest(content)]
            case np.ndarray() | np.generic():
                array = np.asarray(value, order="C")
                return [str(array.dtype), list(array.shape), self.of(array.tolist()) if array.dtype.hasobject else _digest(array)]
            case functools.partial():
                return ["partial", *map(self.of, (value.func, value.args, value.keywords))]
            case types.MethodType():
                return ["method", self.of(value.__func__), self.of(value.__self__)]
            case staticmethod() | classmethod():
                return [type(value).__name__, self.of(value.__func__)]
            case property():
                return ["property", *map(self.of, (value.fget, value.fset))]
            case types.FunctionType():
                return self._of_function(value)
            case type():
                return self._of_class(value)
            case types.BuiltinFunctionType() if not isinstance(value.__self__, types.ModuleType | type | None):
                return ["method", value.__name__, self.of(value.__self__)]
            case types.BuiltinFunctionType() | np.ufunc() | types.ModuleType():
                return _name(value)
            case Mapping():
                return ["mapping", *sorted(json.dumps([self.of(key), self.of(one)]) for key, one in value.items())]
            case Set():
                return ["set", *sorted(json.dumps(self.of(one)) for one in value)]
            case Sequence():
                return ["sequence", *map(self.of, value)]
        return self._of_object(value)

    def _of_object(self, value: Any) -> Any:
        """Describe an object by its class and by what pickle would write of it; nothing is pickled."""
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            where = f" in {'.'.join(self._names)}" if self._names else ""
            raise BadSetting(
                f"a transform holds a {type(value).__name__}{where}, whose content cannot be compared, so that its cache could be stale; "
                "give it numbers, words or arrays, or put it after the first random transform."
            ) from None
        if isinstance(reduced, str):
            return [self.of(type(value)), reduced]
        make, arguments, state, *items = reduced if len(reduced) > 2 else (*reduced, None)
        # Two where there are slots too.
        states = state if isinstance(state, tuple) else (state,)
        held = [self.of(make), self.of(arguments), [self.of(list(each)) for each in items if each is not None and not callable(each)]]
        return [self.of(type(value)), held, [self._of_state(type(value), one) if isinstance(one, dict) else self.of(one) for one in states]]

    def _of_state(self, owner: type, state: Mapping[str, Any]) -> Any:
        described = {}
        for name in sorted(name for name, held in state.items() if not isinstance(held, WORKING)):
            self._names.append(name if self._names else f"{owner.__name__}.{name}")
            try:
                described[name] = self.of(state[name])
            finally:
                self._names.pop()
        return described

    def _of_class(self, one: type) -> Any:
        said: list[Any] = [_name(one)]
        for part in inspect.getmro(one):
            if not self._is_known(part) and id(part) not in self._code_seen:
                self._code_seen[id(part)] = part
                said.append(self._of_named(vars(part)))
        return said

    def _of_function(self, function: types.FunctionType) -> Any:
        held = [function.__defaults__, function.__kwdefaults__, *map(_content, function.__closure__ or ())]
        said: list[Any] = [_name(function)]
        if not self._is_known(function) and id(function) not in self._code_seen:
            self._code_seen[id(function)] = function
            names = set(_names(function.__code__))
            named = {name: value for name, value in function.__globals__.items() if name in names}
            # Of a module outside of the installed packages: what the function takes from it.
            parts = [vars(value) for value in named.values() if isinstance(value, types.ModuleType) and not self._is_known(value)]
            named |= {name: value for part in parts for name, value in part.items() if name in names}
            said += [self._of_code(function.__code__), self._of_named(named)]
        return [*said, self.of(held)]

    def _of_code(self, code: types.CodeType) -> Any:
        constants = [self._of_code(one) if isinstance(one, types.CodeType) else self.of(one) for one in code.co_consts]
        return [code.co_code.hex(), constants, list(code.co_names), list(code.co_varnames), list(code.co_freevars)]

    def _of_named(self, named: Mapping[str, Any]) -> Any:
        """Describe what code names; of what cannot be compared, its type: most of it has no part in the result."""
        described = {}
        for name in sorted(named):
            if name.startswith("__") and not callable(named[name]):
                continue
            try:
                described[name] = self.of(named[name])
            except (BadSetting, RecursionError):
                described[name] = type(named[name]).__name__
        return described

    def _is_known(self, one: Any) -> bool:
        """Whether code is described by its name; if not, its file is added to `files`."""
        if getattr(one, "__module__", "") == "builtins" or getattr(one, "__name__", "") in sys.builtin_module_names:
            return True
        try:
            path = Path(inspect.getfile(one))
        except (TypeError, OSError):
            # A class of a notebook, or a module without a file.
            return getattr(one, "__module__", "__main__") in sys.builtin_module_names
        if INSTALLED & set(path.parts) or path.is_relative_to(STANDARD_LIBRARY) or real_path(path) in self._known_files:
            return True
        if path.is_file():
            self.files.add(path)
        return False


def _name(one: Any) -> str:
    """Return the name of a class, function or module, with the version of its package where that says one."""
    module = getattr(one, "__module__", None) or getattr(one, "__name__", "")
    version = getattr(sys.modules.get(str(module).split(".")[0]), "__version__", "")
    # A file may be run as a program or be imported; its content is known in either way.
    place = "" if module == "__main__" else module
    return f"{place}.{getattr(one, '__qualname__', getattr(one, '__name__', ''))} {version}"


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "nothing yet"


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest()
