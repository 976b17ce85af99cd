"""The training loop. It keeps the best weights and can be interrupted or killed at any moment.

It knows no labels, boxes or masks, only two functions: `loss(model, batch)`, and `validate(model)`, which returns scores on the validation
cases. Everything random or scheduled is a function of the step, so the whole state of a training is its tensors, the number of steps
done and the history; this is what a checkpoint holds.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from radlearn.amounts import counted
from radlearn.errors import BadRunFolder, BadSetting, Interrupted, NotFiniteError, RadlearnError
from radlearn.files import write_text
from radlearn.json_files import json_ready
from radlearn.progress import progress_bar, say
from radlearn.training import checkpoint
from radlearn.training.checkpoint_header import STARTED
from radlearn.training.config import FREE_TO_CHANGE, TrainerConfig
from radlearn.training.earlier_runs import started, weights_to_start_from
from radlearn.training.loading import WORKER_OF_TORCH, EpochLoader, WorkerKilled, reseed
from radlearn.training.outputs import Outputs
from radlearn.training.run_files import TrainingState, checked
from radlearn.training.run_folder import Run, must_be_there, place_of, refuse_changed_settings
from radlearn.training.run_state import cannot_go_on, is_trained, no_epoch_left
from radlearn.training.splits import split_digest, split_of
from radlearn.training.start_from import take_weights
from radlearn.training.trainer import Loss, Trainer, Validate
from radlearn.training.watching import CtrlC, Voice

HISTORY_FIELDS = ("epoch", "step", "loss", "learning_rate", "seconds")
# No extra checkpoint before a validation if the last one is more recent than this.
RECENT_CHECKPOINT_SECONDS = 5.0


def fit(
    model: nn.Module,
    loss: Loss,
    validate: Validate,
    loader: EpochLoader,
    config: TrainerConfig,
    run: Run,
    optimizer: torch.optim.Optimizer | None = None,
    outputs_from: Callable[[Run], Outputs | None] | None = None,
) -> nn.Module:
    """Train `model` according to `config` and return it with the weights to keep (`config.keep`), in eval mode.

    If `run` holds a checkpoint, training continues from it: resuming is the same call. On one CPU it ends with the same weights, bit for
    bit, as a run that was never stopped, provided that `loss`, `validate` and the data set depend only on their arguments and on the
    global random numbers, which are seeded before every step.

    Args:
        model: moved to the config's device. A new run starts from its weights (call `reseed` before building it), or, where settings.json
            names a run to start from, from those of that run's that fit it.
        loss: (model, batch on the device) -> tensor of one number. It must call the model it is passed, which applies the precision.
        validate: (model in eval mode, no gradients) -> scores by name, including `config.best_by`. It moves its batches to the device
            itself (`next(model.parameters()).device`).
        loader: the training batches.
        config: epochs, schedule, score to maximise.
        run: where `history.jsonl`, `last/` and `best/` are written.
        optimizer: of the model's parameters; the schedule multiplies the learning rate of each parameter group. Default: AdamW
            (Loshchilov and Hutter 2017, arXiv:1711.05101) with the config's learning rate, and no weight decay of biases and norms.
        outputs_from: returns what the outputs are about, in this run and in the one that it starts from. None: output by output.

    Raises:
        NotFiniteError: if a loss, a gradient or the `best_by` score is not finite, with epoch and batch.
        Interrupted: after Ctrl-C, once the state is saved, with the command to continue.
        BadRunFolder: if the checkpoint is damaged, or of another architecture, config or data set.
        BadSetting: if this machine does not support the config, or the scores lack `config.best_by`.
    """
    if not run.last_checkpoint.exists():
        if why := cannot_go_on(run, asked := dataclasses.asdict(config)):
            raise BadRunFolder(why)
        if is_trained(run, asked):
            if split_digest(run):
                split_of(run)
            say(no_epoch_left(run))
            return checkpoint.load_best(run, model, config.device)
        if (earlier := weights_to_start_from(run)) is not None:
            take_weights(model, earlier, outputs_from(earlier) if outputs_from else None)
    training = _Training(Trainer(model, config, optimizer), loss, validate, loader, run)
    training.begin_or_resume()
    if not training.finished:
        with CtrlC() as ctrl_c:
            try:
                with progress_bar("training", training.steps, "steps") as bar, Voice(bar, training.step) as voice:
                    while not training.finished:
                        training.train_epoch(len(training.history), ctrl_c, voice)
                        training.finish_epoch(len(training.history), ctrl_c, voice)
            except KeyboardInterrupt:
                raise training.interrupted(ctrl_c) from None
            except torch.OutOfMemoryError as error:
                raise BadSetting(
                    f"Step {training.step + 1:,}: the device has too little memory ({str(error).split('. ')[0]}). "
                    "Use smaller batches or smaller images in a new run."
                ) from error
            except (WorkerKilled, RuntimeError) as error:
                if not isinstance(error, WorkerKilled) and WORKER_OF_TORCH not in str(error):
                    raise
                # A batch system ends all processes of a job at once, and the death of a worker may be noticed first.
                if ctrl_c.wanted_soon():
                    raise training.interrupted(ctrl_c) from None
                killed = error if isinstance(error, WorkerKilled) else WorkerKilled(error)
                raise RadlearnError(f"{killed} The training is {training.saved}. To continue: {run.resume_command}") from error
    training.sweep()
    if training.events:
        training.events.close()
    must_be_there(run, training.place)
    best, kept, done = training.best_epoch, training.kept_epoch, len(training.history)
    early = f" (stopped early: {counted(config.patience_epochs, 'epochs')} without improvement)" if done < config.epochs else ""
    name = config.best_by
    last = f" Kept are the weights of the last epoch: {kept[name]:.3f}." if config.keep == "last" else ""
    say(f"Trained {done} of {counted(config.epochs, 'epochs')}{early}. Best {name}: {best[name]:.3f}, in epoch {best['epoch']}.{last}")
    checkpoint.load_weights(run.best_weights, model)
    return model.eval()


class _Training:
    """The state of a training and the operations that advance it."""

    def __init__(self, trainer: Trainer, loss: Loss, validate: Validate, loader: EpochLoader, run: Run) -> None:
        self.trainer, self.loss, self.validate, self.loader, self.run = trainer, loss, validate, loader, run
        self.config = trainer.config
        self.steps = self.config.epochs * loader.steps_per_epoch
        self.place = place_of(run)
        self.step = self.saved_step = 0
        # Kept with the weights: which persons they were trained on is known by the split alone, and how an image is seen by the settings.
        self.split = {"split": digest} if (digest := split_digest(run)) else {}
        self.settings = {"settings": run.settings, **({STARTED: before} if (before := started(run)) else {})}
        self.history: list[dict[str, Any]] = []
        # Of the current epoch; the seconds are those before the last interruption.
        self.loss_sum = self.earlier_seconds = 0.0
        self.begun = self.saved_at = monotonic()
        self.longest_step_seconds = 0.0
        self.events: Any = None

    @property
    def best_epoch(self) -> dict[str, Any]:
        """The history line with the highest `best_by` score, the first in case of ties."""
        return max(self.history, key=lambda line: line[self.config.best_by])

    @property
    def kept_epoch(self) -> dict[str, Any]:
        """The history line of the epoch whose weights are kept."""
        return self.history[-1] if self.config.keep == "last" else self.best_epoch

    @property
    def finished(self) -> bool:
        if not self.history:
            return False
        without_improvement = len(self.history) - self.best_epoch["epoch"]
        return len(self.history) == self.config.epochs or 0 < self.config.patience_epochs <= without_improvement

    @property
    def seconds(self) -> float:
        """Duration of the current epoch, without interruptions."""
        return self.earlier_seconds + monotonic() - self.begun

    @property
    def saved(self) -> str:
        """How far a run is kept, in words."""
        return f"saved after step {self.saved_step:,} of {self.steps:,}"

    def interrupted(self, ctrl_c: CtrlC) -> Interrupted:
        """Return what is said of a training that was asked to end."""
        return Interrupted(f"Stopped by {ctrl_c.by}, {self.saved}. To continue: {self.run.resume_command}")

    def train_epoch(self, epoch: int, ctrl_c: CtrlC, voice: Voice) -> None:
        """Take the remaining steps of `epoch` (from 0)."""
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
                # Save one step early rather than one step late.
                if now - self.saved_at + self.longest_step_seconds >= self.config.save_every_seconds:
                    self.save()
                    stepped_at = monotonic()
        except KeyboardInterrupt:
            # A second Ctrl-C may arrive in the middle of a step, which is then only partly applied.
            if not ctrl_c.insisted:
                self.save()
            raise

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        try:
            yield from self.loader.epoch(epoch, first)
        except RadlearnError:
            # A case cannot be loaded; the state after the previous step is valid and saved. (It is not saved when a step fails: the
            # batch with the non-finite loss has already changed the running statistics of the norms.)
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
                f"Epoch {epoch + 1}, batch {number + 1} of {self.loader.steps_per_epoch} (step {self.step + 1:,}): {error} Cases: "
                f"{', '.join(map(str, names))}. Check them, or start a new run with a lower learning_rate or with gradient_clip."
            ) from None
        self.step += 1
        self.loss_sum += value
        return value

    def finish_epoch(self, epoch: int, ctrl_c: CtrlC, voice: Voice) -> None:
        """Validate, keep the weights if they are the best or the last ones are wanted, write the history, save."""
        if monotonic() - self.saved_at > RECENT_CHECKPOINT_SECONDS:
            self.save()
        voice.note = f"epoch {epoch + 1}/{self.config.epochs} · validating"
        try:
            with ctrl_c.at_once():
                scores = self.scores(epoch)
        except (KeyboardInterrupt, RadlearnError):
            self.save()
            raise
        loss, rate = self.loss_sum / self.loader.steps_per_epoch, self.trainer.learning_rate(self.step - 1, self.steps)
        own = {"epoch": epoch + 1, "step": self.step, "loss": loss, "learning_rate": rate, "seconds": round(self.seconds, 3)}
        line = json_ready({**own, **scores})
        self.history.append(line)
        if self.kept_epoch is line:
            self.keep_weights(line)
        self.loss_sum, self.earlier_seconds, self.begun = 0.0, 0.0, monotonic()
        self.write_history()
        self.save()
        self.report(line)

    def keep_weights(self, line: Mapping[str, Any]) -> None:
        """Write the weights as they are, those of the epoch of a history line, as the run's best."""
        scores = {name: value for name, value in line.items() if name not in HISTORY_FIELDS}
        about = {"task": self.run.task, "epoch": line["epoch"], "step": line["step"], "scores": scores, **self.split, **self.settings}
        must_be_there(self.run, self.place)
        checkpoint.save_weights(self.run.best_weights, self.trainer.evaluated_model, about)

    def restore_best(self) -> None:
        """Write the best weights of a finished run again, where somebody removed them and the last checkpoint holds the same.

        Raises:
            BadRunFolder: if it holds those of another epoch.
        """
        kept, last = self.kept_epoch, self.history[-1]
        if kept is not last:
            raise BadRunFolder(
                f"{self.run.best_weights}: is not there any more. It held the weights of epoch {kept['epoch']}; the last checkpoint holds "
                f"those of epoch {last['epoch']}, so it cannot be made again. Copy it back from a backup, or train again in another folder."
            )
        self.keep_weights(last)
        say(f"{self.run.best_weights}: was not there any more, and was written again from the last checkpoint.", style="yellow")

    def scores(self, epoch: int) -> dict[str, float]:
        """Return the scores of `validate`, after checking their names and the `best_by` score."""
        # Seeded like a step after the last one of the epoch, so that no training step uses the same random numbers.
        reseed(self.config.seed, epoch, self.loader.steps_per_epoch)
        if self.config.norm_batches and self.trainer.has_averaged_norms:
            self.trainer.measure_norms(self.loss, self.loader.epoch(epoch, max(0, self.loader.steps_per_epoch - self.config.norm_batches)))
        scores, chosen = self.trainer.scores(self.validate), self.config.best_by
        if chosen not in scores:
            raise BadSetting(f"validate(model) returned {', '.join(scores) or 'nothing'}; it must return {chosen!r} (best_by).")
        if taken := sorted(set(scores) & set(HISTORY_FIELDS)):
            raise BadSetting(f"validate(model) returned {taken[0]!r}, a name the history uses itself; call it 'validation_{taken[0]}'.")
        if not math.isfinite(scores[chosen]):
            raise NotFiniteError(
                f"Epoch {epoch + 1}: the validation score {chosen} is {scores[chosen]}. Does the validation set hold cases of every class? "
                "If so, the model's predictions are not finite: start a new run with a lower learning_rate."
            )
        return scores

    def report(self, line: Mapping[str, Any]) -> None:
        """Print the result of an epoch and, if enabled, write it to TensorBoard."""
        if self.events:
            for name in line.keys() - {"epoch", "step"}:
                if line[name] is not None:
                    self.events.add_scalar(name, line[name], self.step)
            self.events.flush()
        chosen, best = self.config.best_by, self.best_epoch
        remark = "the best so far" if best is line else f"best {best[chosen]:.3f} in epoch {best['epoch']}"
        say(f"  epoch {line['epoch']}/{self.config.epochs}: loss {line['loss']:.3f}, {chosen} {line[chosen]:.3f} ({remark})")

    def save(self) -> None:
        """Replace the checkpoint by the current state. Valid between two steps only."""
        tensors, rest = self.trainer.state_dict()
        state = {"step": self.step, "history": self.history, "loss_sum": self.loss_sum, "seconds": self.seconds, "trainer": rest}
        conditions = {"config": dataclasses.asdict(self.config), "data": self.loader.fingerprint(), "torch": torch.__version__}
        must_be_there(self.run, self.place)
        try:
            checkpoint.save_tensors(self.run.last_checkpoint, tensors, state | conditions | self.split | self.settings)
        except (OSError, SafetensorError):
            # The folder may have been moved while it was written.
            must_be_there(self.run, self.place)
            raise
        self.saved_at, self.saved_step = monotonic(), self.step

    def begin_or_resume(self) -> None:
        """Save the initial state, or restore the saved one."""
        path = self.run.last_checkpoint
        if path.exists():
            tensors, state = self.load_last()
            self.check_resumable(state)
            self.trainer.load_state_dict(tensors, state["trainer"], path)
            self.step = self.saved_step = state["step"]
            self.history, self.loss_sum, self.earlier_seconds = state["history"], state["loss_sum"], state["seconds"]
            # The history file may hold one epoch more than the checkpoint; that epoch is trained again.
            self.write_history()
            self.sweep()
            if self.finished:
                if not self.run.best_weights.exists():
                    self.restore_best()
                say(no_epoch_left(self.run))
            else:
                say(f"Resuming in epoch {len(self.history) + 1} of {self.config.epochs}, after step {self.step:,} of {self.steps:,}.")
        else:
            # Before the first step, so that a folder that cannot be written is noticed now, not in a minute.
            self.save()
        if self.config.tensorboard and not self.finished:
            self.events = _tensorboard(self.run, self.step)
        self.begun = self.saved_at = monotonic()

    def load_last(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return what the last checkpoint holds; of a damaged one it is said where nothing needs it."""
        try:
            return checkpoint.load_tensors(self.run.last_checkpoint)
        except BadRunFolder as error:
            if not is_trained(self.run, dataclasses.asdict(self.config)):
                raise
            spare = f"The run is trained to its end, so nothing needs it: it may also be removed, and then {self.run.resume_command}"
            raise BadRunFolder(f"{error} {spare}") from None

    def check_resumable(self, state: Mapping[str, Any]) -> None:
        """Raise BadRunFolder if resuming would not continue the same training; warn if results may differ in the last digits."""
        path = self.run.last_checkpoint
        if not {"config", "data", "trainer", "torch"} <= state.keys():
            raise BadRunFolder(f"{path}: is not a training checkpoint, although radlearn wrote it. Was another file copied there?")
        checked(state, TrainingState, path, checkpoint.AGAIN)
        if state.get("split") not in (None, self.split.get("split")):
            raise BadRunFolder(
                f"{self.run.folder / 'split.csv'}: was changed after training began: its rows are not those that {path.name} was trained "
                "with. Restore the file as it was written, or start a new run."
            )
        refuse_changed_settings(self.run, state, path)
        now = {"settings": dataclasses.asdict(self.config), "data": self.loader.fingerprint()}
        for (what, new), old in zip(now.items(), (state["config"], state["data"]), strict=True):
            differing = [key for key in new if key not in FREE_TO_CHANGE and old.get(key) != new[key]]
            changed = [f"{key} was {old.get(key)!r}, is now {new[key]!r}" for key in differing]
            if changed:
                raise BadRunFolder(
                    f"{path}: was made with other {what} ({'; '.join(changed)}). Resume with the same {what}, or start a new run."
                )
        if state["torch"] != torch.__version__:
            say(
                f"This run was started with torch {state['torch']}; with torch {torch.__version__} results may differ in the last digits.",
                style="yellow",
            )

    def sweep(self) -> None:
        for folder in (self.run.folder, self.run.last_checkpoint.parent, self.run.best_weights.parent):
            checkpoint.sweep(folder)

    def write_history(self) -> None:
        must_be_there(self.run, self.place)
        # Rewritten as a whole: an appended line may be incomplete if the process is killed.
        write_text(self.run.history_file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.history))


def _tensorboard(run: Run, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadSetting(
            "tensorboard is True, but the package is not installed: pip install tensorboard. history.jsonl is written in any case."
        ) from None
    # Purges what an earlier process wrote after the step at which training continues.
    return SummaryWriter(run.folder / "tensorboard", purge_step=step)
