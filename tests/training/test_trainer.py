"""Single training steps: updates, averaging, refusals and precision."""

import copy

import pytest
import torch
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotFiniteError
from radlearn.training.config import TrainerConfig
from radlearn.training.trainer import Trainer


def config(**changes: object) -> TrainerConfig:
    usual = {"epochs": 1, "learning_rate": 0.5, "best_by": "score", "schedule": "constant", "weight_decay": 0.0, "device": "cpu"}
    return TrainerConfig(**{**usual, **changes})


def one_weight() -> nn.Module:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    return model


def output(model: nn.Module, batch: Tensor) -> Tensor:
    return model(batch).sum()


def test_the_norms_of_averaged_weights_are_measured_as_torch_does() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, momentum=0.01), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
    trainer = Trainer(model, config(ema_decay=0.9), None)
    batches = [torch.randn(4, 1, 8, 8) * 3 + 5 for _ in range(3)]
    for step, batch in enumerate(batches):
        trainer.take_step(output, batch, step, 3)
    averaged = trainer.evaluated_model
    by_torch = copy.deepcopy(averaged)
    torch.optim.swa_utils.update_bn(batches, by_torch)
    before = {name: weights.clone() for name, weights in averaged.named_parameters()}
    trained = {name: value.clone() for name, value in model.state_dict().items()}
    assert not torch.allclose(averaged[1].running_mean, by_torch[1].running_mean, atol=0.1)
    trainer.measure_norms(output, batches)
    for name, value in by_torch.state_dict().items():
        torch.testing.assert_close(averaged.state_dict()[name], value)
    # Neither weights change, nor the model that is trained, nor how fast a norm will move.
    assert all(torch.equal(weights, before[name]) for name, weights in averaged.named_parameters())
    assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())
    assert (averaged[1].momentum, averaged[4].momentum, averaged.training) == (0.01, 0.1, False)


def test_norms_are_measured_only_where_weights_are_averaged_and_statistics_kept() -> None:
    norm = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    assert Trainer(norm, config(ema_decay=0.9), None).has_averaged_norms
    assert not Trainer(norm, config(ema_decay=0.0), None).has_averaged_norms
    assert not Trainer(nn.Sequential(nn.Conv2d(1, 3, 3), nn.InstanceNorm2d(3)), config(ema_decay=0.9), None).has_averaged_norms


def test_a_step_of_gradient_descent_by_hand() -> None:
    model = one_weight()
    trainer = Trainer(model, config(), torch.optim.SGD(model.parameters(), lr=0.5))
    # The loss is w·3 = 6, its gradient 3: w = 2 - 0.5 · 3.
    assert trainer.take_step(output, torch.tensor([[3.0]]), 0, 1) == 6.0
    assert model.weight.item() == 0.5


def test_the_gradient_is_clipped_to_its_limit() -> None:
    model = one_weight()
    trainer = Trainer(model, config(gradient_clip=1.0), torch.optim.SGD(model.parameters(), lr=0.5))
    trainer.take_step(output, torch.tensor([[3.0]]), 0, 1)
    assert model.weight.item() == pytest.approx(1.5, abs=1e-5)


def test_every_group_keeps_its_own_learning_rate_under_the_schedule() -> None:
    model = nn.Sequential(one_weight(), one_weight())
    optimizer = torch.optim.SGD([{"params": model[0].parameters(), "lr": 0.1}, {"params": model[1].parameters(), "lr": 0.4}])
    trainer = Trainer(model, config(schedule="constant", warm_up_share=0.5), optimizer)
    trainer.take_step(output, torch.tensor([[1.0]]), 0, 4)
    # The first of two warm-up steps.
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.2]
    trainer.take_step(output, torch.tensor([[1.0]]), 3, 4)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.4]


def test_the_average_by_hand_of_weights_and_of_the_norms_running_means() -> None:
    model = nn.Sequential(one_weight(), nn.BatchNorm1d(1))
    trainer = Trainer(model, config(ema_decay=0.9), torch.optim.SGD(model.parameters(), lr=0.5))
    before = model[0].weight.item(), model[1].bias.item()
    trainer.take_step(lambda model, batch: (model(batch) * batch).sum(), torch.tensor([[1.0], [2.0]]), 0, 9)
    after = model[0].weight.item(), model[1].bias.item()
    # The decay at step 0 is 0.1.
    averaged = trainer.evaluated_model[0].weight.item(), trainer.evaluated_model[1].bias.item()
    assert averaged == pytest.approx([0.1 * old + 0.9 * new for old, new in zip(before, after, strict=True)])
    # Their initial values are 0 and 1.
    assert torch.allclose(trainer.evaluated_model[1].running_mean, 0.9 * model[1].running_mean)
    assert torch.allclose(trainer.evaluated_model[1].running_var, 0.1 + 0.9 * model[1].running_var)
    assert trainer.evaluated_model[1].num_batches_tracked == 1


def test_biases_and_norms_get_no_weight_decay() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    nn.init.ones_(model[0].bias)
    trainer = Trainer(model, config(weight_decay=0.1), None)
    before = [weight.detach().clone() for weight in model.parameters()]
    trainer.take_step(lambda model, batch: model(batch).sum() * 0, torch.ones(1, 1, 4, 4), 0, 1)
    kept = [torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert kept == [False, True, True, True]
    # The gradient is zero, so the change is the weight decay: 1 - 0.5 · 0.1.
    assert torch.allclose(model[0].weight, before[0] * 0.95)


def test_frozen_weights_stay_and_are_not_in_the_optimizer() -> None:
    model = nn.Sequential(one_weight(), one_weight())
    model[0].requires_grad_(False)
    trainer = Trainer(model, config(), None)
    trainer.take_step(output, torch.ones(1, 1), 0, 1)
    assert model[0].weight.item() == 2.0
    assert model[1].weight.item() != 2.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_leaves_the_weights_alone(bad: float) -> None:
    model = one_weight()
    trainer = Trainer(model, config(), None)
    with pytest.raises(NotFiniteError, match=f"the loss is {bad}"):
        trainer.take_step(lambda model, batch: model(batch).sum() * bad, torch.ones(1, 1), 0, 1)
    assert model.weight.item() == 2.0


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone() -> None:
    model = one_weight()
    trainer = Trainer(model, config(gradient_clip=1.0), None)
    # The root of 0 is finite, its gradient is not.
    with pytest.raises(NotFiniteError, match="the norm of the gradient is inf"):
        trainer.take_step(lambda model, batch: (model(batch) - 2).sum().sqrt(), torch.ones(1, 1), 0, 1)
    assert model.weight.item() == 2.0


def test_weights_that_are_not_finite_are_not_saved() -> None:
    model = one_weight()
    trainer = Trainer(model, config(), None)
    nn.init.constant_(model.weight, float("nan"))
    with pytest.raises(NotFiniteError, match="weight are not finite"):
        trainer.state_dict()


@pytest.mark.parametrize("returned", [0.5, torch.ones(3), None])
def test_a_loss_must_be_one_number(returned: object) -> None:
    with pytest.raises(BadSetting, match="must return a tensor of one number"):
        Trainer(one_weight(), config(), None).take_step(lambda model, batch: returned, torch.ones(1, 1), 0, 1)


def test_scores_are_computed_in_eval_mode_and_without_gradients() -> None:
    seen = []

    def validate(model: nn.Module) -> dict[str, float]:
        seen.append((model.training, torch.is_grad_enabled()))
        return {"score": torch.tensor(0.5)}

    assert Trainer(one_weight(), config(), None).scores(validate) == {"score": 0.5}
    assert seen == [(False, False)]


def test_bfloat16_is_used_inside_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    inside = []
    model = nn.Linear(4, 2)
    model.register_forward_hook(lambda module, given, out: inside.append(out.dtype))
    outside = []

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        prediction = model(batch)
        outside.append(prediction.dtype)
        return prediction.pow(2).mean()

    Trainer(model, config(precision="bf16-mixed"), None).take_step(loss, torch.ones(3, 4), 0, 1)
    assert (inside, outside, model.weight.dtype) == ([torch.bfloat16], [torch.float32], torch.float32)


def test_a_detector_that_computes_a_loss_in_training_alone_can_measure_its_norms() -> None:
    class Detector(nn.Module):
        """As torchvision's: the whole asks whether it is in training, its parts do not."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5))

        def forward(self, images: Tensor) -> object:
            return self.layers(images).sum() if self.training else ["boxes"]

    model = Detector()
    trainer = Trainer(model, config(ema_decay=0.9), None)
    batch = torch.randn(4, 1, 8, 8) + 5
    trainer.measure_norms(lambda model, batch: model(batch).sum(), [batch])
    averaged = trainer.evaluated_model
    torch.testing.assert_close(averaged.layers[1].running_mean, averaged.layers[0](batch).mean(dim=(0, 2, 3)))
    assert not any(module.training for module in averaged.modules())
