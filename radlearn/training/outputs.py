"""What the outputs of a network are about, by name. Imports no torch: what is kept of a case asks for it too."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outputs:
    """What the outputs of a network are about, by name: an output for a nerve must not begin with the weights of one for a vessel."""

    now: Sequence[str]
    before: Sequence[str]

    @property
    def rows(self) -> list[int | None]:
        """For each output the one of the earlier network that has its name; None where there is none."""
        places = {name.casefold(): place for place, name in enumerate(self.before)}
        return [places.get(name.casefold()) for name in self.now]

    @property
    def same(self) -> bool:
        """Whether each output is about what it was about."""
        return len(self.now) == len(self.before) and self.rows == list(range(len(self.now)))

    @property
    def in_words(self) -> str:
        """Say which outputs were taken over by their names, and which start anew."""
        taken = [name for name, row in zip(self.now, self.rows, strict=True) if row is not None]
        anew = [name for name, row in zip(self.now, self.rows, strict=True) if row is None]
        said = [f"{', '.join(taken)} taken over"] * bool(taken) + [f"{', '.join(anew)} anew"] * bool(anew)
        return f"Outputs go by their names: {'; '.join(said)}."
