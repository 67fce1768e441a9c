"""Names of layers in little room: what tells them apart stays."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.widgets.cut_name import cut_name
from gui.widgets.elided_label import ElidedLabel


@pytest.mark.parametrize(
    ("name", "room_of", "shown"),
    [
        ("layers.0.attention.query", "layers.0.attention.query", "layers.0.attention.query"),
        ("layers.0.attention.query", "l.0.attention.query", "l.0.attention.query"),
        ("layers.0.attention.query", "l.0.a.query", "l.0.a.query"),
        ("layer3.1.conv2", "l3.1.conv2", "l3.1.conv2"),
        ("conv2_depthwise", "c2_depthwise", "c2_depthwise"),
        ("layer3.se_1.conv", "l3.se_1.conv", "l3.se_1.conv"),
        ("encoder.2.conv (then)", "e.2.conv (then)", "e.2.conv (then)"),
        ("encoder.2.conv (else/then)", "e.2.conv (else/then)", "e.2.conv (else/then)"),
    ],
)
def test_the_parts_in_front_are_cut_first_and_keep_their_numbers(
    qapp: QApplication, name: str, room_of: str, shown: str
) -> None:
    metrics = QFontMetricsF(qapp.font())
    assert cut_name(name, metrics, metrics.horizontalAdvance(room_of) + 0.5) == shown


@pytest.mark.parametrize("room_of", ["encoder_co (then)", "en…ion (then)", "e…n (then)", "en…en)"])
def test_the_branches_of_an_if_are_told_apart_in_any_room(qapp: QApplication, room_of: str) -> None:
    metrics = QFontMetricsF(qapp.font())
    room = metrics.horizontalAdvance(room_of) + 0.5
    one, other = (
        cut_name(f"stft.encoderconvolution ({branch})", metrics, room) for branch in ("then", "else")
    )
    assert one != other
    assert max(metrics.horizontalAdvance(one), metrics.horizontalAdvance(other)) <= room
    if "(then)" in room_of:
        assert one.endswith("(then)") and other.endswith("(else)")


def test_layers_of_a_branch_are_told_apart_too(qapp: QApplication) -> None:
    metrics = QFontMetricsF(qapp.font())
    room = metrics.horizontalAdvance("e.0.rep…(else)") + 2
    names = [cut_name(f"encoder.{place}.reparam_conv (else)", metrics, room) for place in range(4)]
    assert [name[:4] for name in names] == ["e.0.", "e.1.", "e.2.", "e.3."]
    assert all(name.endswith("…(else)") and metrics.horizontalAdvance(name) <= room for name in names)
    tight = metrics.horizontalAdvance("d.rnn(else)") + 0.5
    assert cut_name("decoder.rnn (else)", metrics, tight) == "d.rnn(else)"


def test_where_even_that_is_too_long_the_middle_goes(qapp: QApplication) -> None:
    metrics = QFontMetricsF(qapp.font())
    room = metrics.horizontalAdvance("b.7.reparam")
    cut = cut_name("blocks.7.reparametrised_convolution", metrics, room)
    assert cut.startswith("b.7.") and "…" in cut and metrics.horizontalAdvance(cut) <= room
    plain = cut_name("reparametrisedconvolution", metrics, room)
    assert plain.startswith("rep") and plain.endswith("n") and "…" in plain


def test_a_label_shows_nothing_where_three_letters_would_be_left(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.show()
    qtbot.waitExposed(label)
    label.set_full_text("Next: run the plan, or change it")
    label.resize(label.fontMetrics().horizontalAdvance("Next…") - 2, 20)
    assert label.text() == ""
    assert label.full_text in label.toolTip()
    label.resize(label.fontMetrics().horizontalAdvance("Next: run the plan…"), 20)
    assert label.text().startswith("Next: run") and label.text().endswith("…")
