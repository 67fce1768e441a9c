"""What a network is trained towards, or differentiated for: its own answers, another's, or labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.evaluate.answers import SMALLEST_PROBABILITY, Subject
from core.gradients.lazy import F, torch


def log_probabilities(
    outputs: Sequence[torch.Tensor], subject: Subject, temperature: float = 1.0
) -> torch.Tensor:
    """Natural logarithms of the class probabilities, (n, classes), of a classifier's answers.

    Probabilities become logits first where there is a temperature. A single column is two classes.
    """
    columns = outputs[subject.output]
    columns = columns.reshape(columns.shape[0], -1).to(torch.float32)
    if subject.probabilities:
        if columns.shape[1] == 1:
            columns = torch.cat([1 - columns, columns], 1)
        columns = torch.log(columns.clamp(min=SMALLEST_PROBABILITY))
    elif columns.shape[1] == 1:
        columns = torch.cat([torch.zeros_like(columns), columns], 1)
    return F.log_softmax(columns / temperature, 1)


def distillation(
    outputs: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor],
    subject: Subject,
    temperature: float = 1.0,
) -> torch.Tensor:
    """How far the answers are from the teacher's, a scalar.

    Classifier: mean KL divergence in nats at this temperature, times its square so that gradients keep
    their size (Hinton et al. 2015). Else the mean squared error over all float outputs, each in units of
    the teacher's variance.
    """
    if subject.classes:
        wanted = log_probabilities(teacher, subject, temperature)
        actual = log_probabilities(outputs, subject, temperature)
        return F.kl_div(actual, wanted, reduction="batchmean", log_target=True) * temperature**2
    errors = [
        relative_error(mine, theirs) for mine, theirs in zip(outputs, teacher, strict=True) if _real(mine)
    ]
    return torch.stack(errors).mean()


def relative_error(values: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the variance of what is wanted."""
    wanted = wanted.to(torch.float32)
    variance = wanted.var(correction=0).clamp(min=1e-12) if wanted.numel() > 1 else torch.tensor(1.0)
    return F.mse_loss(values.to(torch.float32), wanted) / variance


def label_loss(outputs: Sequence[torch.Tensor], labels: np.ndarray, subject: Subject) -> torch.Tensor:
    """Mean cross-entropy in nats against class indices (n,), or squared error against numbers."""
    if subject.classes:
        return F.nll_loss(log_probabilities(outputs, subject), torch.from_numpy(labels.astype(np.int64)))
    wanted = torch.from_numpy(labels.astype(np.float32))
    return F.mse_loss(outputs[subject.output].reshape(wanted.shape), wanted) / subject.label_std**2


def sampled_loss(
    outputs: Sequence[torch.Tensor], subject: Subject, generator: torch.Generator
) -> torch.Tensor:
    """Negative log-likelihood of answers drawn from the network's own: its squared gradient is Fisher's.

    A classifier's labels are drawn from its probabilities; other float outputs are taken as means of
    normal distributions whose deviation is that of the output over the batch. The mean over the samples.
    """
    if subject.classes:
        logs = log_probabilities(outputs, subject)
        drawn = torch.multinomial(logs.detach().exp(), 1, generator=generator).squeeze(1)
        return F.nll_loss(logs, drawn)
    total = torch.zeros(())
    for output in outputs:
        if not _real(output):
            continue
        # drawn for all of them, so that it is the same whichever weights are asked for
        noise = torch.randn(output.shape, generator=generator)
        if output.requires_grad:
            deviation = output.detach().std(correction=0).clamp(min=1e-6)
            total = total - (noise * output.to(torch.float32)).sum() / deviation
    return total / max(1, outputs[subject.output].shape[0] if outputs[subject.output].dim() else 1)


def _real(value: torch.Tensor) -> bool:
    return value.is_floating_point() and value.numel() > 0
