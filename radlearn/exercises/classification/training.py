"""What training does: one step of gradient descent, and the luck in the best of many epochs."""

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
    draw = np.random.default_rng(35)
    # Normal scores a distance d apart have an AUROC of Φ(d / √2); training brings the distance from 0 to 1.9.
    distance = np.broadcast_to(1.9 * (1 - np.exp(-np.arange(EPOCHS) / 6)), (40, EPOCHS)) + draw.normal(0, 0.05, (40, EPOCHS))
    ill = draw.standard_normal((40, EPOCHS, POSITIVES, 1)) + distance[..., None, None]
    well = draw.standard_normal((40, EPOCHS, 1, NEGATIVES))
    from scipy.stats import norm

    return {"validation": (ill > well).mean((-2, -1)), "truth": norm.cdf(distance / np.sqrt(2))}


def _chosen() -> np.ndarray:
    return np.arange(40), _runs()["validation"].argmax(1)  # type: ignore[return-value]


q8 = Exercise(
    lesson="classification",
    number=8,
    title="I kept the best of 52 epochs. How much of its score is luck?",
    task="""
        Forty runs were validated after each of 52 epochs on 27 X-rays with an opacity and 93 without. The true AUROC of each epoch is
        known here, because the runs are simulated. In each run, choose the epoch with the highest validation AUROC. By how much is that
        AUROC higher than the true one of the same epoch, on average over the runs?
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
            "The weights have not changed. After backward, subtract learning_rate × weights.grad from each of them.",
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
    learned="This is the heart of training_loop in the lesson. AdamW instead of SGD changes only the last line.",
)
