"""X-rays are what the files hold, at the size asked for."""

from pathlib import Path

import numpy as np
import torch

from radlearn.challenges.rsna import find_cases
from radlearn.scans.dicom import read_radiograph
from radlearn.tasks.xray.radiographs import as_images, prepared_radiographs


def test_each_xray_is_its_file_and_knows_its_header(small_rsna: Path) -> None:
    cases = find_cases(small_rsna)
    xrays = prepared_radiographs(cases, 32)
    assert [xray.case.image_id for xray in xrays] == [case.image_id for case in cases]
    for xray in xrays[::7]:
        read = read_radiograph(xray.case.path, 32)
        assert xray.pixels.shape == (1, 32, 32)
        assert xray.pixels.dtype == np.float32
        # The cache keeps 8 bits of an 8-bit X-ray.
        assert np.abs(xray.pixels[0] - read.pixels).max() <= 0.5 / 255 + 1e-6
        assert (xray.case.view, xray.case.sex, xray.case.age_years) == (read.header.view, read.header.sex, read.header.age_years)


def test_a_batch_is_the_xrays_in_order(small_rsna: Path) -> None:
    xrays = prepared_radiographs(find_cases(small_rsna)[:3], 16)
    batch = as_images(xrays, torch.nn.Linear(1, 1))
    assert batch.shape == (3, 1, 16, 16)
    assert np.array_equal(batch[2].numpy(), xrays[2].pixels)
