"""What of a text did not come through the translation, when the language is the pseudo one.

What did stands in ⟦brackets⟧. Outside of them only what is the same in every language may stand: names that
the person's own files bring, the program's name, numbers, units' symbols, keys.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from PySide6.QtCore import QLocale
from PySide6.QtGui import QKeySequence

from core.language import LANGUAGES
from gui.app import Window

_NATIVE = QKeySequence.SequenceFormat.NativeText
_FIGURE = re.compile(r"[-−+±≈×]?\d[\d.,:  ]*(?:[GMk]|dB|×)?(?![A-Za-z])")
_SHAPE = re.compile(r"\d+-d\b")


def names_in(window: Window) -> set[str]:
    """Names from files and those that the person gave, which no language changes."""
    session, keeper = window.session, window.keeper
    names = {"Secateur", *LANGUAGES.values(), keeper.name, *(one.label for one in keeper.snapshots)}
    model, data = session.model, session.data
    if model is not None:
        names |= {model.name, model.path, model.source_path, *(value.name for value in model.inputs)}
        names |= {value.name for value in model.outputs}
        for layer in model.layers:
            # of a layer's kind only what is no word stands outside: LSTM, GRU, RNN
            names |= {layer.id, layer.label, layer.op}
    for graph in session.graphs.values():
        for node in graph.nodes:
            names |= {node.id, node.label, node.op, *node.detail.splitlines()}
    if data is not None:
        names |= {data.spec.path, data.spec.calibration_path or "", *data.class_names, *data.columns}
    names |= {action.shortcut().toString(_NATIVE) for action in window.actions}
    locale = QLocale()
    names |= {locale.amText(), locale.pmText()}
    return {name for name in names if name}


_TAG = re.compile(r"</?[a-z]+[^<>]*>")


def untranslated(words: str, names: Iterable[str]) -> str:
    """The words that are in no translation; empty: there are none. The marks of rich text are no words."""
    words = html.unescape(_TAG.sub(" ", words))
    rest = _SHAPE.sub(" ", _FIGURE.sub(" ", _without_names(outside(words), names)))
    return " ".join(re.findall(r"[^\W\d_]{2,}", rest))


def outside(words: str) -> str:
    """What stands outside of all ⟦brackets⟧. One that was cut off with … reaches to that end."""
    depth, kept = 0, []
    opened = words.count("⟦") < words.count("⟧") and "…" in words
    if opened:  # the beginning was cut off, brackets and all
        depth = words.count("⟧") - words.count("⟦")
    for letter in words:
        if letter == "⟦":
            depth += 1
        elif letter == "⟧":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(letter)
    return "".join(kept)


def _without_names(words: str, names: Iterable[str]) -> str:
    for piece in re.findall(r"[^\s⟦⟧]*…[^\s⟦⟧]*", words):
        begin, _, end = piece.partition("…")
        if any(name.startswith(begin) and name.endswith(end) for name in names):
            words = words.replace(piece, " ")
    for name in sorted(names, key=len, reverse=True):
        # a whole name: one of a single letter does not excuse words with that letter
        words = re.sub(rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", " ", words)
    return words
