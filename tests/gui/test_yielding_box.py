"""A box that gives way: as wide as its choices in the language that is shown, not in the first one."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from gui.widgets.yielding_box import YieldingBox


def test_it_grows_with_its_choices_after_it_was_shown(qtbot: QtBot) -> None:
    box = YieldingBox()
    qtbot.addWidget(box)
    box.addItem("每个样本一个类别")
    box.show()
    before = box.sizeHint().width()
    longer = "One class a sample, and a word more: accuracy"
    box.setItemText(0, longer)
    needed = box.fontMetrics().horizontalAdvance(longer)
    assert box.sizeHint().width() > max(before, needed)
    box.resize(box.sizeHint())
    assert not box.is_cut_short() and box.tip() == ""
    box.resize(60, box.height())
    assert box.is_cut_short() and box.tip() == longer
