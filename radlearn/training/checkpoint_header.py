"""What stands in the header of a file of weights or training state, read without its tensors and without torch."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from radlearn.errors import BadRunFolder
from radlearn.file_names import utf8_path
from radlearn.json_files import json_of
from radlearn.training.run_folder import Run

STATE, DIGEST = "radlearn", "digest"
SEALED = "sealed"
"In the header of weights: each file beside them that tells what they mean has a digest of itself, so that none can lose it unnoticed."

STARTED = "started_from_weights"
"In the header of weights that began as those of an earlier run: what identifies it; true in older ones, and where nothing does."


def header_of(path: Path) -> dict[str, Any] | None:
    """Return the JSON values in the header of a file that radlearn wrote; None where there is none. Whoever loads it says what is wrong."""
    try:
        with utf8_path(path) as place, safe_open(place, framework="numpy") as file:
            said = json_of((file.metadata() or {})[STATE])
    except (OSError, SafetensorError, ValueError, KeyError, MemoryError):
        return None
    return said if isinstance(said, dict) else None


def digest_in(path: Path) -> str | None:
    """Return the digest that a file has of all that it holds; None where it has none, as older files."""
    found = (header_of(path) or {}).get(DIGEST)
    return found if isinstance(found, str) else None


def must_have_digests(run: Run) -> bool:
    """Whether the files beside a run's weights were written with digests of themselves; of an ensemble, whether its runs' were."""
    members = run.about.get("runs", ()) if (run.folder / "settings.json").is_file() else ()
    weights = [run.best_weights, *(Run(Path(member), run.task).best_weights for member in members)]
    return any((header_of(path) or {}).get(SEALED) is True for path in weights)


def refuse_other_weights(said: Any, run: Run, path: Path) -> None:
    """Refuse a file of a run folder that was made with other weights than the run has; where one of the two cannot tell, it is believed.

    Args:
        said: `digest_in` the best weights when the file was made.
        run: with its best weights as they are now.
        path: the file.

    Raises:
        BadRunFolder: with the file, the weights and what to do.
    """
    found = digest_in(run.best_weights)
    if said is not None and found is not None and said != found:
        raise BadRunFolder(
            f"{path}: was made for other weights than {run.best_weights}: one of the two comes from another run, or from an earlier "
            f"state of this one. Copy both from the same run, or remove {path.name}. To make it again: {run.resume_command}"
        )
