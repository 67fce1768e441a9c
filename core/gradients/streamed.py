"""Squared gradients of a large network: no weight is copied, and no gradient outlives its backward step.

Of a matrix product not even one whole gradient comes about: it is made from what the product read and what
reaches its answers, a few rows at a time, squared and added. So memory is that of the sums alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch
from core.evaluate.answers import Subject
from core.gradients.convert import to_torch
from core.gradients.gradients import no_samples, subject_of
from core.gradients.lazy import torch
from core.gradients.losses import sampled_loss
from core.graph.apart import LEAST_BYTES
from core.graph.roles import STANDARD
from core.values import text

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap

_PIECE = 1 << 20
"""Numbers of a gradient that there are at once."""
_LARGEST = 1e19
"""A gradient below it has a square that float32 can hold."""


@dataclass
class _Sum:
    """Of one weight, in its own shape: squares of gradients of single samples."""

    total: torch.Tensor | None = None
    samples: int = 0

    def add(self, gradient: torch.Tensor) -> None:
        """A whole gradient; one whose square is not finite does not count."""
        low, high = (float(end) for end in torch.aminmax(gradient))
        if -_LARGEST < low <= high < _LARGEST:
            self._more(gradient.shape).addcmul_(gradient, gradient)

    def add_product(self, left: torch.Tensor, right: torch.Tensor) -> None:
        """The gradient leftᵀ·right of n rows each, (n, a) and (n, b), without its ever being whole."""
        reach = float(left.abs().max()) * float(right.abs().max()) * len(left)
        if not reach < _LARGEST:
            # seldom, and then it has to be looked at
            self.add(left.T @ right)
            return
        total = self._more(torch.Size((left.shape[1], right.shape[1])))
        rows = max(1, _PIECE // right.shape[1])
        for start in range(0, len(total), rows):
            part = left[:, start : start + rows].T @ right
            total[start : start + rows].addcmul_(part, part)

    def _more(self, shape: torch.Size) -> torch.Tensor:
        self.samples += 1
        if self.total is None:
            self.total = torch.zeros(shape)
        return self.total


def squared_gradients(
    model: ir.Model,
    wanted: Collection[str],
    batches: Iterable[Batch],
    context: Context,
    count: int = 0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return the mean of (w·g)² for those of these initializers that the network's answers depend on.

    float32, in their own shapes. `batches` hold one sample each, so that half of it is what Fisher's
    information says as well. The loss is `own answers` of `loss_gradients`, and so are its figures for the
    same batches. Raises DataError without samples, UnsupportedModelError where an operator is missing,
    Cancelled at any batch boundary.
    """
    graph = to_torch(model, copied=False)
    products = _products(model, wanted)
    sums = {name: _Sum() for name in wanted if name in graph.weights}
    subject: Subject | None = None
    for place, batch in enumerate(batches):
        context.report(text("Computing gradients"), place, count)
        subject = subject or subject_of(graph, batch)
        own = {name: weight.detach() for name, weight in graph.weights.items()}
        for name, total in sums.items():
            if name not in products:
                own[name].requires_grad_()
                own[name].register_post_accumulate_grad_hook(partial(_taken, total))
        taps = _Taps(products, sums)
        outputs = graph(batch.feeds, own, taps.by_value())
        value = sampled_loss(outputs, subject, torch.Generator().manual_seed(seed + place))
        del outputs
        if value.requires_grad:
            value.backward()
        taps.clear()
    if subject is None:
        raise no_samples()
    found = {}
    for name, total in sums.items():
        if total.total is not None:
            weight = graph.weights[name].detach()
            found[name] = total.total.div_(total.samples).mul_(weight).mul_(weight).numpy()
    return found


def _taken(total: _Sum, weight: torch.Tensor) -> None:
    assert weight.grad is not None
    total.add(weight.grad.to(torch.float32))
    weight.grad = None


@dataclass(frozen=True)
class _Product:
    """A large matrix product of its own weight: answers = read · weight, or · weightᵀ."""

    weight: str
    read: str
    answer: str
    transposed: bool


def _products(model: ir.Model, wanted: Collection[str]) -> dict[str, _Product]:
    """By weight the products whose gradients can be made piece by piece."""
    found: dict[str, _Product] = {}
    for node in model.graph:
        if node.op_type not in ("Gemm", "MatMul") or node.domain not in STANDARD or not _plain(node):
            continue
        read, weight, answer = node.inputs[0], node.inputs[1], node.outputs[0]
        tensor = weight.const_value if weight is not None else None
        if read is None or weight is None or tensor is None or read.const_value is not None:
            continue
        name, alone = weight.name or "", len(list(weight.uses())) == 1 and len(tensor.shape) == 2
        if name not in wanted or not (alone and answer.name and read.name) or tensor.nbytes < LEAST_BYTES:
            continue
        transposed = "transB" in node.attributes and bool(node.attributes["transB"].as_int())
        found[name] = _Product(name, read.name, answer.name, transposed)
    return found


def _plain(node: ir.Node) -> bool:
    usual = {"transA": 0, "alpha": 1.0, "beta": 1.0}
    return all(
        name not in node.attributes or node.attributes[name].value == value for name, value in usual.items()
    )


class _Taps:
    """Sees what products read and hears what reaches their answers."""

    def __init__(self, products: Mapping[str, _Product], sums: Mapping[str, _Sum]) -> None:
        self._products = [product for product in products.values() if product.weight in sums]
        self._sums = sums
        self._read: dict[str, torch.Tensor] = {}

    def by_value(self) -> dict[str, Tap]:
        taps: dict[str, Tap] = {}
        for product in self._products:
            taps[product.read] = partial(self._reads, product.read)
        for product in self._products:
            # what one product answers may be what the next reads
            taps[product.answer] = partial(self._answers, product, product.answer in taps)
        return taps

    def clear(self) -> None:
        self._read.clear()

    def _reads(self, name: str, value: torch.Tensor) -> torch.Tensor:
        self._read[name] = value.detach()
        return value

    def _answers(self, product: _Product, is_read: bool, value: torch.Tensor) -> torch.Tensor:
        if is_read:
            self._read[product.answer] = value.detach()
        if not value.requires_grad:
            # nothing before it is asked for, so that the way back begins here
            value = value.detach().requires_grad_()
        value.register_hook(partial(self._arrived, product))
        return value

    def _arrived(self, product: _Product, gradient: torch.Tensor) -> None:
        read = self._read[product.read]
        left = read.reshape(-1, read.shape[-1]).to(torch.float32)
        right = gradient.reshape(-1, gradient.shape[-1]).to(torch.float32)
        if product.transposed:
            left, right = right, left
        self._sums[product.weight].add_product(left, right)
