"""A file that Secateur made says so in the window when it is opened."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shell_values import make_model

from core import messages as m
from core.values import ModelCard
from gui.app import Window

CARD = ModelCard(
    version="0.1.0",
    made="2026-11-20T12:00:00+00:00",
    source="<b>resnet</b>.onnx",
    source_sha256="0123456789abcdef" * 4,
    source_bytes=16_000,
    plan='{"defaults": {"weight_bits": 8}}',
    metric="top1",
    unit="%",
    samples=1000,
    before=91.4,
    after=91.2,
)


def opened(window: Window, card: ModelCard | None) -> None:
    window.session._take(msgspec.structs.replace(make_model(), card=card))


def test_a_compressed_file_says_so_and_the_bar_can_be_closed(window: Window) -> None:
    bar = window.main.card_bar
    opened(window, CARD)
    assert bar.isVisible()
    # names are plain text, whatever they hold
    assert "from <b>resnet</b>.onnx" in bar.what.full_text and "2026" in bar.what.full_text
    assert bar.facts.text().startswith(
        "16.0 kB before, 4.0 kB now · Accuracy then 91.4 % before, 91.2 % after, on 1,000 samples"
    )
    assert "0123456789abcdef…" in bar.facts.text()
    QTest.mouseClick(bar._close, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_other_files_show_none_and_work_makes_room(window: Window) -> None:
    bar = window.main.card_bar
    opened(window, None)
    assert not bar.isVisible()
    opened(window, CARD)
    window.translations.choose("zh_CN")
    QApplication.processEvents()
    assert "压缩而来" in bar.what.full_text
    window.session.begin("compress", m.Describe())
    assert not bar.isVisible()
