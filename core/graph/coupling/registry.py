"""How an operator makes known how its tensors are coupled: one function each, found by name."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling

Rule = Callable[[Coupling, ir.Node], None]

RULES: dict[tuple[str, str], Rule] = {}
"""(domain, operator) -> its rule."""


def operator(*names: str, domain: str = "") -> Callable[[Rule], Rule]:
    """Decorator: this function is the rule of these operators."""

    def register(rule: Rule) -> Rule:
        for name in names:
            if (domain, name) in RULES:
                raise ValueError(f"'{name}' has a rule already")
            RULES[domain, name] = rule
        return rule

    return register


def rule_of(node: ir.Node) -> Rule | None:
    domain = "" if node.domain in ("", "ai.onnx") else node.domain
    return RULES.get((domain, node.op_type))
