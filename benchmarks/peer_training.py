"""A peer's training loop for so many processor minutes, whatever it is a peer of.

Processor minutes are compared rather than wall minutes, because other work on the machine affects them less.
"""

import time
from collections.abc import Callable
from typing import Any

import torch

from radlearn.progress import progress_bar, say
from radlearn.training.loading import EpochLoader


def train_peer(
    loader: EpochLoader,
    loss_of: Callable[[Any], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    minutes: float,
    learning_rate: Callable[[float], float],
) -> None:
    """Take steps until the processor minutes are used up.

    Args:
        loader: of the training batches.
        loss_of: batch -> loss.
        optimizer: of the peer's weights.
        minutes: of processor time, of all threads together.
        learning_rate: share of the minutes that is used up, 0 to 1 -> learning rate.
    """
    begun, step, epoch, wall = time.process_time(), 0, 0, time.monotonic()

    def part() -> float:
        return (time.process_time() - begun) / 60 / minutes

    say(f"The peer trains for {minutes:.1f} processor minutes.")
    with progress_bar("the peer", 1000, "‰ of its time") as bar:
        while part() < 1:
            for batch in loader.epoch(epoch):
                if (used := part()) >= 1:
                    break
                bar.advance(int(used * 1000) - bar.done)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(used)
                loss = loss_of(batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
            epoch += 1
    say(f"The peer took {step:,} steps in {epoch:,} epochs and {time.monotonic() - wall:.0f} s.")
