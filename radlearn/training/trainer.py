"""What learns: a model, the optimizer that moves its weights, and the moving average of them that is evaluated.

Lightning Fabric places it on the device and computes in the precision asked for; nothing else in the house speaks to Fabric.
"""

import copy
import math
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotFiniteError
from radlearn.progress import waiting
from radlearn.training import checkpoint
from radlearn.training.config import TrainerConfig
from radlearn.training.device import chosen_device

Loss = Callable[[nn.Module, Any], Tensor]
Validate = Callable[[nn.Module], Mapping[str, float]]


class Trainer:
    """A model on its way: one step at a time, and everything it must remember as tensors.

    Attributes:
        model: what the steps move.
        evaluated_model: what is validated and kept as best: its moving average, or itself where the config wants none.

    Raises:
        BadSetting: if the config asks what this machine cannot do.
    """

    def __init__(self, model: nn.Module, config: TrainerConfig, optimizer: torch.optim.Optimizer | None) -> None:
        device = chosen_device(config.device, config.precision)
        with nullcontext() if "lightning_fabric" in sys.modules else waiting("Loading Lightning Fabric"):
            from lightning_fabric import Fabric
            from lightning_fabric.plugins.precision import MixedPrecision, Precision

        self.config, self.model = config, model
        # Ours, and not Fabric's own, because its scale belongs into the checkpoint.
        self._scaler = torch.amp.GradScaler("cuda") if config.precision == "16-mixed" else None
        precision = Precision() if config.precision == "32-true" else MixedPrecision(config.precision, device, self._scaler)
        self._fabric = Fabric(accelerator=device, devices=1, plugins=[precision])
        # Before the optimizer is made, whose memory should lie where the weights do.
        model.to(self._fabric.device)
        self._optimizer = optimizer or _adamw(model, config)
        self._peak_rates = [group["lr"] for group in self._optimizer.param_groups]
        self._called, self._stepped = self._fabric.setup(model, self._optimizer)
        # A copy: from here it goes its own way.
        self.evaluated_model = copy.deepcopy(model).requires_grad_(False) if config.ema_decay else model
        self._evaluated_called = self._fabric.setup_module(self.evaluated_model) if config.ema_decay else self._called
        self._weights = [weight.data for weight in model.parameters()]
        self._averages = [weight.data for weight in self.evaluated_model.parameters()]

    def train(self) -> None:
        """Put the model in training mode, which validation ends."""
        self._called.train()

    def learning_rate(self, step: int, steps: int) -> float:
        """Return the learning rate at `step` of `steps`, that of the first group where the optimizer has several."""
        return self._peak_rates[0] * self.config.learning_rate_factor(step, steps)

    def take_step(self, loss: Loss, batch: Any, step: int, steps: int) -> float:
        """Move the weights once and return the loss before that.

        Raises:
            NotFiniteError: if the loss or the gradient is no finite number; the weights are then as before.
            BadSetting: if `loss` does not return one number.
        """
        for group, peak in zip(self._optimizer.param_groups, self._peak_rates, strict=True):
            group["lr"] = peak * self.config.learning_rate_factor(step, steps)
        wrong = loss(self._called, self._fabric.to_device(batch))
        if not isinstance(wrong, Tensor) or wrong.numel() != 1:
            raise BadSetting(f"loss(model, batch) returned {getattr(wrong, 'shape', wrong)!r}; it must return a tensor of one number.")
        self._stepped.zero_grad()
        self._fabric.backward(wrong)
        # Only now, because reading the number waits for the GPU, which has the backward pass to do meanwhile.
        value = float(wrong.detach())
        if not math.isfinite(value):
            raise NotFiniteError(f"the loss is {value}.")
        if self.config.gradient_clip:
            clipped = self._fabric.clip_gradients(self._called, self._stepped, max_norm=self.config.gradient_clip, error_if_nonfinite=False)
            # Half precision overflows now and then, and its scaler then leaves out the step.
            if self._scaler is None and not math.isfinite(float(clipped)):  # type: ignore[arg-type]
                raise NotFiniteError(f"the length of the gradient is {float(clipped)}.")  # type: ignore[arg-type]
        self._stepped.step()
        if self.config.ema_decay:
            new = 1 - self.config.ema_decay_at(step)
            torch._foreach_lerp_(self._averages, self._weights, new)
            # The running means of norms belong to the weights they were taken with, and are averaged like these: today's means with the
            # averaged weights of a hundred steps evaluate wildly while the learning rate is high.
            for average, buffer in zip(self.evaluated_model.buffers(), self.model.buffers(), strict=True):
                if buffer.is_floating_point():
                    average.lerp_(buffer, new)
                else:
                    average.copy_(buffer)
        return value

    def scores(self, validate: Validate) -> dict[str, float]:
        """Return what `validate` says of the evaluated model, in eval mode and without gradients."""
        self._evaluated_called.eval()
        with torch.no_grad():
            return {name: float(value) for name, value in validate(self._evaluated_called).items()}

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that a later process needs to go on, as tensors and JSON values.

        Raises:
            NotFiniteError: if a weight is no number: that is worth no saving.
        """
        if broken := [name for name, weight in self.model.named_parameters() if not bool(torch.isfinite(weight).all())]:
            raise NotFiniteError(f"The weights {', '.join(broken[:3])} are no numbers any more. Lower learning_rate in a new run.")
        memory, rest = checkpoint.optimizer_state(self._optimizer)
        tensors = {
            **checkpoint.under("model/", checkpoint.model_tensors(self.model)),
            **(checkpoint.under("average/", checkpoint.model_tensors(self.evaluated_model)) if self.config.ema_decay else {}),
            **checkpoint.under("optimizer/", memory),
        }
        return tensors, {"optimizer": rest, "scaler": self._scaler.state_dict() if self._scaler else None}

    def load_state_dict(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any], path: Path) -> None:
        """Take over what `state_dict` returned; `path` is where it came from, for the error.

        Raises:
            BadRunFolder: if it is of another architecture or optimizer.
        """
        checkpoint.fill_model(self.model, checkpoint.taken_from("model/", tensors), path)
        if self.config.ema_decay:
            checkpoint.fill_model(self.evaluated_model, checkpoint.taken_from("average/", tensors), path)
        checkpoint.fill_optimizer(self._optimizer, checkpoint.taken_from("optimizer/", tensors), rest["optimizer"], path)
        if self._scaler:
            self._scaler.load_state_dict(rest["scaler"])


def _adamw(model: nn.Module, config: TrainerConfig) -> torch.optim.Optimizer:
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    # Biases and the scales of norms have one dimension: to shrink them is to change what they stand for.
    groups = [
        {"params": [weight for weight in learned if weight.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [weight for weight in learned if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    # The fused step takes half the time, but unscales gradients itself, which leaves no moment to clip them.
    fused = config.precision != "16-mixed"
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate, fused=fused)
