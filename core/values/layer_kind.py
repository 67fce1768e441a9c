"""The words in a layer's kind ('Depthwise 3×3'), so that they can be said in another language."""

from __future__ import annotations

from core.values.base import Text, text

_WORDS = (
    text("Dense stack"),
    text("Dense"),
    text("Depthwise"),
    text("Grouped"),
    text("Transposed"),
    text("Conv"),
    text("Embedding"),
)
"""Longer ones before those that they begin with. LSTM, GRU and RNN are names in every language."""


def split_kind(kind: str) -> tuple[Text | None, str]:
    """The word that a `LayerInfo.kind` begins with, and what stands behind it: 'Conv', ' 3×3'.

    None: there is no word in it, all of it is a name.
    """
    for word in _WORDS:
        rest = kind.removeprefix(word.template)
        if rest != kind and (not rest or rest.startswith(" ")):
            return word, rest
    return None, kind
