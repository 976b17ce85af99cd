"""A network that would answer with what is no number raises an error instead."""

import pytest
import torch
from torch import Tensor, nn

from radlearn.errors import NotFiniteError
from radlearn.training.finite import refuse_outputs_that_are_not_finite


class Detector(nn.Module):
    """Answers as torchvision's detectors do: what is no number is not among the boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 2)

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        scores = self.head(images)
        return [{"scores": one[one > 0.5]} for one in scores]


def test_finite_answers_pass_and_come_back_as_they_were() -> None:
    model = Detector()
    before = model(torch.ones(3, 2))
    refuse_outputs_that_are_not_finite(model, "run")
    assert all(torch.equal(one["scores"], other["scores"]) for one, other in zip(before, model(torch.ones(3, 2)), strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_damaged_or_too_large_weights_have_no_answer(value: float) -> None:
    for model in (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), Detector()):
        with torch.no_grad():
            next(model.parameters())[:] = value
        refuse_outputs_that_are_not_finite(model, "my run")
        with pytest.raises(NotFiniteError, match=r"my run: the output of .* is not finite \(NaN or infinity\), so there is no answer"):
            model(torch.full((1, 2), 10.0))


def test_an_image_that_holds_no_numbers_has_no_answer() -> None:
    model = Detector()
    refuse_outputs_that_are_not_finite(model, "run")
    with pytest.raises(NotFiniteError, match="the image holds"):
        model(torch.tensor([[float("nan"), 1.0]]))
