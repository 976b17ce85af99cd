"""Films are what the files hold, at the size asked for."""

from pathlib import Path

import numpy as np
import torch

from radlearn.challenges.rsna import find_cases
from radlearn.scans.dicom import read_radiograph
from radlearn.tasks.xray.radiographs import as_images, prepared_films


def test_each_film_is_its_file_and_knows_its_header(small_rsna: Path) -> None:
    cases = find_cases(small_rsna)
    films = prepared_films(cases, 32)
    assert [film.case.image_id for film in films] == [case.image_id for case in cases]
    for film in films[::7]:
        read = read_radiograph(film.case.path, 32)
        assert film.pixels.shape == (1, 32, 32)
        assert film.pixels.dtype == np.float32
        # The cache keeps 8 bits of an 8-bit film.
        assert np.abs(film.pixels[0] - read.pixels).max() <= 0.5 / 255 + 1e-6
        assert (film.case.view, film.case.sex, film.case.age_years) == (read.header.view, read.header.sex, read.header.age_years)


def test_a_batch_is_the_films_in_order(small_rsna: Path) -> None:
    films = prepared_films(find_cases(small_rsna)[:3], 16)
    batch = as_images(films, torch.nn.Linear(1, 1))
    assert batch.shape == (3, 1, 16, 16)
    assert np.array_equal(batch[2].numpy(), films[2].pixels)
