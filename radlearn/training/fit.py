"""The one loop: it makes a model less wrong, keeps the best of it, and can be stopped and killed at any moment.

It knows no label, box or mask, only two functions: `loss(model, batch)`, how wrong the model is on a batch, and `validate(model)`,
how good it is on cases it does not learn from. Everything random or scheduled is a function of the step, so the whole state of a
training is its tensors, the number of steps done and the history so far: that is what a checkpoint holds.
"""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import torch
from torch import nn

from radlearn.errors import BadRunFolder, BadSetting, Interrupted, NotFiniteError, RadlearnError
from radlearn.files import json_ready, write_text
from radlearn.progress import progress_bar, say
from radlearn.training import checkpoint
from radlearn.training.config import FREE_TO_CHANGE, TrainerConfig
from radlearn.training.loading import EpochLoader, reseed
from radlearn.training.run_folder import Run
from radlearn.training.trainer import Loss, Trainer, Validate
from radlearn.training.watching import CtrlC, Voice

HISTORY_FIELDS = ("epoch", "step", "loss", "learning_rate", "seconds")
# Less work than this is not saved once more before a validation.
WORTH_SAVING_SECONDS = 5.0


def fit(
    model: nn.Module,
    loss: Loss,
    validate: Validate,
    loader: EpochLoader,
    config: TrainerConfig,
    run: Run,
    optimizer: torch.optim.Optimizer | None = None,
) -> nn.Module:
    """Train `model` as `config` says and return it with the best weights, in eval mode.

    Where `run` holds a checkpoint, training goes on from there: resuming is the same call. On one CPU it ends with the same weights,
    bit for bit, as if it had never stopped, provided that `loss`, `validate` and the data set are functions of what they are given and
    of the random numbers, which are set before every step.

    Args:
        model: is moved to the config's device. What it holds at the first start is where training begins (`reseed` before building it).
        loss: (model, batch on the device) -> one number. It must call the model it is given, which adds the config's precision.
        validate: (model in eval mode, no gradients) -> scores by name, among them `config.best_by`. Moving its batches to the device
            (`next(model.parameters()).device`) is its own affair.
        loader: the training batches.
        config: how long, how fast, by which score.
        run: gets `history.jsonl`, `last/` and `best/`.
        optimizer: of the model's parameters; the schedule multiplies the learning rate of each of its groups. Without one: AdamW
            (Loshchilov and Hutter 2017, arXiv:1711.05101) with the config's learning rate, and no decay of biases and norms.

    Raises:
        NotFiniteError: if a loss, a gradient or the chosen score is no finite number, with epoch and batch.
        Interrupted: after Ctrl-C, when all is saved, with how to go on.
        BadRunFolder: if the checkpoint is damaged, or of another architecture, config or data.
        BadSetting: if the config asks what this machine cannot do, or the scores lack `config.best_by`.
    """
    training = _Training(Trainer(model, config, optimizer), loss, validate, loader, run)
    training.begin_or_resume()
    if not training.finished:
        with CtrlC() as ctrl_c, progress_bar("training", training.steps, "steps") as bar, Voice(bar, training.step) as voice:
            try:
                while not training.finished:
                    training.train_epoch(len(training.history), ctrl_c, voice)
                    training.finish_epoch(len(training.history), ctrl_c, voice)
            except KeyboardInterrupt:
                raise Interrupted(
                    f"Stopped by Ctrl-C, saved after step {training.saved_step:,} of {training.steps:,}. To go on: {run.resume_command}"
                ) from None
            except torch.OutOfMemoryError as error:
                raise BadSetting(
                    f"Step {training.step + 1:,}: the device has too little memory ({str(error).split('. ')[0]}). "
                    "Use a smaller batch or a smaller image in a new run."
                ) from error
    training.sweep()
    if training.events:
        training.events.close()
    best, done = training.best_epoch, len(training.history)
    early = f" (stopped early: {config.patience_epochs} epochs without a better one)" if done < config.epochs else ""
    say(f"Trained {done} of {config.epochs} epochs{early}. Best {config.best_by}: {best[config.best_by]:.3f}, in epoch {best['epoch']}.")
    checkpoint.load_weights(run.best_weights, model)
    return model.eval()


class _Training:
    """Where a training stands, and what moves it on."""

    def __init__(self, trainer: Trainer, loss: Loss, validate: Validate, loader: EpochLoader, run: Run) -> None:
        self.trainer, self.loss, self.validate, self.loader, self.run = trainer, loss, validate, loader, run
        self.config = trainer.config
        self.steps = self.config.epochs * loader.steps_per_epoch
        self.step = self.saved_step = 0
        self.history: list[dict[str, Any]] = []
        # Of the epoch under way; the seconds are those before the last interruption.
        self.loss_sum = self.earlier_seconds = 0.0
        self.begun = self.saved_at = monotonic()
        self.longest_step_seconds = 0.0
        self.events: Any = None

    @property
    def best_epoch(self) -> dict[str, Any]:
        """The line of the history with the highest chosen score, the first of equals."""
        return max(self.history, key=lambda line: line[self.config.best_by])

    @property
    def finished(self) -> bool:
        if not self.history:
            return False
        without_better = len(self.history) - self.best_epoch["epoch"]
        return len(self.history) == self.config.epochs or 0 < self.config.patience_epochs <= without_better

    @property
    def seconds(self) -> float:
        """How long the epoch under way has taken, interruptions left out."""
        return self.earlier_seconds + monotonic() - self.begun

    def train_epoch(self, epoch: int, ctrl_c: CtrlC, voice: Voice) -> None:
        """Take the steps of `epoch` (from 0) that are still to be taken."""
        first = self.step - epoch * self.loader.steps_per_epoch
        if first == self.loader.steps_per_epoch:
            return
        best = f" · best {self.config.best_by} {self.best_epoch[self.config.best_by]:.3f}" if self.history else ""
        where = f"epoch {epoch + 1}/{self.config.epochs}"
        voice.note = f"{where} · first batch{best}"
        self.trainer.train()
        try:
            stepped_at = monotonic()
            for number, batch in enumerate(self.batches(epoch, first), first):
                value = self.take_step(epoch, number, batch)
                voice.steps, voice.note = self.step, f"{where} · loss {value:.3f}{best}"
                if ctrl_c.wanted:
                    raise KeyboardInterrupt
                now = monotonic()
                self.longest_step_seconds, stepped_at = max(self.longest_step_seconds, now - stepped_at), now
                # One step before the time is up, not one after.
                if now - self.saved_at + self.longest_step_seconds >= self.config.save_every_seconds:
                    self.save()
                    stepped_at = monotonic()
        except KeyboardInterrupt:
            # The second Ctrl-C may have struck in the middle of a step, which then is neither done nor undone.
            if not ctrl_c.insisted:
                self.save()
            raise

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        try:
            yield from self.loader.epoch(epoch, first)
        except RadlearnError:
            # A case that cannot be loaded: the step before is whole and worth keeping. (When a step itself fails it is not: the batch
            # that made the loss no number is already in the running means of the norms.)
            self.save()
            raise

    def take_step(self, epoch: int, number: int, batch: Any) -> float:
        reseed(self.config.seed, epoch, number)
        try:
            value = self.trainer.take_step(self.loss, batch, self.step, self.steps)
        except NotFiniteError as error:
            named = isinstance(batch, Mapping) and "ids" in batch
            names = batch["ids"] if named else self.loader.names(self.loader.keys(epoch)[number])
            raise NotFiniteError(
                f"Epoch {epoch + 1}, batch {number + 1} of {self.loader.steps_per_epoch} (step {self.step + 1:,}): {error} Its cases: "
                f"{', '.join(map(str, names))}. Look at them; or lower learning_rate, or set gradient_clip, in a new run."
            ) from None
        self.step += 1
        self.loss_sum += value
        return value

    def finish_epoch(self, epoch: int, ctrl_c: CtrlC, voice: Voice) -> None:
        """Validate, keep the weights if they are the best, write the history, save."""
        if monotonic() - self.saved_at > WORTH_SAVING_SECONDS:
            self.save()
        voice.note = f"epoch {epoch + 1}/{self.config.epochs} · validating"
        try:
            with ctrl_c.at_once():
                scores = self.scores(epoch)
        except (KeyboardInterrupt, RadlearnError):
            self.save()
            raise
        line = json_ready(
            {
                "epoch": epoch + 1,
                "step": self.step,
                "loss": self.loss_sum / self.loader.steps_per_epoch,
                "learning_rate": self.trainer.learning_rate(self.step - 1, self.steps),
                "seconds": round(self.seconds, 3),
                **scores,
            }
        )
        self.history.append(line)
        if self.best_epoch is line:
            about = {"task": self.run.task, "epoch": epoch + 1, "step": self.step, "scores": scores}
            checkpoint.save_weights(self.run.best_weights, self.trainer.evaluated_model, about)
        self.loss_sum, self.earlier_seconds, self.begun = 0.0, 0.0, monotonic()
        self.write_history()
        self.save()
        self.tell(line)

    def scores(self, epoch: int) -> dict[str, float]:
        """Return what `validate` finds, with the names and the chosen score made sure of."""
        # As for a step after the epoch's last: random numbers that no step has.
        reseed(self.config.seed, epoch, self.loader.steps_per_epoch)
        scores, chosen = self.trainer.scores(self.validate), self.config.best_by
        if chosen not in scores:
            raise BadSetting(f"validate(model) returned {', '.join(scores) or 'nothing'}; best_by asks for {chosen!r}.")
        if taken := sorted(set(scores) & set(HISTORY_FIELDS)):
            raise BadSetting(f"validate(model) returned {taken[0]!r}, which the history says of training; call it 'validation_{taken[0]}'.")
        if not math.isfinite(scores[chosen]):
            raise NotFiniteError(
                f"Epoch {epoch + 1}: the validation score {chosen} is {scores[chosen]}. Does the validation set hold cases of every kind? "
                "If it does, the model's predictions are no numbers any more: lower learning_rate in a new run."
            )
        return scores

    def tell(self, line: Mapping[str, Any]) -> None:
        """Say how an epoch went, to the person and, if wanted, to TensorBoard."""
        if self.events:
            for name in line.keys() - {"epoch", "step"}:
                if line[name] is not None:
                    self.events.add_scalar(name, line[name], self.step)
            self.events.flush()
        chosen, best = self.config.best_by, self.best_epoch
        remark = "the best so far" if best is line else f"best {best[chosen]:.3f} in epoch {best['epoch']}"
        say(f"  epoch {line['epoch']}/{self.config.epochs}: loss {line['loss']:.3f}, {chosen} {line[chosen]:.3f} ({remark})")

    def save(self) -> None:
        """Replace the checkpoint by the state as it is between two steps."""
        tensors, rest = self.trainer.state_dict()
        state = {
            "step": self.step,
            "history": self.history,
            "loss_sum": self.loss_sum,
            "seconds": self.seconds,
            "trainer": rest,
            "config": dataclasses.asdict(self.config),
            "data": self.loader.fingerprint(),
            "torch": torch.__version__,
        }
        checkpoint.save_tensors(self.run.last_checkpoint, tensors, state)
        self.saved_at, self.saved_step = monotonic(), self.step

    def begin_or_resume(self) -> None:
        """Save the state before the first step, or take over the one that was saved."""
        path = self.run.last_checkpoint
        if path.exists():
            tensors, state = checkpoint.load_tensors(path)
            self.refuse_another(state)
            self.trainer.load_state_dict(tensors, state["trainer"], path)
            self.step = self.saved_step = state["step"]
            self.history, self.loss_sum, self.earlier_seconds = state["history"], state["loss_sum"], state["seconds"]
            # The file may know an epoch more: one that was lost and will be trained again.
            self.write_history()
            self.sweep()
            if self.finished:
                say(f"{self.run.folder}: this run is finished; there is nothing to resume.")
            else:
                say(f"Resuming in epoch {len(self.history) + 1} of {self.config.epochs}, after step {self.step:,} of {self.steps:,}.")
        else:
            # Before the first step, so that it shows now, not in a minute, whether the folder can be written.
            self.save()
        if self.config.tensorboard and not self.finished:
            self.events = _tensorboard(self.run, self.step)
        self.begun = self.saved_at = monotonic()

    def refuse_another(self, state: Mapping[str, Any]) -> None:
        """Raise BadRunFolder where going on would not be the same training; say where its last digits may differ."""
        path = self.run.last_checkpoint
        if not {"config", "data", "trainer", "torch"} <= state.keys():
            raise BadRunFolder(f"{path}: is no checkpoint of a training, though radlearn wrote it. Was a file moved there by hand?")
        for what, old, new in (
            ("config", state["config"], dataclasses.asdict(self.config)),
            ("data", state["data"], self.loader.fingerprint()),
        ):
            changed = [
                f"{key} was {old.get(key)!r}, is {value!r}"
                for key, value in new.items()
                if key not in FREE_TO_CHANGE and old.get(key) != value
            ]
            if changed:
                raise BadRunFolder(
                    f"{path}: was made with another {what} ({'; '.join(changed)}). Resume with the same, or train anew in a new folder."
                )
        if state["torch"] != torch.__version__:
            say(f"This run was begun with torch {state['torch']}; with {torch.__version__} its last digits may differ.", style="yellow")

    def sweep(self) -> None:
        for folder in (self.run.folder, self.run.last_checkpoint.parent, self.run.best_weights.parent):
            checkpoint.sweep(folder)

    def write_history(self) -> None:
        # Whole each time: a line that is appended can be half there when the process is killed.
        write_text(self.run.history_file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.history))


def _tensorboard(run: Run, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadSetting(
            "tensorboard is True, but it is not installed: pip install tensorboard. history.jsonl is kept in any case."
        ) from None
    # Purged: what an earlier process wrote after the step that training goes on from.
    return SummaryWriter(run.folder / "tensorboard", purge_step=step)
