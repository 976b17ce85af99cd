"""Broken links and outside requests of built pages are found, each by a page that has it."""

from pathlib import Path

import pytest

from tools.site_links import troubles_in

HEAD = '<link rel="stylesheet" href="style.css"><script src="code.js"></script>'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two pages without a trouble: every kind of link that is allowed."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "style.css").write_text("body { background: url(data:image/gif;base64,R0) } h1 { background: url('sub/a%20b.webp') }")
    (tmp_path / "code.js").write_text("// see https://example.org/licence\nfetch('searchindex.js'); el.href = 'https://example.org'")
    (tmp_path / "sub" / "a b.webp").write_bytes(b"RIFF")
    (tmp_path / "index.html").write_text(
        f'<head>{HEAD}<link rel="next" href="sub/page.html"></head><body id="top"><a href="#top">up</a>'
        '<a href="sub/page.html?q=1#here">x</a>'
        '<a href="https://example.org/not-asked">out</a><img src="sub/a%20b.webp"><img src="data:image/webp;base64,UklGR">'
        '<form action="sub/page.html"></form></body>'
    )
    (tmp_path / "sub" / "page.html").write_text('<h1 id="here">Here</h1><a href="../index.html#top">back</a><a href="mailto:a@b.org">m</a>')
    return tmp_path


def test_pages_that_ask_for_nothing_outside_and_whose_links_work_have_no_trouble(site: Path) -> None:
    assert troubles_in(site) == []


@pytest.mark.parametrize(
    ("added", "trouble"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html, which is not there"),
        ('<a href="sub/page.html#gone">x</a>', "links to sub/page.html#gone, where there is no such place"),
        ('<a href="#gone">x</a>', "links to #gone, where there is no such place"),
        ('<link rel="next" href="gone.html">', "links to gone.html, which is not there"),
        ('<img src="gone.webp">', "asks for gone.webp, which is not there"),
        ('<img srcset="sub/a%20b.webp 1x, https://example.org/b.webp 2x">', "asks for https://example.org/b.webp, which is outside"),
        ('<img src="https://img.shields.io/badge.svg">', "asks for https://img.shields.io/badge.svg, which is outside"),
        ('<script src="//cdn.example.org/x.js"></script>', "asks for //cdn.example.org/x.js, which is outside"),
        ('<link rel="preconnect" href="https://fonts.example.org">', "asks for https://fonts.example.org, which is outside"),
        ('<link rel="stylesheet" href="http://example.org/a.css">', "asks for http://example.org/a.css, which is outside"),
        ("<style>@import 'https://example.org/a.css'</style>", "asks for https://example.org/a.css, which is outside"),
        ('<p style="background: url(https://example.org/a.png)">', "asks for https://example.org/a.png, which is outside"),
        ('<script>fetch("https://example.org/a.json")</script>', "a script asks for https://example.org/a.json"),
        ('<iframe src="https://example.org"></iframe>', "asks for https://example.org, which is outside"),
    ],
)
def test_each_trouble_of_a_page_is_named(site: Path, added: str, trouble: str) -> None:
    page = site / "index.html"
    page.write_text(page.read_text() + added)
    assert troubles_in(site) == [f"index.html: {trouble}"]


def test_styles_and_scripts_are_looked_through_too(site: Path) -> None:
    (site / "sub" / "more.css").write_text("@font-face { src: url(https://fonts.example.org/a.woff2) } p { background: url(gone.png) }")
    (site / "sub" / "more.js").write_text("import('https://cdn.example.org/a.js'); new WebSocket('wss://example.org')")
    assert troubles_in(site) == [
        "sub/more.css: asks for https://fonts.example.org/a.woff2, which is outside",
        "sub/more.css: asks for gone.png, which is not there",
        "sub/more.js: a script asks for https://cdn.example.org/a.js",
        "sub/more.js: a script asks for wss://example.org",
    ]
