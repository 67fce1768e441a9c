"""Where a node belongs by its name: the modules, blocks or bodies that it stands in, from outside inwards."""

from __future__ import annotations

import re

import onnx_ir as ir

from core.graph.labels import GENERIC_NODE, NOISE, SCOPE_SEPARATOR, clean
from core.values import Layer

Scope = tuple[str, ...]

_MODULES = "pkg.torch.onnx.name_scopes"
"""Metadata of torch's newer exporter: "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_3']"."""
_QUOTED = re.compile(r"'([^']*)'")
_SUFFIX = re.compile(r" (\(.*\)|#\d+)$")
_LONGEST, _DEEPEST, _STEP = 4096, 12, 60
"""Characters of a name that are looked at, steps of a scope, characters of a step."""


def scope_of(node: ir.Node, layer: Layer | None, body: str) -> Scope | None:
    """Return the steps that lead to a node, None where neither its name nor its weight tells any.

    '/layer1/layer1.0/conv1/Conv' -> ('layer1', '0', 'conv1'); 'block0.relu1' -> ('block0',). `body` is the
    path of the If, Loop or Scan body that holds the node (as in `Layer.scope`); its steps come first.
    """
    own = _of_metadata(node) or _of_name(node)
    if own is None and layer is not None:
        parts = _SUFFIX.sub("", layer.label).split(".")
        own = _tidy(parts) if len(parts) > 1 else None
    return None if own is None else (*_outer(body), *own)[:_DEEPEST]


def filled(
    scopes: list[Scope | None], bodies: list[str], sources: list[list[int]], targets: list[list[int]]
) -> list[Scope]:
    """Return the scopes with those unknown taken from what stands before and behind: what both share.

    Sources must stand before their targets. A node never leaves the body that holds it.
    """
    if all(scope is not None for scope in scopes):
        return [scope or () for scope in scopes]
    before: list[Scope | None] = list(scopes)
    for index in range(len(scopes)):
        if before[index] is None:
            before[index] = _deepest([before[source] for source in sources[index]])
    behind: list[Scope | None] = list(scopes)
    for index in reversed(range(len(scopes))):
        if behind[index] is None:
            behind[index] = _deepest([behind[target] for target in targets[index]])
    result = []
    for index, scope in enumerate(scopes):
        if scope is None:
            outer = _outer(bodies[index])
            scope = _shared(before[index], behind[index])
            scope = scope if scope[: len(outer)] == outer else outer
        result.append(scope)
    return result


def _outer(body: str) -> Scope:
    return tuple(body.split(SCOPE_SEPARATOR)) if body else ()


def _deepest(scopes: list[Scope | None]) -> Scope | None:
    return max((scope for scope in scopes if scope is not None), key=len, default=None)


def _shared(one: Scope | None, other: Scope | None) -> Scope:
    if one is None or other is None:
        return ()
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


def _of_metadata(node: ir.Node) -> Scope | None:
    listed = node.metadata_props.get(_MODULES)
    if not listed:
        return None
    modules = _QUOTED.findall(listed[:_LONGEST])[:-1]
    return _tidy(modules[-1].split(".")) if modules and modules[-1] else ()


def _of_name(node: ir.Node) -> Scope | None:
    # converters of TensorFlow join the names of all that they fused
    name = (node.name or "")[:_LONGEST].split(";")[0]
    if "/" in name or "\\" in name:
        return _tidy(_steps([part for part in re.split(r"[/\\]", name)[:-1] if part]))
    parts = name.split(".")
    if len(parts) < 2 or GENERIC_NODE.fullmatch(parts[0]) or parts[0] == node.op_type:
        return None
    return _tidy(parts[:-1])


def _steps(parts: list[str]) -> list[str]:
    """'layer1', 'layer1.0', 'conv1' -> 'layer1', '0', 'conv1': a module says again what it stands in."""
    steps: list[str] = []
    before = ""
    for part in parts:
        if NOISE.fullmatch(part):
            continue
        inner = part.removeprefix(before + ".") if before else part
        steps.extend(inner.split("."))
        before = part
    return steps


def _tidy(parts: list[str]) -> Scope:
    return tuple(clean(part, _STEP) for part in parts if part)[:_DEEPEST]
