"""What is wrong with built pages: links that lead nowhere, and requests to other servers."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself when it shows a page, as (tag, attribute).
FETCHED = {
    ("script", "src"), ("img", "src"), ("img", "srcset"), ("source", "src"), ("source", "srcset"), ("iframe", "src"), ("embed", "src"),
    ("audio", "src"), ("video", "src"), ("video", "poster"), ("track", "src"), ("object", "data"), ("input", "src"), ("use", "href"),
    ("image", "href"), ("link", "href"), ("form", "action"),
}  # fmt: skip
# A link of these kinds is only followed.
FOLLOWED = {"next", "prev", "search", "index", "canonical", "license", "author", "help"}
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
IN_SCRIPTS = re.compile(r"(?:fetch|import|importScripts|open|WebSocket|EventSource|src\s*=)\s*\(?\s*['\"`]((?:https?|wss?):[^'\"`]+)")


class _Page(HTMLParser):
    """The anchors of a page, its links, what it fetches, and the styles and scripts in it."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.inline = {"style": "", "script": ""}
        self._open = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        self._open = tag if tag in self.inline else ""
        self.inline["style"] += f" {named.get('style', '')}"
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        for name, value in named.items():
            if (tag, name) in FETCHED:
                is_followed = tag == "form" or (tag == "link" and set(named.get("rel", "").split()) <= FOLLOWED)
                targets = [part.split()[0] for part in value.split(",") if part.strip()] if name == "srcset" else [value]
                (self.links if is_followed else self.fetched).extend(targets)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inline[self._open] += data


def troubles_in(site: Path) -> list[str]:
    """Return a line for each broken link, missing file and outside request of the pages, styles and scripts in a folder."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name}: {trouble}" for link in page.links if (trouble := _link_trouble(path, link, pages))]
        fetched = [*page.fetched, *_in_styles(page.inline["style"])]
        found += [f"{name}: {trouble}" for target in fetched if (trouble := _fetch_trouble(path, target))]
        found += [f"{name}: a script asks for {target}" for target in IN_SCRIPTS.findall(page.inline["script"])]
    for path in sorted(site.rglob("*.css")):
        targets = _in_styles(path.read_text(encoding="utf-8", errors="replace"))
        found += [f"{path.relative_to(site)}: {trouble}" for target in targets if (trouble := _fetch_trouble(path, target))]
    for path in sorted(site.rglob("*.js")):
        asked = IN_SCRIPTS.findall(path.read_text(encoding="utf-8", errors="replace"))
        found += [f"{path.relative_to(site)}: a script asks for {target}" for target in asked]
    return found


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return page


def _in_styles(text: str) -> list[str]:
    return [one or other for one, other in IN_STYLES.findall(text)]


def _is_outside(target: str) -> bool:
    parts = urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _fetch_trouble(path: Path, target: str) -> str:
    if target.startswith(("data:", "#")):
        return ""
    if _is_outside(target):
        return f"asks for {target}, which is outside"
    return "" if _file(path, target).is_file() else f"asks for {target}, which is not there"


def _link_trouble(path: Path, link: str, pages: dict[Path, _Page]) -> str:
    if _is_outside(link) or not link:
        return ""
    target, anchor = _file(path, link), unquote(urlsplit(link).fragment)
    if not target.is_file():
        return f"links to {link}, which is not there"
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"links to {link}, where there is no such place"
    return ""


def _file(path: Path, target: str) -> Path:
    named = unquote(urlsplit(target).path)
    return (path.parent / named).resolve() if named else path.resolve()
