"""The overview: what each cell says, that it sets, and that all of it can be copied."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from layer_values import accuracy, make_layer, make_points, make_session, make_theme
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from core.values import SensitivityPoint
from gui.models.overview_table import OverviewModel, Setting, resolve_cells
from gui.session import Session
from gui.table_text import csv_text
from gui.views.overview_view import OverviewView

STEM = "/stem/Conv"


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


def shown(qtbot: QtBot, session: Session) -> OverviewView:
    view = OverviewView(session, make_theme())
    qtbot.addWidget(view)
    view.resize(900, 300)
    view.show()
    view.activateWindow()  # shortcuts want an active window
    qtbot.waitUntil(view.isActiveWindow)
    return view


def column(view: OverviewView, setting: Setting) -> int:
    return view.model.settings.index(setting)


def estimated(point: SensitivityPoint) -> SensitivityPoint:
    return msgspec.structs.replace(
        point,
        measurement=msgspec.structs.replace(point.measurement, estimate=True, count=0),
        loss_low=None,
        loss_high=None,
    )


def test_an_estimate_of_the_sweep_looks_like_one_until_it_is_measured(
    qtbot: QtBot, qapp: QApplication
) -> None:
    session = make_session(analyzed=False)
    half = make_points(STEM)[1]
    session._take(estimated(half))
    view = shown(qtbot, session)
    at = column(view, Setting(0.5))
    cell = view.model.cells[0][at]
    assert cell.estimate and cell.loss == 1.0
    tip = view.model.index(0, at).data(Qt.ItemDataRole.ToolTipRole)
    assert "(estimate)" in tip and "interval" not in tip
    rect = view.table.visualRect(view.model.index(0, at))
    hatched = view.table.viewport().grab(rect).toImage()
    session._take(half)
    assert not view.model.cells[0][at].estimate
    tip = view.model.index(0, at).data(Qt.ItemDataRole.ToolTipRole)
    assert "measured, this layer alone" in tip
    assert "95 % interval 0.80 to 1.20 pt, 512 samples" in tip
    assert view.table.viewport().grab(rect).toImage() != hatched


def test_patterns_and_activations_have_columns_of_their_own(qtbot: QtBot, session: Session) -> None:
    base = make_points(STEM)[0]
    for changes in (
        {"sparsity": 0.0, "pattern": "2:4", "loss": 0.7},
        {"sparsity": 0.0, "weight_bits": 8, "activation_bits": 8, "loss": 0.3},
    ):
        session._take(msgspec.structs.replace(base, **changes))
    view = shown(qtbot, session)
    titles = [setting.title() for setting in view.model.settings]
    assert titles == [
        "25 %", "50 %", "75 %", "90 %", "2:4",
        "8 bits", "6 bits", "5 bits", "4 bits", "3 bits", "2 bits", "8+8 bit",
    ]  # fmt: skip
    cells = dict(zip(titles, view.model.cells[0], strict=True))
    assert (cells["8 bits"].loss, cells["8+8 bit"].loss, cells["2:4"].loss) == (0.1, 0.3, 0.7)
    # another layer was not measured so: nothing is guessed for it
    assert view.model.cells[1][titles.index("2:4")].loss is None
    # the plan begins with 8 bits of both
    assert cells["8 bits"].current and cells["8+8 bit"].current
    view.apply(view.model.index(0, titles.index("2:4")))
    assert session.plan.layer(STEM).pattern == "2:4"
    view.apply(view.model.index(0, titles.index("4 bits")))
    assert session.plan.layer(STEM).weight_bits == 4
    assert session.plan.layer(STEM).pattern == "2:4"
    view.apply(view.model.index(0, titles.index("8+8 bit")))
    assert (session.plan.layer(STEM).weight_bits, session.plan.layer(STEM).activation_bits) == (8, 8)
    assert session.undo_stack.count() == 3
    session.undo_stack.undo()
    assert session.plan.layer(STEM).weight_bits == 4


def test_zeros_and_bits_together_are_no_column(qapp: QApplication, session: Session) -> None:
    both = msgspec.structs.replace(make_points(STEM)[0], sparsity=0.5, weight_bits=4, loss=9.0)
    session._take(both)
    assert resolve_cells(session, (Setting(0.5), Setting(bits=4)))[0][0].loss == 1.0
    assert resolve_cells(session, (Setting(0.5), Setting(bits=4)))[0][1].loss == 1.6


def test_return_sets_and_the_legend_ends_at_the_worst_loss(qtbot: QtBot, session: Session) -> None:
    session._take(msgspec.structs.replace(make_points(STEM)[-1], loss=7.2))
    view = shown(qtbot, session)
    # the next round number above 7.2 points
    assert view._scale.accessibleName() == "0 – 8 pt"
    view.table.setFocus()
    view.table.setCurrentIndex(view.model.index(1, 1))
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    assert session.plan.layer("/body/Conv").sparsity == 0.5


def test_all_layers_fit_at_a_glance(qtbot: QtBot, qapp: QApplication) -> None:
    session = make_session(count=60)
    view = shown(qtbot, session)
    bar = view.table.verticalScrollBar()
    assert bar.maximum() > 0
    qtbot.mouseClick(view.glance, Qt.MouseButton.LeftButton)
    assert bar.maximum() == 0
    assert not view.table.verticalHeader().isVisible()
    # the strips have the cells' colours, and what the plan holds is marked at its left
    image, theme = view.table.viewport().grab().toImage(), make_theme()
    worst = view.table.visualRect(view.model.index(0, 3))
    assert view.model.cells[0][3].share == 1.0
    assert image.pixel(worst.center()) == theme.scale_color("damage", 1.0).rgb()
    planned = view.table.visualRect(view.model.index(0, 4))
    assert image.pixel(planned.left() + 2, planned.center().y()) == theme.color("accent").rgb()
    # a click still sets, and a tooltip still says what
    index = view.model.index(0, 2)
    qtbot.mouseClick(
        view.table.viewport(), Qt.MouseButton.LeftButton, pos=view.table.visualRect(index).center()
    )
    assert session.plan.layer(STEM).sparsity == 0.75
    qtbot.mouseClick(view.glance, Qt.MouseButton.LeftButton)
    assert view.table.rowHeight(0) == 22
    assert view.table.verticalHeader().isVisible()


def test_copied_as_csv_by_keyboard_with_estimates_marked_and_formulas_disarmed(
    qtbot: QtBot, session: Session
) -> None:
    """Row 33 of the bad inputs: cells that begin with = + - @ are escaped."""
    hostile = make_layer("stem", 1000, label='=HYPERLINK("http://x","y")')
    session._take(msgspec.structs.replace(session.model, layers=(hostile, *session.model.layers[1:])))
    gain = msgspec.structs.replace(make_points(STEM)[0], loss=-0.25, loss_low=-0.5, loss_high=0.0)
    session._take(gain)
    session._take(estimated(msgspec.structs.replace(make_points(STEM)[0], sparsity=0.6)))
    view = shown(qtbot, session)
    view.table.setFocus()
    qtbot.keyClick(
        view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    data = QGuiApplication.clipboard().mimeData()
    assert bytes(data.data("text/csv").data()).decode() == data.text()
    rows = list(csv.reader(io.StringIO(data.text())))
    assert rows[0][:4] == ["Layer", "Setting", "Loss", "Unit"]
    stem = {row[1]: row for row in rows[1:] if row[0].endswith('=HYPERLINK("http://x","y")')}
    # numbers stay numbers, text that begins like a formula does not
    assert stem["25 %"] == [
        '\'=HYPERLINK("http://x","y")', "25 %", "-0.25", "pt", "-0.5", "0", "512", "measured", "0"
    ]  # fmt: skip
    assert stem["60 %"][4:8] == ["", "", "", "estimate"]


def test_copied_as_a_picture_of_all_rows_from_the_menu(qtbot: QtBot, qapp: QApplication) -> None:
    session = make_session(count=60)
    view = shown(qtbot, session)
    found: list[list[str]] = []

    def choose() -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        found.append([action.text() for action in menu.actions()])
        menu.actions()[0].trigger()
        menu.close()

    QTimer.singleShot(50, choose)
    place = QPoint(200, 60)
    viewport = view.table.viewport()
    QApplication.sendEvent(
        viewport,
        QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, viewport.mapToGlobal(place)),
    )
    qtbot.waitUntil(lambda: bool(found))
    assert found == [["Copy as picture", "Copy as CSV"]]
    image = QGuiApplication.clipboard().image()
    assert isinstance(image, QImage)
    # 61 rows of 22 points and 10 more, two pixels each
    assert image.height() == (61 * 22 + 10) * 2
    # the plan has 8 bits everywhere: the accent's outline stands in the last row too
    bottom = image.copy(0, image.height() - 80, image.width(), 80)
    accent = make_theme().color("accent").rgb()
    assert any(bottom.pixel(x, y) == accent for x in range(bottom.width()) for y in range(0, 80, 2))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("  =x", "'  =x"),
        ("a=b", "a=b"),
        ("a,b", '"a,b"'),
        (-0.5, "-0.5"),
        (-3, "-3"),
        (0.1, "0.1"),
        (None, ""),
        ("层", "层"),
    ],
)
def test_row_33_cells_that_begin_with_a_sign_are_escaped(value: object, written: str) -> None:
    assert csv_text([[value, 1]]) == f"{written},1\r\n"


def test_what_is_lost_of_decibels_is_points(qapp: QApplication) -> None:
    session = make_session(analyzed=False)
    point = make_points(STEM)[0]
    decibels = accuracy(31.0, unit="dB", metric="sqnr_db")
    session._take(msgspec.structs.replace(point, measurement=decibels))
    model = OverviewModel(session)
    assert model.table()[1][:4] == ["stem", "25 %", 0.4, "pt"]


def test_a_model_that_goes_while_the_overview_is_seen_leaves_it_empty(qtbot: QtBot, session: Session) -> None:
    view = shown(qtbot, session)
    rows, columns = view.model.rowCount(), view.model.columnCount()
    assert rows and columns
    session._take_model(None)
    assert view.model.rowCount() == 0
    # what Qt's headers still ask for while the table shrinks
    assert view.model.headerData(rows - 1, Qt.Orientation.Vertical) is None
    assert view.model.headerData(columns, Qt.Orientation.Horizontal) is None
