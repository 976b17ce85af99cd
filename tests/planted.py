"""What names a patient, planted into headers, and a search for it in everything that was written."""

import base64
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pydicom
from PIL import ExifTags, Image
from pydicom.sequence import Sequence
from pydicom.uid import UID

UID_ROOT = "1.2.826.0.1.3680043.9.48151"
PATIENT_ID = "MRN-4815162"
# Keyword -> what is planted; of PatientID and UIDs the beginning, which all images share.
NAMES = {
    "PatientName": "Zwetschgenbaum^Hildegard^^Prof. Dr.",
    "PatientBirthName": "Ruebezahl",
    "PatientMotherBirthName": "Holunderstrauch",
    "OtherPatientNames": "Mirabellenhain^Hilla",
    "PatientBirthDate": "19470613",
    "PatientAddress": "Kraehenwinkelgasse 17",
    "PatientTelephoneNumbers": "05550-314159",
    "PatientComments": "nephew of Fridolin Nasenbaer",
    "OtherPatientIDs": "OTHER-2357111",
    "IssuerOfPatientID": "IssuerSonnenblick",
    "MilitaryRank": "Rittmeisterin",
    "Occupation": "Leuchtturmwaerterin",
    "InstitutionName": "Klinikum Mondscheinhuegel",
    "InstitutionAddress": "Moorseeallee 3",
    "InstitutionalDepartmentName": "Station Butterblume",
    "StationName": "CR-QUITTENTAL-1",
    "ReferringPhysicianName": "Oelmuehle^Radomir",
    "ReferringPhysicianAddress": "Disteldamm 8",
    "PerformingPhysicianName": "Kirschkern^Waldtraut",
    "PhysiciansOfRecord": "Schlehdorn^Ottokar",
    "RequestingPhysician": "Haselnuss^Eckehard",
    "RequestingService": "Praxis Vogelbeere",
    "NameOfPhysiciansReadingStudy": "Brombeer^Sieglinde",
    "OperatorsName": "Quendelbach^Thusnelda",
    "ResponsiblePerson": "Wacholder^Adelgunde",
    "AccessionNumber": "ACC-QX774150",
    "StudyID": "STUDY-QX3372",
    "AdmissionID": "ADM-QX90210",
    "RequestedProcedureID": "PROC-QX5519",
    "CurrentPatientLocation": "Zimmer Eichelhaeher",
    "ImageComments": "compared with Ludmilla Ginsterkatze",
    "StudyDescription": "Thorax, Fr. Tannenzapfen",
    "SeriesDescription": "Thorax pa, Fr. Fichtenkreuz",
    "ProtocolName": "Thorax Fr. Laerchenwald",
    "AdditionalPatientHistory": "seen by Knoblauch in 2017",
    "DeviceSerialNumber": "SERIAL-QX8128",
    "PerformedProcedureStepID": "STEP-QX4711",
    "PerformedStationName": "PST-ROSMARIN",
    "FillerOrderNumberImagingServiceRequest": "FILL-QX1618",
    "MedicalAlerts": "Allergie Frau Sanddorn",
    "PatientInstitutionResidence": "Heim Apfelbluete",
}
PRIVATE, NESTED = "Xylophon^Benedikta", "Yggdrasil^Corvinus"
WORDS = [word for name in (*NAMES.values(), PRIVATE, NESTED) for word in re.findall(r"[A-Z]+-[A-Z]*\d+|\d{8}|[A-Z][A-Za-z]{6,}", name)]
NO_SECRETS = {"Klinikum", "Station", "Allergie"}
SECRETS = sorted(
    {word for word in WORDS if word not in NO_SECRETS}
    | {PATIENT_ID, UID_ROOT, "1947-06-13", "13.06.1947", "06/13/1947", "5550-314159", "QUITTENTAL", "ROSMARIN", "Mondscheinhuegel"}
)
MAGIC = {"gzip": b"\x1f\x8b", "zip": b"PK\x03\x04", "png": b"\x89PNG\r\n\x1a\n"}
DATA_URL = re.compile(rb"data:[\w/+.-]+;base64,([A-Za-z0-9+/=]+)")


def plant(said: pydicom.Dataset, person: str, number: int) -> None:
    """Write into a header what names a patient: in fields, in a sequence, in a private element, and identifiers of its own."""
    for place, (keyword, value) in enumerate(NAMES.items()):
        # Each field is missing in other images, so that none goes with another, and `check` looks at every one of them.
        if (number * 7 + place * (place + 3)) % 11 < 7:
            setattr(said, keyword, value)
    said.SpecificCharacterSet = "ISO_IR 192"
    said.PatientID, said.StudyInstanceUID = patient_id(person), UID(f"{UID_ROOT}.1.{number}")
    said.SOPInstanceUID = said.file_meta.MediaStorageSOPInstanceUID = UID(f"{UID_ROOT}.2.{number}")
    nested = pydicom.Dataset()
    nested.ScheduledPerformingPhysicianName = NESTED
    said.RequestAttributesSequence = Sequence([nested])
    said.private_block(0x0019, "PLANTED", create=True).add_new(0x01, "LO", PRIVATE)


def patient_id(person: str) -> str:
    return f"{PATIENT_ID}-{person}"


def found_in(content: bytes, secrets: list[bytes]) -> set[bytes]:
    """Return the secrets that stand in a content or in what is packed in it, in any case, as UTF-8 or UTF-16."""
    forms = {}
    for secret in secrets:
        words = secret.decode("latin-1").lower()
        forms |= dict.fromkeys((secret.lower(), words.encode("utf-16-le"), words.encode("utf-16-be")), secret)
    return {forms[form] for piece in pieces_of(content) for form in standing_in(piece.lower(), forms)}


def standing_in(content: bytes, wanted: Iterable[bytes]) -> set[bytes]:
    """Return which of some byte strings, of four bytes or more, stand in a content.

    Places are found by their first two and four bytes for all strings at once: a search for each of a thousand takes minutes.
    """
    by_start: dict[int, list[bytes]] = {}
    for one in wanted:
        by_start.setdefault(int.from_bytes(one[:4], "big"), []).append(one)
    values = np.frombuffer(content, np.uint8)
    if len(values) < 4 or not by_start:
        return set()
    begins = np.zeros(1 << 16, bool)
    begins[[start >> 16 for start in by_start]] = True
    pairs = values[:-1].astype(np.uint16) << 8 | values[1:]
    places = np.flatnonzero(begins[pairs[:-2]])
    starts = pairs[places].astype(np.uint32) << 16 | pairs[places + 2]
    near = np.isin(starts, np.array(list(by_start), np.uint32))
    at = zip(places[near].tolist(), starts[near].tolist(), strict=True)
    return {one for place, start in at for one in by_start[start] if content.startswith(one, place)}


def pieces_of(content: bytes) -> Iterator[bytes]:
    """Yield a content, and what is packed in it: members of archives, texts of pictures, pictures in pages."""
    yield content
    if content.startswith(MAGIC["gzip"]):
        yield from pieces_of(gzip.decompress(content))
    elif content.startswith(MAGIC["zip"]):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive.comment
            for member in archive.infolist():
                yield from (member.filename.encode(), member.comment, *pieces_of(archive.read(member)))
    elif content.startswith(MAGIC["png"]):
        yield from _texts_of_png(content)
    for packed in DATA_URL.findall(content):
        yield from pieces_of(base64.b64decode(packed))


def _texts_of_png(content: bytes) -> Iterator[bytes]:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        yield repr(picture.info).encode()
        yield repr({ExifTags.TAGS.get(tag, tag): value for tag, value in picture.getexif().items()}).encode()
    place = len(MAGIC["png"])
    while place < len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        body = content[place + 8 : place + 8 + length]
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            for start in range(len(body)):
                if body[start : start + 1] == b"\x78":
                    try:
                        yield zlib.decompress(body[start:])
                    except zlib.error:
                        continue
        place += length + 12


def digests_of(identifiers: list[str]) -> list[bytes]:
    """Return what a digest without a key would write of identifiers: whoever tries all numbers of a hospital undoes it."""
    names = ("md5", "sha1", "sha256", "sha512", "blake2b")
    made = [hashlib.new(name, one.encode()) for one in identifiers for name in names]
    made += [hashlib.blake2b(one.encode(), digest_size=size) for one in identifiers for size in (8, 16, 32)]
    return [form for one in made for form in (one.hexdigest().encode(), one.digest())]


def written_below(*folders: Path) -> dict[str, bytes]:
    """Return every file below folders by its path, and the paths themselves as one content more."""
    files = {str(path): path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}
    return files | {"names of files": "\n".join(files).encode()}
