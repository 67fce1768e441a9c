"""Words that the program gave and kept (a snapshot's name, a step to undo), in the language in force now."""

from __future__ import annotations

import re
from functools import cache

from core.language import LANGUAGES, catalogue
from core.values import Text
from gui.i18n import tr_text

SNAPSHOT = "Snapshot {n}"
SNAPSHOT_TAKEN_BACK = "Snapshot “{name}”"


def retold_name(name: str) -> str:
    """A snapshot's name: what the program called it is said anew, what a person wrote stays."""
    parts = _parts(name, SNAPSHOT)
    return tr_text(Text(SNAPSHOT, parts)) if parts and parts["n"].isdigit() else name


def retold_step(words: str) -> str:
    """What a step to undo is called, whichever language it was done in."""
    parts = _parts(words, SNAPSHOT_TAKEN_BACK)
    if parts:
        return tr_text(Text(SNAPSHOT_TAKEN_BACK, {"name": retold_name(parts["name"])}))
    source = _sources().get(words)
    return tr_text(Text(source)) if source else words


def _parts(words: str, template: str) -> dict[str, str]:
    """What stands in the template's places, in whichever language `words` are; empty: they are others."""
    for language in LANGUAGES:
        written = re.escape(catalogue(language).get(template, template))
        found = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", written), words)
        if found:
            return found.groupdict()
    return {}


@cache
def _sources() -> dict[str, str]:
    """The English sentence by its translation. Of several, one that begins as a heading does."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for source, words in catalogue(language).items():
            if "{" not in source:
                found.setdefault(source, source)
                if words not in found or source[:1].isupper():
                    found[words] = source
    return found
