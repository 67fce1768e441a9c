"""Make the graph of an exported program one that torch.jit.trace, and so the ONNX exporter, can follow.

torch.export leaves calls of ATen operators over symbolic sizes. The tracer takes neither symbolic sizes nor
some of the operators, so each such call is put back to the function of torch that a person would have
written; then sizes are traced as values and stay open in the ONNX file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

_LAST = 2**63 - 1


def traceable(program: torch.export.ExportedProgram) -> torch.fx.GraphModule:
    """Return a module with the program's weights and answers that can be traced with any allowed sizes."""
    module = program.module(check_guards=False)
    assert isinstance(module, torch.fx.GraphModule)
    # the hook compares sizes, which a tracer does not know
    module._forward_pre_hooks.clear()
    for node in list(module.graph.nodes):
        if node.op == "call_function":
            _rewrite(module.graph, node)
    module.graph.lint()
    module.recompile()
    return module


def _rewrite(graph: torch.fx.Graph, node: torch.fx.Node) -> None:
    target: Any = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return
    name = target._schema.name.split("::")[1]
    if "assert" in name and not node.users:
        graph.erase_node(node)
    elif name in ("to", "_to_copy", "type_as", "alias", "detach", "detach_") and _same(node):
        node.replace_all_uses_with(node.args[0])  # type: ignore[arg-type]
        graph.erase_node(node)
    elif name in _FUNCTIONS:
        node.target = _FUNCTIONS[name]
    elif any(_is_size(leaf) for leaf in tree_leaves((node.args, node.kwargs))):
        # Python's side of torch takes sizes that are traced, the operator itself does not
        if hasattr(torch, name):
            node.target = getattr(torch, name)
        elif hasattr(torch.Tensor, name):
            node.op, node.target = "call_method", name


def _same(node: torch.fx.Node) -> bool:
    """Whether nothing changes, but perhaps the device."""
    source = node.args[0]
    before = source.meta.get("val") if isinstance(source, torch.fx.Node) else None
    after = node.meta.get("val")
    return before is not None and after is not None and before.dtype == after.dtype


def _is_size(leaf: object) -> bool:
    return isinstance(leaf, torch.fx.Node) and isinstance(
        leaf.meta.get("val"), torch.SymInt | torch.SymFloat | torch.SymBool
    )


# ---------------------------------------------------------------- functions for operators

_functional = torch.nn.functional


def _slice(x: torch.Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> torch.Tensor:
    end = None if isinstance(end, int) and end == _LAST else end
    return x[(slice(None),) * (dim % x.dim()) + (slice(start, end, step),)]


def _unflatten(x: torch.Tensor, dim: int, sizes: Sequence[int]) -> torch.Tensor:
    dim %= x.dim()
    shape = [x.size(i) for i in range(x.dim())]
    return x.reshape([*shape[:dim], *sizes, *shape[dim + 1 :]])


def _batch_norm(x: Any, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float) -> Any:
    return (_functional.batch_norm(x, mean, var, weight, bias, False, momentum, eps),)


def _layer_norm(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    return (_functional.layer_norm(x, shape, weight, bias, eps),)


def _attention(q: Any, k: Any, v: Any, dropout: float = 0.0, causal: bool = False, **options: Any) -> Any:
    """The kernel that torch chose for attention, as the formula; it gives a tuple."""
    mask, scale = options.get("attn_mask"), options.get("scale")
    return (_functional.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale),)


def _to(x: torch.Tensor, *_: object, dtype: torch.dtype | None = None, **__: object) -> torch.Tensor:
    return x if dtype is None else x.to(dtype)


def einsum(equation: str, operands: Sequence[torch.Tensor], **_: object) -> torch.Tensor:
    """A product with a weight as the matrix product that it is: a layer, not an Einsum that stays whole."""
    left, _arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) == 2 and right and "." not in equation:
        x, weight = terms
        shared = len(set(x) & set(weight))
        rows, out = x[: len(x) - shared], weight[shared:]
        fits = x[len(rows) :] == weight[:shared] and right == rows + out and not set(rows) & set(weight)
        if shared and out and fits:
            value, matrix = operands
            sizes = [value.size(i) for i in range(len(rows))]
            width = math.prod(int(matrix.size(i)) for i in range(shared))
            if shared > 1:
                value = value.reshape([*sizes, width])
            product = value.matmul(matrix.reshape(width, -1))
            if len(out) > 1:
                product = product.reshape([*sizes, *(int(size) for size in matrix.shape[shared:])])
            return product
    return torch.einsum(equation, *operands)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "slice": _slice,
    "sym_size": lambda x, dim: x.size(dim),
    "unflatten": _unflatten,
    "einsum": einsum,
    "_unsafe_view": lambda x, shape: x.reshape(shape),
    "_to_copy": _to,
    "_softmax": lambda x, dim, _: _functional.softmax(x, dim),
    "_log_softmax": lambda x, dim, _: _functional.log_softmax(x, dim),
    "_native_batch_norm_legit_no_training": _batch_norm,
    "native_layer_norm": _layer_norm,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "convolution": torch.convolution,
}
