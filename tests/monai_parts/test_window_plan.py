"""Windows by the memory that is free."""

import pytest
import torch

from radlearn.monai_parts.window_plan import WindowPlan, bytes_of_sums, chosen_plan, fitting_plan, grown_window

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_first_fewer_windows_then_sums_on_the_cpu_then_nothing() -> None:
    plan: WindowPlan | None = WindowPlan(5, GPU)
    steps = []
    while plan is not None:
        steps.append((plan.windows, plan.sum_on.type))
        plan = plan.smaller()
    assert steps == [(5, "cuda"), (2, "cuda"), (1, "cuda"), (1, "cpu")]


def test_a_plan_is_said_in_words() -> None:
    assert str(WindowPlan(8, GPU)) == "8 windows at once, summed on cuda"
    assert str(WindowPlan(1, CPU)) == "1 window at once, summed on cpu"


def test_on_a_cpu_windows_go_one_by_one() -> None:
    assert chosen_plan(lambda windows: windows, torch.zeros(1, 1, 9, 9, 9), (8, 8, 8), CPU) == WindowPlan(1, CPU)


@pytest.mark.parametrize(
    ("free", "sums", "window", "expected"),
    [
        (10_000, 100, 1000, (6, "cuda")),
        (100_000, 100, 1000, (8, "cuda")),
        (10_000, 3000, 1000, (7, "cpu")),
        (10_000, 100, 20_000, (1, "cuda")),
        (0, 100, 1000, (1, "cpu")),
    ],
)
def test_on_a_gpu_what_fits_is_chosen(free: int, sums: int, window: int, expected: tuple[int, str]) -> None:
    plan = fitting_plan(free, sums, window, GPU)
    assert (plan.windows, plan.sum_on.type) == expected


def test_sums_take_memory_for_every_image_and_channel() -> None:
    # 2 images of 10 × 10 × 16 in float16; 3 channels out, 2 in: 3 + 3 + 1 + 2 maps.
    images = torch.zeros(2, 2, 10, 10, 10, dtype=torch.float16)
    assert bytes_of_sums(images, (4, 4, 16), channels=3) == 9 * 2 * 2 * 1600


@pytest.mark.parametrize("shape", [(100, 100, 100), (193, 191, 17), (1, 2, 3), (240, 203, 57)])
@pytest.mark.parametrize("patch", [(192, 192, 16), (96, 100, 33)])
def test_a_window_grows_only_where_it_then_covers_and_never_beyond_its_bound(
    shape: tuple[int, int, int], patch: tuple[int, int, int]
) -> None:
    for there, wanted, grown in zip(shape, patch, grown_window(shape, patch, 1.3), strict=True):
        assert grown == wanted or there <= grown <= 1.3 * wanted
        assert grown % min(16, wanted & -wanted) == 0
    assert grown_window(shape, patch, 1.0) == patch
