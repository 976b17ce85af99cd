"""Descriptions are equal for equal content, and other for any other."""

import enum
import functools
import logging
import math
import operator
import re
import sys
import threading
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from radlearn.errors import BadSetting
from radlearn.monai_parts.described_values import Description


def described(value: Any) -> Any:
    return Description().of(value)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Plain:
    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)

    def method(self) -> None: ...
    def other(self) -> None: ...


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


@dataclass
class Data:
    x: int = 0
    y: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SlottedData:
    x: int = 0


def closure(held: Any) -> Callable[[], Any]:
    return lambda: held


PAIRS = [
    # Plain values and containers
    (1, 2), (1, 1.0), (1, True), (0.0, -0.0), (0.1, math.nextafter(0.1, 1)), (None, False), ("a", b"a"), ("1", 1), (1j, 2j), (..., None),
    ([1, 2], [2, 1]), ([1, [2]], [1, 2]), ({1: 2}, {2: 1}), ({1, 2}, {1, 3}), ({}, []), (set(), []), ({"a": 1}, {"a": None}),
    ({1: 2}, {"1": 2}), (range(3), range(4)), (slice(1), slice(2)), (Path("a"), Path("b")), (deque([1]), deque([2])),
    # Arrays and tensors
    (np.zeros(2), np.ones(2)), (np.zeros(2), np.zeros(2, np.float32)), (np.zeros((2, 1)), np.zeros((1, 2))),
    (np.zeros(1), np.zeros((1, 1))), (np.arange(4).reshape(2, 2), np.arange(4).reshape(2, 2).T), (np.float32(1), np.float64(1)),
    (np.array([None, 1]), np.array([None, 2])), (np.dtype("i2"), np.dtype("i4")), (torch.zeros(2), torch.ones(2)),
    (torch.zeros(2), torch.zeros(2).half()), (torch.zeros(0), torch.zeros(0, 1)), (torch.zeros(0), torch.zeros(2)),
    (torch.zeros(2).bfloat16(), torch.ones(2).bfloat16()), (torch.tensor(1), torch.tensor(2)), (torch.float16, torch.float32),
    (torch.device("cpu"), torch.device("meta")), (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
    # Objects
    (Colour.RED, Colour.GREEN), (Colour.RED, 1), (re.compile("a"), re.compile("b")), (re.compile("a"), re.compile("a", re.IGNORECASE)),
    (re.compile("x" * 300 + "a"), re.compile("x" * 300 + "b")), (Plain(x=1), Plain(x=2)), (Plain(x=1), Plain(y=1)), (Data(1), Data(2)),
    (Data(1, [1]), Data(1, [2])), (SlottedData(1), SlottedData(2)), (Slotted(1), Slotted(2)), (Data(1), Plain(x=1)),
    (Plain(x=Plain(y=1)), Plain(x=Plain(y=2))), (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    (operator.itemgetter(1), operator.itemgetter(2)), (Decimal("1"), Decimal("2")), (date(2020, 1, 1), date(2020, 1, 2)),
    # Classes, functions and what is bound to them
    (int, float), (Plain, Data), (len, sum), (np.sin, np.cos), (math.sin, math.cos), (math, operator), (list[int], list[str]),
    (functools.partial(max, 1), functools.partial(max, 2)), (functools.partial(max, key=len), max),
    (functools.partial(max, key=len), functools.partial(max, key=abs)), (functools.partial(max, 1), functools.partial(min, 1)),
    (Plain(x=1).method, Plain(x=2).method), (Plain().method, Plain().other), ({"a": 1}.get, {"a": 2}.get), ("a".join, "b".join),
    (closure(1), closure(2)), (closure(np.zeros(2)), closure(np.ones(2))), (lambda: 1, lambda: 2), (lambda x=1: x, lambda x=2: x),
    (lambda *, x=1: x, lambda *, x=2: x), (lambda x: x.a, lambda x: x.b), (lambda x: [y * 2 for y in x], lambda x: [y * 3 for y in x]),
    (lambda x: max(x), lambda x: min(x)), (staticmethod(len), staticmethod(sum)),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(str(one)[:12] for one in pair))
def test_another_value_has_another_description(pair: tuple[Any, Any]) -> None:
    assert described(pair[0]) != described(pair[1])
    # Inside of something else, too.
    assert described([1, {"a": pair[0]}]) != described([1, {"a": pair[1]}])
    assert described(pair[0]) == described(pair[0])


KEYS = some.text(max_size=3) | some.integers() | some.tuples(some.integers(), some.booleans())
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.binary(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=4) | some.frozensets(KEYS, max_size=4),
    max_leaves=10,
)


@given(some.dictionaries(KEYS, VALUES, max_size=5), some.randoms())
def test_the_order_of_keys_and_sets_does_not_matter(value: dict[Any, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert described(value) == described(OrderedDict((key, value[key]) for key in keys))
    assert described(set(keys)) == described(frozenset(reversed(keys)))
    first, second = Plain(), Plain()
    for one, names in ((first, ("a", "b")), (second, ("b", "a"))):
        for name in names:
            setattr(one, name, value)
    assert described(first) == described(second)


def test_what_an_object_works_with_is_not_what_it_is() -> None:
    """MONAI notes for each thread whether it traces, and draws random numbers."""
    bare, used = Plain(x=1), Plain(x=1, trace=threading.local(), lock=threading.Lock(), again=threading.RLock(), R=np.random.RandomState(3))
    assert described(bare) == described(used)
    assert described([np.random.default_rng(1)]) == described([np.random.default_rng(2)])
    assert described(Plain(x=logging.getLogger("a"))) == described(Plain(x=logging.getLogger("a")))


def test_what_holds_itself_has_an_end() -> None:
    one, other = Plain(x=1), Plain(x=2)
    one.me, other.me = [one], [other]
    assert described(one) == described(one)
    assert described(one) != described(other)

    def recursive(x: int) -> int:
        return recursive(x - 1)

    assert described(recursive) == described(recursive)


def test_what_is_held_twice_is_described_twice() -> None:
    held = [1]
    assert described([held, held]) == described([[1], [1]])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((x for x in ()), r"^a transform holds a generator, whose content cannot be compared"),
        (Plain(inner=Plain(log=[(x for x in ())])), r"holds a \w+ in Plain\.inner\.log, whose content .* give it numbers, words"),
        (Slotted(x for x in ()), r"holds a generator in Slotted\.x"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_place(value: Any, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        described(value)


def test_an_open_file_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "x", "w") as opened, pytest.raises(BadSetting, match=r"a transform holds a TextIOWrapper"):
        described(closure(opened))


@pytest.fixture
def notebook() -> Iterator[Callable[[str], Any]]:
    """Runs code as in a notebook: in one module that has no file. Returns the value of `it`."""
    module = types.ModuleType("notebook_without_a_file")
    sys.modules[module.__name__] = module

    def run(code: str) -> Any:
        exec(compile(code, "<cell>", "exec"), module.__dict__)
        return module.it

    yield run
    del sys.modules[module.__name__]


FUNCTION = """
LIMIT = 3
def double(x): return x * 2
def it(x):
    inner = lambda y: y + 1
    return [inner(double(y)) for y in x if y < LIMIT]
"""
CLASS = """
import math
class Base:
    shift = 1
    def moved(self, x): return x + self.shift
class Window(Base):
    def __init__(self): self.width = 1500
    @staticmethod
    def half(x): return x / 2
    @property
    def wide(self): return self.width * 2
    def __call__(self, x): return math.sqrt(self.half(x))
it = Window()
"""


@pytest.mark.parametrize(
    "change",
    [("LIMIT = 3", "LIMIT = 4"), ("x * 2", "x * 3"), ("y + 1", "y + 2"), ("y < LIMIT", "y > LIMIT"), ("inner(double(y))", "inner(y)")],
)
def test_a_function_of_a_notebook_is_known_by_its_code_and_what_it_names(notebook: Callable[[str], Any], change: tuple[str, str]) -> None:
    before, after = change
    first = described(notebook(FUNCTION))
    assert described(notebook(FUNCTION + "\n# a comment")) == first
    assert described(notebook(FUNCTION.replace(before, after))) != first


@pytest.mark.parametrize(
    "change", ["shift = 1>shift = 2", "x + self>x - self", "= 1500>= 1400", "x / 2>x / 3", "width * 2>width * 3", "math.sqrt>math.exp"]
)
def test_a_class_of_a_notebook_is_known_by_its_code_too(notebook: Callable[[str], Any], change: str) -> None:
    first = described(notebook(CLASS))
    assert described(notebook(CLASS)) == first
    assert described(notebook(CLASS.replace(*change.split(">", 1)))) != first


def test_code_of_a_file_brings_its_file_and_those_it_takes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "deepest_part.py").write_text("def third(x): return x")
    (tmp_path / "inner_part.py").write_text("import deepest_part\ndef second(x): return deepest_part.third(x)")
    (tmp_path / "other_part.py").write_text("class Other:\n    def work(self): ...")
    imports = "import numpy as np\nfrom inner_part import second\nfrom other_part import Other\n"
    (tmp_path / "outer_part.py").write_text(f"{imports}def first(x): return np.abs(second(x)), Other().work()")
    import outer_part  # type: ignore[import-not-found]

    description = Description()
    description.of(outer_part.first)
    assert {path.name for path in description.files} == {"outer_part.py", "inner_part.py", "deepest_part.py", "other_part.py"}
    known = Description(frozenset({tmp_path.resolve() / "inner_part.py"}))
    known.of(outer_part.first)
    assert {path.name for path in known.files} == {"outer_part.py", "other_part.py"}


def test_installed_code_is_known_by_its_name_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.ndimage

    description = Description()
    first = description.of([scipy.ndimage.zoom, re.sub, threading.Thread, torch.nn.ReLU()])
    assert description.files == set()
    monkeypatch.setattr(scipy, "__version__", "0.0.0")
    assert description.of(scipy.ndimage.zoom) != first[1]


def test_a_program_and_the_same_file_imported_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(x: Any) -> Any:
        return x

    function.__qualname__ = "function"
    monkeypatch.setattr(function, "__module__", "__main__")
    as_program = described(function)
    monkeypatch.setattr(function, "__module__", "lesson")
    assert described(function)[0].strip() == "lesson.function"
    assert as_program[0].strip() == ".function"
