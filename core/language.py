"""Sentences in a person's language: one JSON catalogue per area and language, English is the source.

The catalogues lie beside the window, which is not imported for them.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from core.values import Text

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


@cache
def catalogue(language: str) -> dict[str, str]:
    """All translations of a language, from every area's file. Empty for English."""
    spec = importlib.util.find_spec("gui")
    places = spec.submodule_search_locations if spec is not None else None
    merged: dict[str, str] = {}
    for place in places or ():
        for path in sorted((Path(place) / "translations" / language).glob("*.json")):
            merged.update(json.loads(path.read_text(encoding="utf-8")))
    return merged


def teller(language: str) -> Callable[[Text | None], str]:
    """What writes a sentence in that language; English where it has no translation, '' for None."""
    known = catalogue(language) if language in LANGUAGES else {}

    def tell(sentence: Text | None) -> str:
        if sentence is None or not sentence.template:
            return ""
        return known.get(sentence.template, sentence.template).format(**sentence.params)

    return tell
