"""The challenge that the phantoms are laid out as."""

import pytest

from radlearn.challenges import covid19
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.covid19_submission import write_submission


@pytest.fixture
def challenge() -> Challenge:
    """A challenge of CTs with masks."""
    return Challenge(
        "covid19", "COVID-19-20", "CT", "CTs", covid19.layout_folder, covid19.find_cases, covid19.find_images, write_submission
    )
