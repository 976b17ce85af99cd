"""What the journeys share. Files of the toy use case are copied into a package of their own and are no tests."""

from collections.abc import Iterator

import pytest

collect_ignore = ["toy_use_case"]


@pytest.fixture(autouse=True)
def same_number_of_threads() -> Iterator[None]:
    """Give back the threads that a test took away in order to fork; weights agree bit by bit for equal numbers of threads only."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
