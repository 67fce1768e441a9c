"""Squared gradients of a large network: no weight is copied, and no gradient outlives its backward step.

Of a matrix product not even one whole gradient comes about: it is made from what the product read and what
reaches its answers, a few rows at a time, squared and added. Of a table that is looked up there are the rows
that were met. So memory is that of the sums alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import Batch
from core.evaluate.answers import Subject
from core.evaluate.threads import physical_cores
from core.gradients.convert import to_torch
from core.gradients.gradients import no_samples, subject_of
from core.gradients.lazy import torch
from core.gradients.losses import sampled_loss
from core.gradients.workers import Workers
from core.graph.apart import LEAST_BYTES
from core.graph.roles import STANDARD
from core.values import text

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap, TorchGraph

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

    def add_rows(self, rows: torch.Tensor, gradient: torch.Tensor, count: int) -> None:
        """The gradient of a table of `count` rows: (n, b) belong to the rows (n,), all others are zero."""
        met, place = torch.unique(torch.where(rows < 0, rows + count, rows), return_inverse=True)
        part = gradient.new_zeros((len(met), gradient.shape[1])).index_add_(0, place, gradient)
        low, high = (float(end) for end in torch.aminmax(part))
        if -_LARGEST < low <= high < _LARGEST:
            self._more(torch.Size((count, gradient.shape[1]))).index_add_(0, met, part.square_())

    def join(self, other: _Sum) -> None:
        """Add what another gathered of other samples, which is not to be used any more."""
        if other.total is None:
            return
        self.total = other.total if self.total is None else self.total.add_(other.total)
        self.samples, other.total = self.samples + other.samples, None

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
    abreast: int = 1,
) -> dict[str, np.ndarray]:
    """Return the mean of (w·g)² for those of these initializers that the network's answers depend on.

    float32, in their own shapes. `batches` hold one sample each, so that half of it is what Fisher's
    information says as well. The loss is `own answers` of `loss_gradients`, and so are its figures for the
    same batches. `abreast` samples are computed side by side, each with sums of its own: torch's threads
    then wait less for each other. Raises DataError without samples, UnsupportedModelError where an operator
    is missing, Cancelled at any batch boundary.
    """
    graph = to_torch(model, copied=False)
    products = _products(model, wanted)
    sums = [{name: _Sum() for name in wanted if name in graph.weights} for _ in range(abreast)]
    subject: Subject | None = None
    done = 0
    workers = Workers(abreast, max(1, physical_cores() // abreast)) if abreast > 1 else None
    with workers or nullcontext():
        for group in _groups(batches, abreast):
            context.report(text("Computing gradients"), done, count)
            subject = subject or subject_of(graph, group[0])
            work = partial(_add_sample, graph, products, subject)
            places = range(seed + done, seed + done + len(group))
            given = list(zip(group, places, sums, strict=False))
            for _ in map(work, given) if workers is None else workers.map(work, given):
                pass
            done += len(group)
    if subject is None:
        raise no_samples()
    found = {}
    for name, total in sums[0].items():
        for other in sums[1:]:
            total.join(other[name])
        if total.total is not None:
            weight = graph.weights[name].detach()
            found[name] = total.total.div_(total.samples).mul_(weight).mul_(weight).numpy()
    return found


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    source = iter(batches)
    while group := list(islice(source, size)):
        yield group


def _add_sample(
    graph: TorchGraph,
    products: Mapping[str, _Product],
    subject: Subject,
    given: tuple[Batch, int, Mapping[str, _Sum]],
) -> None:
    """Add the squares of a sample's gradients to its sums."""
    batch, seed, sums = given
    own = {name: weight.detach() for name, weight in graph.weights.items()}
    for name, total in sums.items():
        if name not in products:
            own[name].requires_grad_()
            own[name].register_post_accumulate_grad_hook(partial(_taken, total))
    taps = _Taps(products, sums)
    outputs = graph(batch.feeds, own, taps.by_value())
    value = sampled_loss(outputs, subject, torch.Generator().manual_seed(seed))
    del outputs
    if value.requires_grad:
        value.backward()
    taps.clear()


def _taken(total: _Sum, weight: torch.Tensor) -> None:
    assert weight.grad is not None
    total.add(weight.grad.to(torch.float32))
    weight.grad = None


@dataclass(frozen=True)
class _Product:
    """A large matrix product of its own weight: answers = read · weight, or · weightᵀ.

    Or a table of so many entries, of which `read` says the rows that are the answers.
    """

    weight: str
    read: str
    answer: str
    transposed: bool = False
    entries: int = 0


def _products(model: ir.Model, wanted: Collection[str]) -> dict[str, _Product]:
    """By weight the products whose gradients can be made piece by piece."""
    found: dict[str, _Product] = {}
    for node in model.graph:
        looked_up = node.op_type == "Gather"
        if (
            node.op_type not in ("Gemm", "MatMul", "Gather")
            or node.domain not in STANDARD
            or not _plain(node)
        ):
            continue
        read, weight = node.inputs[:2][:: -1 if looked_up else 1]
        answer = node.outputs[0]
        tensor = weight.const_value if weight is not None else None
        if read is None or weight is None or tensor is None or read.const_value is not None:
            continue
        name, alone = weight.name or "", len(list(weight.uses())) == 1 and len(tensor.shape) == 2
        if name not in wanted or not (alone and answer.name and read.name) or tensor.nbytes < LEAST_BYTES:
            continue
        transposed = "transB" in node.attributes and bool(node.attributes["transB"].as_int())
        entries = tensor.shape.numpy()[0] if looked_up else 0
        found[name] = _Product(name, read.name, answer.name, transposed, entries)
    return found


def _plain(node: ir.Node) -> bool:
    usual = {"transA": 0, "alpha": 1.0, "beta": 1.0, "axis": 0}
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
        if product.entries:
            rows = gradient.reshape(-1, gradient.shape[-1]).to(torch.float32)
            self._sums[product.weight].add_rows(read.reshape(-1), rows, product.entries)
            return
        left = read.reshape(-1, read.shape[-1]).to(torch.float32)
        right = gradient.reshape(-1, gradient.shape[-1]).to(torch.float32)
        if product.transposed:
            left, right = right, left
        self._sums[product.weight].add_product(left, right)
