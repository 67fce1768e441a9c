"""The whole window at work, for all people: no string untranslated, no control nameless or out of reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alive import signs
from clipped import clipped
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from reach import (
    CONTROLS,
    has_keys,
    interactive,
    nameless,
    reached_by_tab,
    takes_the_pointer,
    told,
    unreached,
)
from seen_texts import Seen, ask_for_tips, painted, texts_of
from untranslated import names_in, outside, untranslated
from workbench import at_work, close, screens, settle, shown, wait

from core.values import text
from gui.app import Window
from gui.i18n import PSEUDO, pseudo
from gui.job import Choice, Problem
from gui.views.about_dialog import AboutDialog
from gui.widgets.limit_dialogs import PatternDialog, ThresholdDialog
from gui.widgets.minimap import Minimap


@pytest.fixture(scope="module")
def bench(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("bench")
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name))
        window = at_work(qapp, home, sample=2)
        yield window
        close(window)


def missed(window: Window, seen: Seen) -> set[str]:
    names = names_in(window)
    found = {(where, words, untranslated(words, names)) for where, words in seen}
    return {f"{where}: {words!r} → {rest}" for where, words, rest in found if rest}


def test_a_string_grows_and_keeps_its_placeholders() -> None:
    assert pseudo("Open") == "⟦Open ~~⟧"
    long = pseudo("{n} of {total} layers are left as they were")
    assert long.format(n=3, total=5).startswith("⟦3 of 5 layers")
    assert 1.3 < len(long) / len("{n} of {total} layers are left as they were") < 1.5


def test_the_rule_tells_words_from_data() -> None:
    names = {"stem/conv", "Conv", "cat"}
    for fine in ("⟦Size ~~⟧", "⟦{n} of ⟦two ~~⟧ ~~⟧", "stem/conv", "41.1 M", "⟦8 bits ~~⟧ · 3×3", "stem…onv",
                 "⟦Points, al…", "…ne ~~⟧", "−3 dB"):  # fmt: skip
        assert not untranslated(fine, names), fine
    assert untranslated("Size ⟦of it ~~⟧", names) == "Size"
    assert untranslated("3 bits", names) == "bits"
    assert outside("a ⟦b ⟦c⟧ d⟧ e") == "a  e"


def test_every_text_of_the_window_is_translated(bench: Window) -> None:
    bench.translations.choose(PSEUDO)
    settle()
    with painted() as seen:
        for _screen in screens(bench):
            bench.main.grab()
            widgets = shown(bench.main)
            seen |= texts_of(widgets)
            ask_for_tips(widgets)
    assert len(seen) > 500
    assert missed(bench, seen) == set()


def test_bars_and_dialogs_are_translated(bench: Window) -> None:
    bench.translations.choose(PSEUDO)
    session, main = bench.session, bench.main
    session.problem.emit(
        Problem(
            kind="x",
            what=text("Stopped."),
            why=text("Stopped."),
            next_step=text("Stopped."),
            details="d",
            choices=(Choice(key="retry", label=text("Cancel")),),
        )
    )
    settle()
    seen = texts_of(shown(main.error_bar))
    assert any("⟦Stopped" in words for _, words in seen)
    dialogs: list[QDialog] = [
        AboutDialog(bench.theme, main),
        ThresholdDialog(session.plan, session.catalogue, 0.1, main),
        PatternDialog("2:4", main),
    ]
    for dialog in dialogs:
        dialog.show()
        settle()
        seen |= texts_of(shown(dialog))
        dialog.close()
        dialog.deleteLater()
    main.table.defaults_button.click()
    settle()
    seen |= texts_of(shown(main.table.defaults))
    main.table.defaults.hide()
    main.table.menu.fill(main.table.model.rows[:1])
    seen |= texts_of([main.table])
    assert missed(bench, seen) == set()


def test_the_empty_window_is_translated(window: Window) -> None:
    window.translations.choose(PSEUDO)
    settle()
    with painted() as seen:
        window.main.grab()
        seen |= texts_of(shown(window.main))
    assert missed(window, seen) == set()


def test_every_control_has_a_name_and_a_key_reaches_it(bench: Window) -> None:
    bench.translations.choose("en")
    main = bench.main
    main.error_bar.hide()
    main.activateWindow()
    nobody, lost, deaf, silent = set(), set(), set(), set()
    for screen in screens(bench):
        widgets = shown(main)
        main.top_bar.setFocus()
        QTest.keyClick(main.windowHandle(), Qt.Key.Key_Tab)
        nobody |= {f"{screen}: {each}" for each in nameless(widgets)}
        lost |= {f"{screen}: {each}" for each in unreached(widgets, reached_by_tab(main))}
        painted_views = [each for each in interactive(widgets) if takes_the_pointer(each)]
        # what a minimap does, its canvas does by keys
        deaf |= {
            f"{screen}: {told(each)}"
            for each in painted_views
            if not has_keys(each) and not isinstance(each, Minimap)
        }
        silent |= {
            f"{screen}: {told(each)}"
            for each in painted_views
            if not isinstance(each, (*CONTROLS, Minimap)) and not each.accessibleDescription()
        }
    assert (nobody, lost) == (set(), set())
    assert (deaf, silent) == (set(), set())


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900)])
def test_no_text_lacks_room(bench: Window, size: tuple[int, int]) -> None:
    found: set[str] = set()
    for language in ("en", "zh_CN"):
        bench.translations.choose(language)
        bench.main.resize(*size)
        settle()
        for screen in screens(bench):
            found |= {f"{language} {screen}: {each}" for each in clipped(shown(bench.main))}
    assert found == set()


def test_a_usual_layer_fits_into_the_inspector(bench: Window) -> None:
    bench.main.resize(1440, 900)
    session, scroll = bench.session, bench.main.inspector._scroll
    usual = next(
        layer
        for layer in session.model.layers[1:]
        if layer.prunable and layer.quantizable and not (layer.why_not or layer.warnings)
    )
    for language in ("en", "zh_CN"):
        bench.translations.choose(language)
        session.select(usual.id)
        wait(lambda: session.layer_view is not None and session.layer_view.layer_id == usual.id)
        settle()
        assert bench.main.inspector.curve.isVisible() and bench.main.inspector.bits.scales.isVisible()
        assert scroll.verticalScrollBar().maximum() == 0, language


def test_a_dead_panel_is_seen(bench: Window) -> None:
    bench.translations.choose("en")  # as whoever watches for dead panels begins
    bench.main.resize(1440, 900)
    bench.main.show_work()
    settle()
    method = bench.main.method
    bench.main.tabs.setCurrentWidget(method)
    method.fold.setChecked(True)  # a list among its parts: Qt tells nobody how many columns that has
    settle()
    assert signs(bench, method) == []
    method.fold.setChecked(False)
    table = bench.main.table
    assert signs(bench, table) == []
    table.setUpdatesEnabled(False)
    assert signs(bench, table, 0.2) == ["TableView does not paint"]
    table.setUpdatesEnabled(True)
    table.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    assert [words[:35] for words in signs(bench, table)] == ["TableView does not hear the pointer"]
    table.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.translations, "choose", lambda _language: None)
        assert signs(bench, table) == ["TableView does not follow the language"]
    table.hide()
    assert signs(bench, table) == ["TableView is not shown"]
    table.show()
    settle()
    assert signs(bench, table) == []
