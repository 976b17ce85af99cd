"""What has another type than a command takes is refused in words."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from radlearn.errors import BadSetting
from radlearn.training.arguments import checked


@checked
def command(paths: Path | str | Sequence[Path | str], often: int = 1, loud: bool = False, **further: int) -> tuple[object, ...]:
    """What it does."""
    return paths, often, loud, further


def test_what_fits_comes_through_as_it_is() -> None:
    assert command("a", 2, loud=True, more=3) == ("a", 2, True, {"more": 3})
    assert command([Path("a"), "b"])[0] == [Path("a"), "b"]
    # What can be gone through only once is gone through by the command alone.
    assert command(path for path in ("a", "b"))[0] == ["a", "b"]
    assert (command.__name__, command.__doc__) == ("command", "What it does.")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"paths": None}, "paths is None; it must be a path, a text or a list of these."),
        ({"paths": ["a", 3]}, r"paths is \['a', 3\]; it must be a path, a text or a list of these."),
        ({"paths": "a", "often": 1.5}, "often is 1.5; it must be a whole number."),
        ({"paths": "a", "often": True}, "often is True; it must be a whole number."),
        ({"paths": "a", "loud": "no"}, "loud is 'no'; it must be True or False."),
        ({"paths": [4] * 100}, r"paths is \[4, .{50,70}…; it must be"),
    ],
)
def test_what_does_not_is_named_with_what_it_must_be(given: dict[str, object], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        command(**given)  # type: ignore[arg-type]
