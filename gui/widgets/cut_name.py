"""A layer's name where there is no room for all of it."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF

_NUMBER_AT_END = re.compile(r"\d*$")


def cut_name(name: str, metrics: QFontMetrics | QFontMetricsF, room: float) -> str:
    """'l.0.attention.query' for 'layers.0.attention.query' where that is enough, 'l.0.a.query' where not.

    The parts in front are cut first, and keep their numbers: layers of one block end alike, and cut in the
    middle they would all be 'layer…query'. The branch of an If stays, in brackets behind the name: its other
    branch has a layer of the same name.
    """
    if metrics.horizontalAdvance(name) <= room:
        return name
    head, bracket, branch = name.partition(" (")
    between = "." if "." in head else "_"
    parts = head.split(between)
    for place in range(len(parts)):
        shown = between.join(parts) + bracket + branch
        if metrics.horizontalAdvance(shown) <= room:
            return shown
        if place < len(parts) - 1:
            parts[place] = _initial(parts[place])
    shown = between.join(parts)
    if bracket:
        return _before_branch(shown, f"({branch}", metrics, room)
    return metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, int(room))


def _before_branch(head: str, branch: str, metrics: QFontMetrics | QFontMetricsF, room: float) -> str:
    """'e.0.co…(else)': what of the name tells it from its neighbours stands at its beginning by now.

    Without room for both the middle of all goes: beginning and end still tell the branches apart.
    """
    if metrics.horizontalAdvance(head + branch) <= room:
        return head + branch
    left = int(room - metrics.horizontalAdvance(branch))
    cut = metrics.elidedText(head, Qt.TextElideMode.ElideRight, left)
    if left > 0 and len(cut) > 1:
        return cut + branch
    return metrics.elidedText(head + branch, Qt.TextElideMode.ElideMiddle, int(room))


def _initial(part: str) -> str:
    """'l3' of 'layer3', 'b' of 'blocks'; what begins with no letter stays."""
    if not part[:1].isalpha():
        return part
    number = _NUMBER_AT_END.search(part[1:])
    return part[0] + (number.group() if number is not None else "")
