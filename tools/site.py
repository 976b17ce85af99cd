"""The site: `python -m tools.site [OUT]`. Every page of the project, an API reference and full-text search, for reading offline.

Needs the extra `site`. Neither torch nor MONAI is imported.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from radlearn import __version__
from radlearn.files import write_text
from radlearn.progress import say
from tools.site_links import troubles_in
from tools.site_pages import lay_out

PROJECT = Path(__file__).resolve().parents[1]
OUT = PROJECT / "build" / "site"


def main(out: Path = OUT, project: Path = PROJECT, package: str = "radlearn") -> int:
    """Build the site; return 1 where a link is broken or a page asks for something outside, 2 where Sphinx has something to say."""
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        lay_out(project, sources, package)
        write_text(sources / "conf.py", "\n".join(f"{name} = {value!r}" for name, value in settings().items()) + "\n")
        built = Path(folder) / "site"
        if not build(sources, built):
            return 2
        if troubles := troubles_in(built):
            say("\n".join(troubles), style="bold red")
            return 1
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(built, out)
    say(f"The site: {out / 'index.html'}")
    return 0


def settings() -> dict[str, object]:
    """Return what stands in Sphinx's conf.py."""
    return {
        "project": "radlearn",
        "version": __version__,
        "release": __version__,
        "root_doc": "index",
        "extensions": ["myst_parser"],
        "myst_heading_anchors": 4,
        "html_theme": "furo",
        "html_title": f"radlearn {__version__}",
        "html_show_sphinx": False,
        "html_show_copyright": False,
        # The page that is shown is made; its source is in the project.
        "html_copy_source": False,
        "pygments_style": "friendly",
        "pygments_dark_style": "github-dark",
        # Counted with the names of types in full, which are shown short.
        "python_maximum_signature_line_length": 160,
        "python_use_unqualified_type_names": True,
        "add_module_names": False,
    }


def build(sources: Path, out: Path) -> bool:
    """Let Sphinx build the pages; return False where it had a warning, which was printed."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    with docutils_namespace():
        sphinx = Sphinx(sources, sources, out, sources.parent / "doctrees", "html", status=None, freshenv=True)
        sphinx.build()
        return sphinx._warncount == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))
