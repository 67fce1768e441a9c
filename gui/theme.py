"""Colours and the style sheet: one table of tokens for light and one for dark.

Own palettes on Fusion, because the system's colour scheme is not followed everywhere.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

TOKENS = {
    "light": {
        "window": "#F4F5F7",
        "panel": "#FFFFFF",
        "line": "#E2E6EB",
        "text": "#1A2330",
        "muted": "#5B6774",
        "accent": "#0F766E",
        "accent_soft": "#D6EFEA",
        "on_accent": "#FFFFFF",
        "attention": "#A54C08",
        "attention_soft": "#FBEBD9",
        "original": "#94A3B8",
        "estimate": "#64707D",
        "track": "#E8EBEF",
        "hover": "#EEF1F4",
    },
    "dark": {
        "window": "#12161B",
        "panel": "#191F26",
        "line": "#2A323B",
        "text": "#E7ECF1",
        "muted": "#9DAAB6",
        "accent": "#2DD4BF",
        "accent_soft": "#12403B",
        "on_accent": "#0B1F1C",
        "attention": "#F5B14C",
        "attention_soft": "#3A2C17",
        "original": "#64748B",
        "estimate": "#8A97A5",
        "track": "#2A323B",
        "hover": "#222A33",
    },
}
DAMAGE = {
    "light": ("#FFF7CC", "#FEDD7E", "#FDB24A", "#F9743A", "#E2372F", "#A50F32"),
    "dark": ("#33302A", "#5A4A28", "#96682A", "#D58936", "#F2B65A", "#FFE9A8"),
}
DIFFERENCE = {
    "light": ("#2B5C8F", "#6D9CC4", "#C3D7E8", "#F4F4F2", "#F3CF9F", "#D98B34", "#8F4E0B"),
    "dark": ("#8CC1F2", "#5387B8", "#2F4B66", "#2A2F35", "#5E4524", "#B5762B", "#F5B963"),
}
"""Less in blue, more in orange: told apart with any colour vision."""
# Anchors of matplotlib's viridis (CC0), interpolated linearly: the eye sees no difference
VIRIDIS = (
    "#440154", "#482475", "#414487", "#355F8D", "#2A788E", "#21918C",
    "#22A884", "#44BF70", "#7AD151", "#BDDF26", "#FDE725",
)  # fmt: skip


def lookup_table(anchors: tuple[str, ...], count: int = 256) -> np.ndarray:
    """Interpolate colours, shape (count, 3), uint8."""
    colours = np.array([QColor(anchor).getRgb()[:3] for anchor in anchors], dtype=float)
    where = np.linspace(0, len(anchors) - 1, count)
    channels = [np.interp(where, range(len(anchors)), colours[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


DRAWINGS = ("arrow", "left", "right", "tick")
"""What the style sheet draws from files, a file for each theme."""


class Theme(QObject):
    """The colours in force. A view paints with `color` and repaints on `changed`."""

    changed = Signal(str)

    def __init__(self, application: QApplication, name: str = "light") -> None:
        super().__init__(application)
        self._application = application
        self.name = ""
        self.choose(name)

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def choose(self, name: str) -> None:
        first, self.name = not self.name, name
        self._tables = {
            "damage": lookup_table(DAMAGE[name]),
            "difference": lookup_table(DIFFERENCE[name]),
            "importance": lookup_table(VIRIDIS),
        }
        # taken away first: putting one sheet in place of another polishes each widget over again for every
        # widget that it lies in, which takes four times as long
        self._application.setStyleSheet("")
        if first:
            self._application.setStyle("Fusion")
        self._application.setPalette(_qt_palette(TOKENS[name]))
        self._application.setStyleSheet(
            style_sheet(TOKENS[name], {what: _drawing(what, name) for what in DRAWINGS})
        )
        self.changed.emit(name)

    def toggle(self) -> None:
        self.choose("light" if self.dark else "dark")

    def color(self, token: str) -> QColor:
        return QColor(TOKENS[self.name][token])

    def table(self, name: str) -> np.ndarray:
        """The 256 colours of 'damage', 'difference' or 'importance', shape (256, 3), uint8."""
        return self._tables[name]

    def scale_color(self, name: str, share: float) -> QColor:
        """The colour at `share` (0..1) of a table."""
        row = self._tables[name][round(min(max(share, 0.0), 1.0) * 255)]
        return QColor(int(row[0]), int(row[1]), int(row[2]))

    def text_on(self, background: QColor) -> QColor:
        """Dark or light text, whichever reads better (WCAG relative luminance)."""
        return QColor("#1A2330") if _luminance(background) > 0.24 else QColor("#FFFFFF")


def _luminance(color: QColor) -> float:
    channels = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def _qt_palette(tokens: dict[str, str]) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: "window",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Base: "panel",
        QPalette.ColorRole.AlternateBase: "window",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.Button: "panel",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.ToolTipBase: "panel",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "muted",
        QPalette.ColorRole.Highlight: "accent",
        QPalette.ColorRole.HighlightedText: "on_accent",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.Mid: "line",
        QPalette.ColorRole.Light: "panel",
        QPalette.ColorRole.Dark: "line",
    }
    palette = QPalette()
    for role, token in roles.items():
        palette.setColor(role, QColor(tokens[token]))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens["original"]))
    return palette


def _drawing(what: str, theme: str) -> str:
    """Path of the boxes' arrow or tick in a theme's colour: style sheets take files only."""
    return (Path(str(resources.files("resources"))) / "icons" / f"{what}-{theme}.svg").as_posix()


def style_sheet(tokens: dict[str, str], drawings: dict[str, str]) -> str:
    """Shared looks by dynamic property: [panel], [primary] (or "soft": beside the accent), [flat] ..."""
    return (
        _STYLE.replace("{", "{{")
        .replace("}", "}}")
        .replace("<<", "{")
        .replace(">>", "}")
        .format(**tokens, **drawings)
    )


_STYLE = """
QMainWindow, QDialog { background: <<window>>; }
QToolTip { background: <<panel>>; color: <<text>>; border: 1px solid <<line>>; padding: 5px 7px; }
QFrame[panel="true"] { background: <<panel>>; border: 1px solid <<line>>; border-radius: 9px; }
QFrame[bar="true"] { background: <<panel>>; border: none; border-bottom: 1px solid <<line>>; }
QFrame[footer="true"] { background: <<panel>>; border: none; border-top: 1px solid <<line>>; }
QLabel { background: transparent; border: none; }
QLabel[heading="true"] { font-weight: 600; }
QLabel[name="true"] { font-size: 15px; font-weight: 700; }
QLabel[title="true"] { font-size: 21px; font-weight: 700; }
QLabel[muted="true"] { color: <<muted>>; }
QLabel[small="true"] { color: <<muted>>; font-size: 12px; }
QLabel[figure="true"] { font-size: 25px; font-weight: 700; }
QLabel[before="true"] { font-size: 16px; color: <<muted>>; }
QLabel[badge="good"] { background: <<accent_soft>>; color: <<accent>>; border-radius: 5px;
  padding: 1px 6px; font-size: 12px; font-weight: 600; }
QLabel[badge="neutral"] { background: <<track>>; color: <<muted>>; border-radius: 5px; padding: 1px 6px;
  font-size: 12px; }
QLabel[badge="attention"] { background: <<attention_soft>>; color: <<attention>>; border-radius: 5px;
  padding: 1px 6px; font-size: 12px; font-weight: 600; }
QPushButton, QToolButton { background: <<panel>>; border: 1px solid <<line>>; border-radius: 7px;
  padding: 5px 11px; outline: none; }
QPushButton:hover, QToolButton:hover { background: <<hover>>; }
QPushButton:pressed, QToolButton:pressed { background: <<accent_soft>>; }
QPushButton:focus, QToolButton:focus { border: 1px solid <<accent>>; }
QPushButton:checked, QToolButton:checked { background: <<accent_soft>>; border: 1px solid <<accent>>; }
QPushButton:checked:focus, QToolButton:checked:focus { border: 2px solid <<accent>>; padding: 4px 10px; }
QPushButton:disabled, QToolButton:disabled { color: <<original>>; }
QPushButton[primary="true"], QToolButton[primary="true"] { background: <<accent>>; color: <<on_accent>>;
  border: 1px solid <<accent>>; font-weight: 600; }
QPushButton[primary="true"]:hover, QToolButton[primary="true"]:hover { background: <<accent>>;
  border-color: <<text>>; }
QPushButton[primary="true"]:focus, QToolButton[primary="true"]:focus { border: 1px solid <<text>>; }
QPushButton[primary="true"]:disabled, QToolButton[primary="true"]:disabled { background: <<track>>;
  color: <<original>>; border-color: <<line>>; }
QPushButton[primary="soft"] { background: <<accent_soft>>; color: <<accent>>;
  border: 1px solid <<accent>>; font-weight: 600; }
QPushButton[primary="soft"]:focus { border: 2px solid <<accent>>; padding: 4px 10px; }
QPushButton[primary="soft"]:hover { border-color: <<text>>; }
QPushButton[primary="soft"]:disabled { background: <<panel>>; color: <<original>>; border-color: <<line>>; }
QPushButton[flat="true"], QToolButton[flat="true"] { background: transparent; border: 1px solid transparent; }
QPushButton[flat="true"]:hover, QToolButton[flat="true"]:hover { background: <<hover>>; }
QPushButton[flat="true"]:focus, QToolButton[flat="true"]:focus { border: 1px solid <<accent>>; }
QPushButton[flat="true"]:checked, QToolButton[flat="true"]:checked { background: <<accent_soft>>;
  border: 1px solid <<accent>>; }
QPushButton[flat="true"]:checked:focus, QToolButton[flat="true"]:checked:focus { padding: 4px 10px;
  border: 2px solid <<accent>>; }
QToolButton::menu-indicator { image: none; }
QFileDialog QToolButton { padding: 3px; min-width: 16px; min-height: 16px; }
QComboBox { background: <<panel>>; border: 1px solid <<line>>; border-radius: 6px; padding: 3px 8px; }
QComboBox:focus, QLineEdit:focus, QAbstractSpinBox:focus { border: 1px solid <<accent>>; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url("<<arrow>>"); width: 12px; height: 12px; }
QComboBox QAbstractItemView, QMenu { background: <<panel>>; border: 1px solid <<line>>;
  selection-background-color: <<accent_soft>>; selection-color: <<text>>; padding: 4px; }
QMenu::item { padding: 4px 21px 4px 11px; border: 1px solid transparent; border-radius: 5px; }
QMenu::item:selected { background: <<accent_soft>>; border-color: <<accent>>; }
QMenu::item:disabled { color: <<original>>; }
QMenu::separator { height: 1px; background: <<line>>; margin: 4px 6px; }
QLineEdit, QAbstractSpinBox, QPlainTextEdit, QTextEdit { background: <<panel>>; border: 1px solid <<line>>;
  border-radius: 6px; padding: 4px 7px; selection-background-color: <<accent>>;
  selection-color: <<on_accent>>; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; height: 0; border: none; }
QAbstractSpinBox QLineEdit { border: none; padding: 0; margin: 0 6px; background: transparent; }
QLineEdit[wrong="true"] { border: 1px solid <<attention>>; background: <<attention_soft>>; }
QTabBar { background: transparent; border: none; }
QTabBar::tab { background: transparent; color: <<muted>>; padding: 9px 1px 8px 1px; margin: 0 4px;
  border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: <<text>>; font-weight: 600; border-bottom: 2px solid <<accent>>; }
QTabBar::tab:focus { color: <<accent>>; text-decoration: underline; }
QTabBar QToolButton { background: <<panel>>; border: none; border-radius: 0; padding: 0; }
QTabBar QToolButton::left-arrow { image: url("<<left>>"); width: 12px; height: 12px; }
QTabBar QToolButton::right-arrow { image: url("<<right>>"); width: 12px; height: 12px; }
QTabWidget::pane { border: none; }
QHeaderView { background: <<panel>>; border: none; }
QHeaderView::section { background: <<panel>>; color: <<muted>>; border: none;
  border-bottom: 1px solid <<line>>; padding: 6px 6px; }
QTableView, QTreeView, QListView { background: <<panel>>; border: none; gridline-color: transparent;
  selection-background-color: <<accent_soft>>; selection-color: <<text>>; outline: none; }
QProgressBar { background: <<track>>; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: <<accent>>; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: <<line>>; border-radius: 3px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: <<original>>; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid <<original>>; border-radius: 4px;
  background: <<panel>>; }
QCheckBox::indicator:checked { background: <<accent>>; border-color: <<accent>>; image: url("<<tick>>"); }
QCheckBox { border: 1px solid transparent; border-radius: 4px; padding: 1px 2px; }
QCheckBox:focus { color: <<accent>>; border: 1px solid <<accent>>; }
QSlider::groove:horizontal { background: <<track>>; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: <<accent>>; border-radius: 2px; }
QSlider::handle:horizontal { background: <<panel>>; border: 2px solid <<accent>>; border-radius: 6px;
  width: 8px; height: 8px; margin: -4px 0; }
QSlider::handle:horizontal:focus { background: <<accent>>; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollArea, QStackedWidget { background: transparent; border: none; }
"""
