"""Pseudonyms for what identifies a patient: what a cache keeps in place of PatientID and UIDs.

    CACHE/pseudonym.key    32 random bytes, for their owner alone

The same identifier has the same pseudonym, so that images of one patient are still known to be so. The way back needs the key: a digest
without one would be undone by trying all numbers of a hospital.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from radlearn.files import cache_folder, written_whole

KEY_FILE = "pseudonym.key"
KEY_BYTES = 32
# Names of radlearn's readers, and the tags as MONAI's reader of DICOM names them: of the patient, and of study, series and image.
IDENTIFIERS = ("patient_id", "study_uid", "series_uid", "sop_uid")
IDENTIFYING_TAGS = (
    "00080018", "00080050", "00080080", "00080081", "00080090", "00081048", "00081050", "00081070", "0020000D", "0020000E", "00200010",
    "00200052",
)  # fmt: skip
PATIENT_GROUP = "0010"
TAG = re.compile("[0-9A-Fa-f]{8}")
PSEUDONYM = re.compile("[0-9a-f]{32}")
# Of the patient's group, what describes and does not name: sex, age, size, weight.
DESCRIBING_TAGS = ("00100040", "00101010", "00101020", "00101030")
# What a value is where a reader says so: names, dates, identifiers, free text, and whatever may hold those.
NAMING_VRS = {"AE", "DA", "DT", "LO", "LT", "OB", "PN", "SH", "SQ", "ST", "TM", "UC", "UI", "UN", "UR", "UT"}
KINDS_OF_OBJECT = ("00080016", "00020010")


def pseudonym(identifier: str) -> str:
    """Return the pseudonym of an identifier, 32 hexadecimal digits; "" stays "".

    Raises:
        OSError: if the key cannot be read or made.
    """
    return identifier and hashlib.blake2b(identifier.encode("utf-8", "surrogatepass"), key=_key(cache_folder()), digest_size=16).hexdigest()


def is_pseudonym(text: str) -> bool:
    """Whether a text may be a pseudonym, by its form.

    >>> is_pseudonym("0123456789abcdef" * 2), is_pseudonym("P7")
    (True, False)
    """
    return PSEUDONYM.fullmatch(text) is not None


def without_identifiers(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader says of an image with pseudonyms, and without the DICOM tags that name a patient."""
    kept = {name: value for name, value in said.items() if not _names_a_patient(name, value)}
    return kept | {name: pseudonym(kept[name]) for name in IDENTIFIERS if isinstance(kept.get(name), str)}


def _names_a_patient(name: Any, value: Any) -> bool:
    if not isinstance(name, str) or len(name) != 8:
        return False
    if isinstance(value, Mapping) and value.get("vr") in NAMING_VRS and name not in KINDS_OF_OBJECT and TAG.fullmatch(name):
        return True
    return name.upper() in IDENTIFYING_TAGS or (name.startswith(PATIENT_GROUP) and name not in DESCRIBING_TAGS and name.isalnum())


@cache
def _key(folder: Path) -> bytes:
    path = folder / KEY_FILE
    for _ in range(2):
        try:
            if len(found := path.read_bytes()) == KEY_BYTES:
                return found
        except FileNotFoundError:
            pass
        made = secrets.token_bytes(KEY_BYTES)
        with written_whole(path.with_name(f"{KEY_FILE}-{os.getpid()}"), private=True) as temporary:
            temporary.write_bytes(made)
        whole = path.with_name(f"{KEY_FILE}-{os.getpid()}")
        try:
            # Unlike a move, a link does not replace the key that another process made meanwhile.
            os.link(whole, path)
        except FileExistsError:
            if path.stat().st_size != KEY_BYTES:
                os.replace(whole, path)
        except OSError:
            os.replace(whole, path)
        finally:
            whole.unlink(missing_ok=True)
    return path.read_bytes()
