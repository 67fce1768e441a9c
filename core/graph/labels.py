"""Turn what exporters call a node into a name that a person can read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import pairwise

SCOPE_SEPARATOR = " > "
"""Between the steps of `Layer.scope`; no node name that an exporter writes holds it."""

MAXIMUM = 60
"""Characters of a label; longer ones are elided in the middle."""

NOISE = re.compile(
    r"(StatefulPartitionedCall|PartitionedCall|model(_\d+)?|functional(_\d+)?|sequential(_\d+)?"
    r"|jax2tf_\w*|pjit_\w*|jit\(.*\)|main_graph|torch_jit|\w*_branch__Inline_\d+__)(:\d+)?",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"(Conv(\dD)?(Transpose)?|DepthwiseConv2dNative|depthwise|separable_conv2d|Conv2DBackpropInput"
    r"|MatMul(_Gemm.*)?|BatchMatMul(V2)?|Gemm|BiasAdd|Add|Einsum|einsum|Tensordot|dot_general|Gather(V2)?"
    r"|ResourceGather|embedding_lookup|LSTM|GRU|RNN|ExpandDims|Squeeze)([_:]*\d+)?",
)
_PLUMBING = re.compile(r"Tensordot|einsum|BiasAdd|ExpandDims|Squeeze|ReadVariableOp")
GENERIC_NODE = re.compile(
    r"(node_|n_|op_)?(aten_|torch_)?"
    r"(conv(olution|_transpose)?(\dd)?(transpose)?|matmul|mm|addmm|bmm|linear|gemm|lstm|gru|rnn|gather"
    r"|embedding"
    r"|qlinearconv|qlinearmatmul|convinteger|matmulinteger|matmulnbits)"
    r"(_?integer)?([_@.:]*\d+)*",
    re.IGNORECASE,
)
_GENERIC_WEIGHT = re.compile(
    r"(onnx::.*|\d+|const_fold_opt.*|_?v_?\d+|val_?\d+|t_?\d+|tensor_?\d+|[Cc]onstant.*|initializer_?\d*"
    r"|w|weights?|kernel|x_?\d*|arg_?\d*|_operator_.*|Introduce_.*)(_\d+|:\d+)*",
)
_SHORTENED = re.compile(r"[a-z0-9]{1,2}")
"""What inner values are called in files of ours: recurrent weights of few bits are computed while the model
runs."""
_RECURRENT = ("LSTM", "GRU", "RNN")
_WEIGHT_ENDINGS = re.compile(
    r"([._/](weight(_v|_g|_ih_l0|_hh_l0)?|weights|kernel|w_\d+|W|R|w|ReadVariableOp(_\d+)?|read|v)|_weights?"
    r"|[._]quantized|[._]scale|_quant)+(:\d+)?$"
)


def clean(name: str | bytes, limit: int = MAXIMUM) -> str:
    """Return the name as one plain line: no control or direction marks, elided to `limit` characters."""
    if isinstance(name, bytes):
        # protobuf hands out what is not UTF-8 as it is
        name = name[: limit * 8].decode(errors="replace")
    if len(name) <= limit and name.isascii() and name.isprintable():
        return name  # nearly all are: a large model has tens of thousands
    head, tail = name[: limit * 4], name[-limit * 4 :] if len(name) > limit * 4 else ""
    kept = ["".join(ch for ch in part if _visible(ch)) for part in (head, tail)]
    if not tail and len(kept[0]) <= limit:
        return kept[0]
    both = kept if tail else [kept[0], kept[0]]
    half = (limit - 1) // 2
    return both[0][: limit - 1 - half] + "…" + both[1][-half:]


def label(node_name: str, weight_name: str, op: str) -> str:
    """Return a readable name for a layer, '' if neither the node's nor the weight's name tells anything.

    '/layer1/layer1.0/conv1/Conv' -> 'layer1.0.conv1'; 'StatefulPartitionedCall/model/conv2d/Conv2D' ->
    'conv2d'; 'node_conv2d_3' with the weight 'encoder.0.weight' -> 'encoder.0'.
    """
    of_node = _short(node_name, op)
    if of_node and not GENERIC_NODE.fullmatch(of_node):
        return clean(of_node)
    of_weight = weight_label(weight_name, op)
    if of_weight:
        return of_weight
    return clean(of_node) if of_node and "/" in node_name[:4096] else ""


def weight_label(weight_name: str, op: str) -> str:
    """Return a readable name from the weight's alone, '' if that tells nothing."""
    if op in _RECURRENT and _SHORTENED.fullmatch(weight_name):
        return ""
    of_weight = _short(_WEIGHT_ENDINGS.sub("", weight_name[:4096]), op)
    return "" if not of_weight or _GENERIC_WEIGHT.fullmatch(of_weight) else clean(of_weight)


def distinct(labels: list[str], scopes: list[str]) -> list[str]:
    """Return the labels made unique: a body's name is added first, then a number."""
    counts = Counter(labels)
    named = [
        f"{text} ({_branches(scope)})" if counts[text] > 1 and scope else text
        for text, scope in zip(labels, scopes, strict=True)
    ]
    taken = set(named)
    seen: Counter[str] = Counter()
    result = []
    for text in named:
        seen[text] += 1
        candidate = text
        while seen[text] > 1 and candidate in taken:
            candidate = f"{text} #{seen[text]}"
            if candidate in taken:
                seen[text] += 1
        taken.add(candidate)
        result.append(candidate)
    return result


def _branches(scope: str) -> str:
    """'If_0.else > decoder/If_1.then' -> 'else/then'."""
    return "/".join(step.rsplit(".", 1)[-1] for step in scope.split(SCOPE_SEPARATOR))


def _visible(character: str) -> bool:
    # Cf holds the direction marks that would turn the text around it, but also the joiner inside emoji
    return character == "\u200d" or not unicodedata.category(character).startswith("C")


def _undotted(name: str, op: str) -> str:
    """A path that was joined with dots, like 'blocks.blocks.0.up.MatMul', without what only a path holds."""
    steps = name.split(".")
    if len(steps) < 2 or not (steps[-1] == op or _OPERATION.fullmatch(steps[-1])):
        return name
    kept = [step for before, step in pairwise(["", *steps[:-1]]) if step != before]
    return ".".join(kept)


def _short(name: str, op: str) -> str:
    """The parts of a path that tell something, joined with dots."""
    # converters of TensorFlow join the names of all that they fused; the bias is the layer's own
    fused = name[:4096].split(";")
    chosen = next((part for part in fused if part.endswith("/BiasAdd")), fused[0])
    parts = [part for part in re.split(r"[/\\]", chosen.removesuffix("_quant")) if part]
    if len(parts) == 1:
        parts = [_undotted(parts[0], op)]
    if len(parts) > 1 and (parts[-1] == op or _OPERATION.fullmatch(parts[-1])):
        parts.pop()
    while len(parts) > 1 and _PLUMBING.fullmatch(parts[-1]):
        parts.pop()
    kept: list[str] = []
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if not last and NOISE.fullmatch(part):
            continue
        if kept and part.startswith(kept[-1] + "."):
            kept.pop()
        if not kept or kept[-1] != part:
            kept.append(part)
    joined = ".".join(kept)
    return joined.removeprefix("model.").removeprefix("module.").removesuffix(":0")
