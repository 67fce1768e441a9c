"""What would help a model: a sentence, what it rests on, and the plan that does it."""

from __future__ import annotations

from typing import Literal

from core.values.base import Text, Value
from core.values.plan import Plan


class Advice(Value, frozen=True, kw_only=True):
    name: str
    """Of the rule."""
    text: Text
    """What to do, in a sentence."""
    evidence: Text
    """What that rests on: figures of this model where there are any, else of the project's measurements."""
    button: Text
    """What the click does."""
    plan: Plan | None = None
    """The plan that does it; None: `command` does."""
    command: Literal["", "data", "analyze", "blame"] = ""
    layer_id: str = ""
    """The layer to look at."""
    weight: float = 0.0
    """The most useful first; only its order counts."""
