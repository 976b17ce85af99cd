"""What training does: one step of gradient descent, and the luck in the best of many epochs."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from radlearn.exercises.answers import Mistake, Number, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function

EPOCHS, POSITIVES, NEGATIVES = 52, 27, 93


@cache
def _runs() -> dict[str, np.ndarray]:
    """Return validation and true AUROC of every epoch of forty simulated runs, each float (40, 52)."""
    # With this seed no common mistake comes to the right number, nor to that of another mistake.
    draw = np.random.default_rng(38)
    # Normal scores a distance d apart have an AUROC of Φ(d / √2); training brings the distance from 0 to 1.9.
    distance = np.broadcast_to(1.9 * (1 - np.exp(-np.arange(EPOCHS) / 6)), (40, EPOCHS)) + draw.normal(0, 0.05, (40, EPOCHS))
    ill = draw.standard_normal((40, EPOCHS, POSITIVES, 1)) + distance[..., None, None]
    well = draw.standard_normal((40, EPOCHS, 1, NEGATIVES))
    from scipy.stats import norm

    return {"validation": (ill > well).mean((-2, -1)), "truth": norm.cdf(distance / np.sqrt(2))}


def _chosen() -> np.ndarray:
    return np.arange(40), _runs()["validation"].argmax(1)  # type: ignore[return-value]


def _best_by(chosen_by: str) -> float:
    """Return the mean difference of the epochs that are the best of each run by the measured or by the true AUROC."""
    run, epoch = np.arange(40), _runs()[chosen_by].argmax(1)
    return float((_runs()["validation"][run, epoch] - _runs()["truth"][run, epoch]).mean())


def _best_run_of_each_epoch() -> float:
    epoch, run = np.arange(EPOCHS), _runs()["validation"].argmax(0)
    return float((_runs()["validation"][run, epoch] - _runs()["truth"][run, epoch]).mean())


def _best_of_all() -> tuple[float, float]:
    """Return the measured and the true AUROC of the best of all epochs of all runs."""
    best = np.unravel_index(_runs()["validation"].argmax(), (40, EPOCHS))
    return float(_runs()["validation"][best]), float(_runs()["truth"][best])


q8 = Exercise(
    lesson="classification",
    number=8,
    title="I kept the best of 52 epochs. How much of its score is luck?",
    task="""
        Forty runs were validated after each of 52 epochs on 27 X-rays with an opacity and 93 without. (A small network that is trained
        from scratch takes so many, as the lesson's `--network small_resnet --epochs 52` does; the preset `quick` takes 8.) The true AUROC
        of each epoch is known here, because the runs are simulated. In each run, choose the epoch with the highest validation AUROC. By how
        much is that AUROC higher than the true one of the same epoch, on average over the runs?
    """,
    about_given={
        "validation": "float (40 runs, 52 epochs), the AUROC measured on the validation people",
        "truth": "float (40 runs, 52 epochs), the AUROC on endlessly many people",
    },
    answer="the mean difference, validation minus truth, to three digits",
    why="the best of many scores on few patients is the luckiest one, and the next hospital will not have the same luck (*winner's "
    "curse*).",
    given=_runs,
    expects=Number(within=0.0006),
    right=lambda: float((_runs()["validation"][_chosen()] - _runs()["truth"][_chosen()]).mean()),
    mistakes=(
        Mistake(
            lambda: float((_runs()["validation"] - _runs()["truth"]).mean()),
            "This is the mean over all epochs: without a choice there is no luck in it. Take only the chosen epoch of each run.",
        ),
        Mistake(
            lambda: float((_runs()["validation"].max(1) - _runs()["truth"].max(1)).mean()),
            "This compares with the best true epoch, which nobody knows. Take the truth of the epoch that was chosen.",
        ),
        Mistake(
            lambda: float((_runs()["truth"][_chosen()] - _runs()["validation"][_chosen()]).mean()),
            "The size is right; the sign says that validation is lower than the truth. Subtract the truth.",
        ),
        Mistake(
            lambda: float((_runs()["validation"].max(1) - _runs()["validation"][:, -1]).mean()),
            "This compares the best with the last epoch, on the same few X-rays. The truth was asked for.",
        ),
        Mistake(
            lambda: float((_runs()["validation"].max(1) - _runs()["validation"].mean(1)).mean()),
            "This compares the best epoch with the mean of all, on the same few X-rays. The truth of the chosen epoch was asked for.",
        ),
        Mistake(
            lambda: float((_runs()["validation"].max(1) - _runs()["truth"].mean(1)).mean()),
            "This subtracts the mean truth of all epochs, the first ones too. Take the truth of the epoch that was chosen.",
        ),
        Mistake(
            lambda: float(_runs()["validation"].max() - _runs()["truth"].mean()),
            "This compares the best of all epochs of all runs with the mean truth. Choose an epoch in each run, then take the mean.",
        ),
        Mistake(
            lambda: float(_runs()["validation"].max() - _runs()["truth"].max()),
            "This compares the highest number of each table. Choose an epoch in each run, and take the truth of that epoch.",
        ),
        Mistake(
            lambda: _best_of_all()[0] - _best_of_all()[1],
            "This is the luck of the one best epoch of all runs. Choose an epoch in each run, and take the mean over the runs.",
        ),
        Mistake(
            lambda: float((_runs()["validation"] - _runs()["truth"]).max(1).mean()),
            "This takes the epoch with the largest difference. Nobody can choose it so: choose by the validation AUROC.",
        ),
        Mistake(
            lambda: float((_runs()["validation"].max(1) - _runs()["truth"][:, -1]).mean()),
            "This subtracts the truth of the last epoch. Take the truth of the epoch that was chosen.",
        ),
        Mistake(
            lambda: float(np.median(_runs()["validation"][_chosen()] - _runs()["truth"][_chosen()])),
            "This is the median over the runs; the mean was asked for.",
        ),
        Mistake(
            lambda: float((_runs()["validation"][_chosen()] - _runs()["truth"][_chosen()])[0]),
            "This is the first run alone. Take the mean over the forty runs.",
        ),
        Mistake(
            lambda: _best_by("truth"),
            "The epoch was chosen by the truth, which nobody knows. Choose by the validation AUROC.",
        ),
        Mistake(
            _best_run_of_each_epoch,
            "This chooses the best run of each epoch (axis 0). Choose the best epoch of each run: runs are rows.",
        ),
        Mistake(
            lambda: float((_runs()["validation"][:, -1] - _runs()["truth"][:, -1]).mean()),
            "This is the difference in the last epoch of each run: without a choice. Take the epoch with the highest validation AUROC.",
        ),
        Mistake(
            lambda: float(np.abs(_runs()["validation"] - _runs()["truth"]).mean()),
            "This is the mean size of the difference over all epochs, its sign left out. Take only the chosen epoch of each run.",
        ),
        Mistake(
            lambda: float(_runs()["validation"].max(1).mean()),
            "This is the mean validation AUROC of the chosen epochs. Subtract the true AUROC of the same epochs.",
        ),
        Mistake(
            lambda: float(_runs()["truth"][_chosen()].mean()),
            "This is the mean true AUROC of the chosen epochs. By how much is the measured one higher?",
        ),
        Mistake(
            lambda: 100 * _best_by("validation"),
            "This is in percent; an AUROC, and so the difference, is a number from 0 to 1.",
            fits=lambda gap: abs(gap / 100 - _best_by("validation")) < 0.0006,
        ),
    ),
    hints=(
        "`data['validation'].argmax(1)` is the chosen epoch of each run.",
        "Index both arrays with (run numbers, chosen epochs), subtract, and take the mean.",
    ),
    code="""
        import numpy as np

        data = q8.data()
        runs, chosen = np.arange(40), data["validation"].argmax(1)
        answer = (data["validation"][runs, chosen] - data["truth"][runs, chosen]).mean()
    """,
    learned="All epochs after the twentieth are about equally good. The best looks several hundredths better than it is. With few "
    "positives keep "
    "the last epoch (--keep last), and never report the validation score of the chosen one.",
)


def _batches() -> list[Case]:
    draw = np.random.default_rng(36)
    images, labels = draw.normal(size=(4, 3, 3)), np.array([1.0, 0.0, 0.0, 1.0])
    return [
        Case("a batch of four", (images, labels, 0.1, 0.0)),
        Case("a batch of one", (images[:1], labels[:1], 0.1, 0.0)),
        Case("gradients are left from an earlier backward", (images, labels, 0.1, 1.0)),
        Case("another learning rate", (images, labels, 0.5, 0.0)),
    ]


def _taken(step: Callable[..., Any], images: np.ndarray, labels: np.ndarray, learning_rate: float, left: float) -> np.ndarray:
    """Let the function take its step on a small network; return the weights afterwards, (10,)."""
    import torch

    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 1)).double()
    with torch.no_grad():
        for number, weights in enumerate(model.parameters()):
            weights.copy_(torch.linspace(-0.5, 0.5, weights.numel(), dtype=torch.float64).reshape(weights.shape) + 0.1 * number)
            weights.grad = torch.full_like(weights, left)
    step(model, torch.tensor(images), torch.tensor(labels), learning_rate)
    return torch.cat([weights.detach().flatten() for weights in model.parameters()]).numpy()


def _stepped(
    reduction: str = "mean", direction: float = -1.0, zeroed: bool = True, twice: bool = False
) -> Callable[[Any, Any, Any, float], None]:
    """Return a training step; the defaults are right, every other value is a common mistake."""

    def step(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        import torch

        if zeroed:
            model.zero_grad()
        logits = model(images)[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        loss(logits.sigmoid() if twice else logits, labels, reduction=reduction).backward()
        with torch.no_grad():
            for weights in model.parameters():
                weights += direction * learning_rate * weights.grad

    return step


def _optimized(name: str, learning_rate_given: bool = True, **settings: float) -> Callable[[Any, Any, Any, float], None]:
    """Return a training step with one of torch's optimizers."""

    def step(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        import torch

        given = {"lr": learning_rate} if learning_rate_given else {}
        optimizer = getattr(torch.optim, name)(model.parameters(), **given, **settings)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(images)[:, 0], labels).backward()
        optimizer.step()

    return step


def _by_hand(loss_of: Callable[[Any, Any], Any], rate: Callable[[float], float] = lambda given: given) -> Callable[..., None]:
    """Return a training step with `loss_of(model(images), labels)`, whose learning rate is `rate(learning_rate)`."""

    def step(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        import torch

        model.zero_grad()
        loss_of(model(images), labels).backward()
        with torch.no_grad():
            for weights in model.parameters():
                weights -= rate(learning_rate) * weights.grad

    return step


def _cross_entropy(logits: Any, labels: Any) -> Any:
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)


def _cross_entropy_by_formula(logits: Any, labels: Any) -> Any:
    found = logits.sigmoid()
    return -(labels * found.log() + (1 - labels) * (1 - found).log()).mean()


def _raising(pattern: str) -> Callable[[Any], bool]:
    return lambda returned: re.search(pattern, returned.trouble.lower()) is not None


def _with_gradient(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
    model.zero_grad()
    _cross_entropy(model(images)[:, 0], labels).backward()
    for weights in model.parameters():
        weights -= learning_rate * weights.grad


def _probabilities_expected(logits: Any, labels: Any) -> Any:
    import torch

    return torch.nn.functional.binary_cross_entropy(logits[:, 0], labels)


def _no_backward(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
    import torch

    model.zero_grad()
    _cross_entropy(model(images)[:, 0], labels)
    with torch.no_grad():
        for weights in model.parameters():
            weights -= learning_rate * weights.grad


q9 = Exercise(
    lesson="classification",
    number=9,
    title="What happens in one step of training?",
    task="""
        Write `step(model, images, labels, learning_rate)` in PyTorch: one step of plain gradient descent on the binary cross-entropy, its
        mean over the batch. `model(images)` gives logits of shape (batch, 1); labels are 0.0 or 1.0, of shape (batch,). Change the
        weights of `model` in place. There may be gradients left in it from before.
    """,
    answer="a function step(model, images, labels, learning_rate) that changes the weights of the model",
    why="all that the network will know of pneumonia gets into its weights by this line, some thousand times.",
    expects=Function(_batches, Numbers((None,), within=1e-5), call=_taken),
    right=_stepped(),
    mistakes=(
        Mistake(_stepped(zeroed=False), "Gradients add up until they are cleared: call zero_grad before backward."),
        Mistake(
            _stepped(reduction="sum"), "This is the gradient of the sum over the batch. Of the mean it is smaller by the size of the batch."
        ),
        Mistake(_stepped(direction=1.0), "This step goes up the loss: subtract learning rate × gradient."),
        Mistake(_stepped(twice=True), "The sigmoid is applied twice: binary_cross_entropy_with_logits takes logits, not probabilities."),
        Mistake(
            lambda *arguments: None,
            "The weights have not changed. After backward, subtract learning_rate × weights.grad from each of them, in place: `w = w - …` "
            "makes a new tensor, and after zero_grad there is no gradient left.",
        ),
        Mistake(
            _by_hand(_cross_entropy),
            "Logits of shape (batch, 1) meet labels of shape (batch,). Take the one column of the logits, so that both are (batch,).",
            fits=_raising(r"target size .*input size \(torch.size\(\[\d+, 1\]\)\)"),
        ),
        Mistake(
            _by_hand(lambda logits, labels: _cross_entropy(logits.squeeze(), labels)),
            "In a batch of one `squeeze()` takes away the axis of the batch as well. Name the axis: `squeeze(1)`, or `[:, 0]`.",
            fits=_raising(r"target size .*input size \(torch.size\(\[\]\)\)"),
        ),
        Mistake(
            lambda model, images, labels, learning_rate: _stepped()(model, images.float(), labels, learning_rate),
            "Images and weights have different types. Use images and labels as they are handed in; this model has weights of 64 bits.",
            fits=_raising("same dtype"),
        ),
        Mistake(
            _by_hand(_cross_entropy_by_formula),
            "Logits of shape (batch, 1) and labels of shape (batch,) were broadcast to (batch, batch): each logit met every label. Take "
            "the one column of the logits first.",
        ),
        Mistake(
            _by_hand(lambda logits, labels: ((logits[:, 0].sigmoid() - labels) ** 2).mean()),
            "This is the gradient of the mean squared error; the binary cross-entropy was asked for.",
        ),
        Mistake(
            _by_hand(_probabilities_expected),
            "binary_cross_entropy takes probabilities. For logits there is binary_cross_entropy_with_logits.",
            fits=_raising("between 0 and 1"),
        ),
        Mistake(
            _optimized("AdamW"),
            "This is a step of AdamW, whose first step has the size of the learning rate for every weight, whatever the size of its "
            "gradient. Plain gradient descent is torch.optim.SGD.",
        ),
        Mistake(
            _optimized("Adam"),
            "This is a step of Adam, whose first step has the size of the learning rate for every weight, whatever the size of its "
            "gradient. Plain gradient descent is torch.optim.SGD.",
        ),
        Mistake(_optimized("SGD", weight_decay=0.01), "The weights have shrunk as well (weight decay). Plain gradient descent has none."),
        Mistake(
            _optimized("SGD", learning_rate_given=False),
            "The step has the default learning rate of torch.optim.SGD, 0.001. Hand learning_rate over as lr.",
        ),
        Mistake(
            _by_hand(lambda logits, labels: _cross_entropy(logits[:, 0], labels), rate=lambda given: 1.0),
            "The step is as long as the gradient. Multiply it with learning_rate.",
        ),
        Mistake(
            _with_gradient,
            "autograd does not let a weight be changed in place while it records. Put the change under `with torch.no_grad():`.",
            fits=_raising("leaf variable"),
        ),
        Mistake(
            _no_backward,
            "None was multiplied. `weights.grad` is None from zero_grad until backward, and `loss.backward()` returns None: call "
            "zero_grad, then loss.backward(), then take the step along weights.grad.",
            fits=_raising(r"unsupported operand type\(s\) for \*: .*'nonetype'"),
        ),
    ),
    hints=(
        "zero_grad, forward, loss, backward, step. `torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)` is the loss.",
        "The logits have shape (batch, 1), the labels (batch,): take `model(images)[:, 0]`. `torch.optim.SGD(model.parameters(), lr=…)` "
        "does the step.",
    ),
    code="""
        import torch

        def answer(model, images, labels, learning_rate):
            optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images)[:, 0], labels)
            loss.backward()
            optimizer.step()
    """,
    learned="This is the heart of training_loop in the lesson. AdamW instead of SGD changes only the line that makes the optimizer.",
)
