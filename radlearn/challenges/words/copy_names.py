"""Copies of one image that an augmenting program made, whose names give their source away: they show one person, whoever that is.

Without this a table without persons trains on a turned copy of what it is tested on.
"""

import re
from collections import Counter
from collections.abc import Sequence

COPIES = (
    # Roboflow: NAME_png.rf.HASH.jpg
    re.compile(r"(?P<source>.+?)_(?:png|jpe?g|bmp|tiff?|webp|dcm|dicom)\.rf\.[0-9A-Za-z]{8,}", re.IGNORECASE),
    # Augmentor: FOLDER_original_NAME.png_UUID.png
    re.compile(r"(?:.+_)?original_(?P<source>.+?)\.\w{3,5}_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    # NAME_aug_3.png, NAME-augmented12.png
    re.compile(r"(?P<source>.+?)[_-]aug(?:mented)?[_-]?\d*", re.IGNORECASE),
)
"What is called so, without its last suffix."


def source_of(name: str) -> str:
    """Return the name of the image, without a suffix, that a file is a copy of by its name; "" where the name says nothing of it.

    >>> source_of("a.b_png.rf.0123456789abcdef0123456789abcdef.jpg"), source_of("p1_aug_3.png"), source_of("august_3.png")
    ('a.b', 'p1', '')
    """
    bare = name.rpartition(".")[0] or name
    found = next(filter(None, (copy.fullmatch(bare) for copy in COPIES)), None)
    return found["source"] if found else ""


def sources_of(names: Sequence[str]) -> list[str]:
    """Return for each file the image that it and others are of, the image itself among them; "" for a file that stands alone.

    >>> sources_of(["a_aug_1.png", "a_aug_2.png", "b_aug_1.png", "c.png", "a.png"])
    ['a', 'a', '', '', 'a']
    """
    copied = [source_of(name) for name in names]
    known = set(copied) - {""}
    sources = [source or (bare if (bare := name.rpartition(".")[0]) in known else "") for name, source in zip(names, copied, strict=True)]
    held = Counter(sources)
    return [source if held[source] > 1 else "" for source in sources]
