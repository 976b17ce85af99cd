"""Links in a run folder that somebody else made: nothing is written through them to another place."""

import os
from pathlib import Path

from radlearn.errors import BadRunFolder
from radlearn.folder_walks import real_path
from radlearn.training.run_folder import Run


def refuse_links_out(run: Run) -> None:
    """Refuse a run folder in which a folder is a link to one outside: what is written would lie there, or replace what does.

    A link in the place of a file needs no such care: a file is written whole beside it and takes its place, and its target stays.

    Raises:
        BadRunFolder: with the link and where it leads.
    """
    root = real_path(run.folder)
    for place, folders, _ in os.walk(root):
        for name in folders:
            inside = Path(place, name)
            if inside.is_symlink() and not real_path(inside).is_relative_to(root):
                found = f"{run.folder / inside.relative_to(root)}: is a link to {real_path(inside)}, outside of the run folder"
                raise BadRunFolder(f"{found}. Nothing is written through it; put a folder in its place.")
