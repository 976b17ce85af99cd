"""The trainer: a model, its optimizer, and the moving average of the weights that is evaluated.

Lightning Fabric handles device and precision. No other module uses Fabric.
"""

import copy
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotFiniteError
from radlearn.progress import waiting
from radlearn.training import checkpoint
from radlearn.training.config import TrainerConfig
from radlearn.training.device import chosen_device, chosen_precision

Loss = Callable[[nn.Module, Any], Tensor]
Validate = Callable[[nn.Module], Mapping[str, float]]


class Trainer:
    """Takes single training steps, and saves and restores its state as tensors.

    Attributes:
        model: the model that is trained.
        evaluated_model: the model that is validated and kept as best: the moving average, or `model` itself if `ema_decay` is 0.

    Raises:
        BadSetting: if this machine does not support the config.
    """

    def __init__(self, model: nn.Module, config: TrainerConfig, optimizer: torch.optim.Optimizer | None) -> None:
        device, chosen = chosen_device(config.device, config.precision), chosen_precision(config.device, config.precision)
        with nullcontext() if "lightning_fabric" in sys.modules else waiting("Loading Lightning Fabric"):
            from lightning_fabric import Fabric
            from lightning_fabric.plugins.precision import MixedPrecision, Precision

        self.config, self.model = config, model
        # Created here and not by Fabric, because its scale is saved in the checkpoint.
        self._scaler = torch.amp.GradScaler("cuda") if chosen == "16-mixed" else None
        precision = Precision() if chosen == "32-true" else MixedPrecision(chosen, device, self._scaler)
        self._fabric = Fabric(accelerator=device, devices=1, plugins=[precision])
        # Before the optimizer is created, so that its state is on the same device as the weights.
        model.to(self._fabric.device)
        self._optimizer = optimizer or _adamw(model, config)
        self._peak_rates = [group["lr"] for group in self._optimizer.param_groups]
        self._called, self._stepped = self._fabric.setup(model, self._optimizer)
        # A copy: the average must not change with the weights.
        self.evaluated_model = copy.deepcopy(model).requires_grad_(False) if config.ema_decay else model
        self._evaluated_called = self._fabric.setup_module(self.evaluated_model) if config.ema_decay else self._called
        self._weights = [weight.data for weight in model.parameters()]
        self._averages = [weight.data for weight in self.evaluated_model.parameters()]

    def train(self) -> None:
        """Set training mode. Validation sets eval mode."""
        self._called.train()

    def learning_rate(self, step: int, steps: int) -> float:
        """Return the learning rate of the first parameter group at `step` of `steps`."""
        return self._peak_rates[0] * self.config.learning_rate_factor(step, steps)

    def take_step(self, loss: Loss, batch: Any, step: int, steps: int) -> float:
        """Update the weights once and return the loss before the update.

        Raises:
            NotFiniteError: if the loss or the gradient is not finite; the weights are then unchanged.
            BadSetting: if `loss` does not return a tensor of one number.
        """
        for group, peak in zip(self._optimizer.param_groups, self._peak_rates, strict=True):
            group["lr"] = peak * self.config.learning_rate_factor(step, steps)
        result = loss(self._called, self._fabric.to_device(batch))
        if not isinstance(result, Tensor) or result.numel() != 1:
            raise BadSetting(f"loss(model, batch) returned {getattr(result, 'shape', result)!r}; it must return a tensor of one number.")
        self._stepped.zero_grad()
        self._fabric.backward(result)
        # Read only now: reading the number waits for the GPU, which can run the backward pass meanwhile.
        value = float(result.detach())
        if not math.isfinite(value):
            raise NotFiniteError(f"the loss is {value}.")
        if self.config.gradient_clip:
            clipped = self._fabric.clip_gradients(self._called, self._stepped, max_norm=self.config.gradient_clip, error_if_nonfinite=False)
            # Half precision overflows occasionally, and its scaler then skips the step.
            if self._scaler is None and not math.isfinite(float(clipped)):  # type: ignore[arg-type]
                raise NotFiniteError(f"the norm of the gradient is {float(clipped)}.")  # type: ignore[arg-type]
        self._stepped.step()
        if self.config.ema_decay:
            new = 1 - self.config.ema_decay_at(step)
            torch._foreach_lerp_(self._averages, self._weights, new)
            # Running statistics of norms belong to the weights they were computed with, so they are averaged too. Current statistics with
            # weights averaged over a hundred steps give erratic scores while the learning rate is high.
            for average, buffer in zip(self.evaluated_model.buffers(), self.model.buffers(), strict=True):
                if buffer.is_floating_point():
                    average.lerp_(buffer, new)
                else:
                    average.copy_(buffer)
        return value

    @property
    def has_averaged_norms(self) -> bool:
        """Whether weights are averaged and some of the layers keep running statistics."""
        return bool(self.config.ema_decay) and any(True for _ in _norms(self.evaluated_model))

    def measure_norms(self, loss: Loss, batches: Iterable[Any]) -> None:
        """Measure the mean and variance that the norms of the averaged weights see, on training batches.

        Averaged weights were never used in a training step, so the running statistics are those of other weights: of an average over
        hundreds of steps, where the norms of a published network move by a hundredth a step. As `torch.optim.swa_utils.update_bn`
        (Izmailov et al. 2018, arXiv:1803.05407), for any batch that `loss` takes. Layers other than norms are in eval mode, as in use.
        """
        self._evaluated_called.eval()
        # The whole alone is told that it is in training: torchvision's detectors compute a loss only then.
        self.evaluated_model.training = True
        momenta = {norm: norm.momentum for norm in _norms(self.evaluated_model)}
        for norm in momenta:
            norm.reset_running_stats()
            # The plain mean over all batches.
            norm.momentum = None
            norm.train()
        with torch.no_grad():
            for batch in batches:
                loss(self._evaluated_called, self._fabric.to_device(batch))
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        self._evaluated_called.eval()

    def scores(self, validate: Validate) -> dict[str, float]:
        """Return the scores of `validate` for the evaluated model, in eval mode and without gradients."""
        self._evaluated_called.eval()
        with torch.no_grad():
            return {name: float(value) for name, value in validate(self._evaluated_called).items()}

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the state from which training can be continued, as tensors and JSON values.

        Raises:
            NotFiniteError: if a weight is not finite: such a state must not replace a good checkpoint.
        """
        if broken := [name for name, weight in self.model.named_parameters() if not bool(torch.isfinite(weight).all())]:
            raise NotFiniteError(f"The weights {', '.join(broken[:3])} are not finite. Start a new run with a lower learning_rate.")
        optimizer_tensors, rest = checkpoint.optimizer_state(self._optimizer)
        tensors = {
            **checkpoint.under("model/", checkpoint.model_tensors(self.model)),
            **(checkpoint.under("average/", checkpoint.model_tensors(self.evaluated_model)) if self.config.ema_decay else {}),
            **checkpoint.under("optimizer/", optimizer_tensors),
        }
        return tensors, {"optimizer": rest, "scaler": self._scaler.state_dict() if self._scaler else None}

    def load_state_dict(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any], path: Path) -> None:
        """Restore what `state_dict` returned. `path` is its file, for the error message.

        Raises:
            BadRunFolder: if the architecture or the optimizer differs.
        """
        checkpoint.fill_model(self.model, checkpoint.taken_from("model/", tensors), path)
        if self.config.ema_decay:
            checkpoint.fill_model(self.evaluated_model, checkpoint.taken_from("average/", tensors), path)
        checkpoint.fill_optimizer(self._optimizer, checkpoint.taken_from("optimizer/", tensors), rest["optimizer"], path)
        if self._scaler:
            self._scaler.load_state_dict(rest["scaler"])


def _norms(model: nn.Module) -> Iterator[nn.BatchNorm2d]:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    yield from (layer for layer in model.modules() if isinstance(layer, kinds) and layer.track_running_stats)  # type: ignore[misc]


def _adamw(model: nn.Module, config: TrainerConfig) -> torch.optim.Optimizer:
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    # Biases and the scales of norms have one dimension. They get no weight decay.
    groups = [
        {"params": [weight for weight in trainable if weight.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [weight for weight in trainable if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    # The fused step takes half the time, but it unscales gradients itself, so they cannot be clipped in between.
    fused = config.precision != "16-mixed"
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate, fused=fused)
