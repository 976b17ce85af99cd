"""A name for what a transform does: equal for equal classes, settings and code, in every process."""

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radlearn.monai_parts.described_values import Description

# Whose versions decide what a transform computes, or a reader reads.
PACKAGES = (
    "monai", "torch", "numpy", "scipy", "scikit-image", "pydicom", "nibabel", "itk", "pillow", "simplejpeg", "python-gdcm",
)  # fmt: skip
# The parts of radlearn that a transform may call, as a whole: a needless rebuild is cheaper than a stale cache.
PARTS = ("scans/*.py", "monai_parts/*.py", "augmentation/*.py", "entry_files.py")


def transform_version(transforms: Sequence[Any]) -> str:
    """Return 16 hexadecimal digits that change with the classes, the settings or the code of transforms.

    The code is that of the installed packages, by their versions; every file outside of them in which a class or a function was defined;
    and the functions, classes and values that these name, so that it is known in a notebook too. What a transform reads from a file when
    it is called is not looked at.

    Raises:
        BadSetting: a transform holds something whose content cannot be compared, such as an open file.
    """
    description = Description(frozenset(_own_code()))
    said = json.dumps([description.of(transform) for transform in transforms])
    digest = hashlib.blake2b(said.encode(), digest_size=8)
    digest.update(_code_version().encode())
    for content in sorted(path.read_bytes() for path in description.files):
        digest.update(content)
    return digest.hexdigest()


@functools.cache
def _own_code() -> tuple[Path, ...]:
    home = Path(__file__).resolve().parents[1]
    return tuple(path for part in PARTS for path in sorted(home.glob(part)))


@functools.cache
def _code_version() -> str:
    digest = hashlib.blake2b(digest_size=8)
    for package in PACKAGES:
        try:
            digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
        except importlib.metadata.PackageNotFoundError:
            continue
    for path in _own_code():
        digest.update(path.read_bytes())
    return digest.hexdigest()
