"""What a report of a problem begins with."""

from importlib import metadata

import radlearn
from radlearn.info import about_this_machine


def test_versions_decoders_devices_and_memory_are_told() -> None:
    found = about_this_machine()
    assert found["versions"]["radlearn"] == radlearn.__version__
    assert found["versions"]["torch"] == metadata.version("torch")
    assert all(found["DICOM decoders"].values())
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["memory"].endswith("GiB")
    assert found["folders"]["free there"].endswith("GiB")
