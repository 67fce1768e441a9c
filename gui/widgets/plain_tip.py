"""Tooltips show names from files: as plain text, whatever they look like, and never endless."""

from __future__ import annotations

import html

from PySide6.QtGui import Qt

LONGEST = 1500
"""Characters; names of megabytes exist."""


def plain_tip(text: str) -> str:
    """`text` so that a tooltip shows it as it is: Qt guesses rich text from anything like a tag."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    if not Qt.mightBeRichText(shown):
        return shown
    return "<span>" + html.escape(shown).replace("\n", "<br>") + "</span>"
