"""The guide is what its script writes now, its pictures are there, and what it names stands in the window."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QMenu, QTabWidget

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import make_guide  # noqa: E402
import photographer  # noqa: E402
from shell_values import make_data, make_model, make_result  # noqa: E402

from core.language import LANGUAGES  # noqa: E402
from core.values import Exported  # noqa: E402
from gui.app import Window  # noqa: E402


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_is_as_its_script_writes_it(language: str) -> None:
    written = (make_guide.GUIDE / make_guide.FILES[language]).read_text(encoding="utf-8")
    assert written == make_guide.guide(language), "run python docs/make_guide.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_pictures_are_there_and_show_something(language: str) -> None:
    pictures = re.findall(r"\((\.\./pictures/[^)]+)\)", make_guide.guide(language))
    assert len(pictures) == len(make_guide.CHAPTERS)
    for name in pictures:
        with Image.open(make_guide.GUIDE / name) as picture:
            assert picture.size == (1440, 900)
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 20, name
    assert len({(make_guide.GUIDE / name).read_bytes() for name in pictures}) == len(pictures)


def shown(window: Window) -> Iterator[str]:
    main = window.main
    for button in main.findChildren(QAbstractButton):
        yield button.text().replace("&&", "&")
    for label in main.findChildren(QLabel):
        yield label.text()
    for box in main.findChildren(QComboBox):
        yield from (box.itemText(place) for place in range(box.count()))
    for tabs in main.findChildren(QTabWidget):
        yield from (tabs.tabText(place) for place in range(tabs.count()))
    for action in [*main.findChildren(QAction), *window.actions]:
        yield action.text()
        yield action.iconText()
    for menu in main.findChildren(QMenu):
        yield menu.title()
    yield main.top_bar.help_button.accessibleName()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_it_names_stands_in_the_window(window: Window, language: str) -> None:
    window.translations.choose(language)
    QApplication.processEvents()
    seen: set[str] = set()

    def look() -> None:
        QApplication.processEvents()
        seen.update(shown(window))

    look()
    window.help.show("tour")
    look()
    window.session._take(make_model())
    window.session._take(make_data())
    look()
    window.session.set_layers(["stem"], "", weight_bits=4)
    look()
    window.session._take(make_result(window.session.plan))
    look()
    window.session._take(Exported(path="/out.onnx", sha256="", size_bytes=1000))
    look()
    wanted = {make_guide.named(f"{{{name}}}", language) for name in make_guide.controls()}
    assert len(wanted) > 12
    assert not wanted - {text.rstrip(":：") for text in seen}


def test_a_thin_legend_keeps_its_colours_beside_many_others() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    noise[:, :, 0] //= 4
    scale = np.stack([np.full(32, 250), np.arange(32) * 8, np.full(32, 3)], axis=1).astype(np.uint8)
    noise[100, :32] = scale
    made = photographer.reduced(Image.fromarray(noise), scale)
    assert made.mode == "P" and len(made.getcolors()) <= 256
    assert np.array_equal(np.asarray(made.convert("RGB"))[100, :32], scale)
    # what is common stays as near as without: blue and green in steps of about a sixth of the range
    changed = np.abs(np.asarray(made.convert("RGB")).astype(int) - noise)
    assert changed[:90].mean() < 16
