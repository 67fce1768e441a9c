"""Names that the program gave follow the language; those of a person stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from shiboken6 import delete

from gui.i18n import Translations
from gui.retold import retold_name, retold_step


@pytest.fixture
def speak(qapp: QApplication) -> Iterator[Translations]:
    translations = Translations(qapp, "en")
    yield translations
    delete(translations)


def test_a_snapshots_name_is_said_in_the_language_in_force(speak: Translations) -> None:
    assert (retold_name("快照 12"), retold_name("Snapshot 12")) == ("Snapshot 12", "Snapshot 12")
    speak.choose("zh_CN")
    assert (retold_name("快照 12"), retold_name("Snapshot 12")) == ("快照 12", "快照 12")


def test_what_a_person_wrote_stays(speak: Translations) -> None:
    speak.choose("zh_CN")
    for own in ("Bits", "Snapshot of Tuesday", "Snapshot 1 and more", "{n}", "快照 一"):
        assert retold_name(own) == own


def test_a_step_to_undo_is_said_in_the_language_in_force(speak: Translations) -> None:
    assert retold_step("稀疏度") == "Sparsity"
    assert retold_step("快照“快照 2”") == "Snapshot “Snapshot 2”"
    speak.choose("zh_CN")
    assert retold_step("Sparsity") == "稀疏度"
    assert retold_step("Snapshot “mine {x}”") == "快照“mine {x}”"
    assert retold_step("of no catalogue") == "of no catalogue"
