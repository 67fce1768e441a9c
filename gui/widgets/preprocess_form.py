"""The editable form of a `Preprocess`: from a picture to the model's input."""

from __future__ import annotations

import re

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from core.values import Preprocess
from gui.i18n import tr
from gui.widgets.panels import tab_through
from gui.widgets.retranslating import Retranslating
from gui.widgets.samples_form import LABEL_WIDTH

SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "centred": ((127.5,), (127.5,)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "unit": ((0.0,), (255.0,)),
    "as_is": ((), ()),
}
"""Usual (mean, std) in 0..255 units."""
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")

Size = int | tuple[int, int] | None


class PreprocessForm(Retranslating, QWidget):
    edited = Signal()
    """The person changed a field; `value` may be None while a field cannot be read."""

    confirmed = Signal()
    """Return was pressed in a field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = [QLabel(self) for _ in range(7)]
        self._resize, self._crop, self._mean, self._std = (QLineEdit(self) for _ in range(4))
        self._color, self._layout, self._scale = (QComboBox(self) for _ in range(3))
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(7)
        fields = (
            self._resize, self._crop, self._color, self._layout, self._scale, self._mean, self._std,
        )  # fmt: skip
        for label, field in zip(self._labels, fields, strict=True):
            label.setProperty("muted", True)
            label.setMinimumWidth(LABEL_WIDTH)
            label.setBuddy(field)
            field.setMinimumWidth(190)
            form.addRow(label, field)
        tab_through(*fields)
        for combo, codes in (
            (self._color, ("RGB", "BGR", "GRAY")),
            (self._layout, ("NCHW", "NHWC")),
            (self._scale, (*SCALES, "own")),
        ):
            for code in codes:
                combo.addItem("", code)
            combo.activated.connect(self._on_edit)
        self._scale.activated.connect(self._on_scale)
        for line in (self._resize, self._crop, self._mean, self._std):
            line.textEdited.connect(self._on_edit)
            line.returnPressed.connect(self.confirmed)
        self.retranslate()

    # ------------------------------------------------------------ value

    def set_value(self, value: Preprocess) -> None:
        self._resize.setText(_show_size(value.resize))
        self._crop.setText(_show_size(value.crop))
        self._mean.setText(_show_numbers(value.mean))
        self._std.setText(_show_numbers(value.std))
        self._color.setCurrentIndex(max(self._color.findData(value.color), 0))
        self._layout.setCurrentIndex(max(self._layout.findData(value.layout), 0))
        self._check()

    def value(self) -> Preprocess | None:
        """None if a field cannot be read."""
        try:
            return Preprocess(
                resize=_read_size(self._resize.text()),
                crop=_read_size(self._crop.text()),
                mean=_read_numbers(self._mean.text()),
                std=_read_numbers(self._std.text(), positive=True),
                layout=self._layout.currentData(),
                color=self._color.currentData(),
            )
        except ValueError:
            return None

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        names = (
            tr("Resize to"), tr("Crop the middle"), tr("Colours"), tr("Order of axes"),
            tr("Scaling"), tr("Mean, 0 to 255"), tr("Std, 0 to 255"),
        )  # fmt: skip
        helps = (
            tr("Shorter side in pixels, such as 256, or height × width, such as 240 × 320. Empty: kept."),
            tr("A square in pixels, such as 224, or height × width. Empty: not cropped."),
            tr("The order in which the model expects red, green and blue."),
            tr("Most models from PyTorch take channels first, most from TensorFlow channels last."),
            tr("How pixel values become the model's numbers: (value − mean) / std."),
            tr("One number, or one for each colour. It is subtracted from values of 0 to 255."),
            tr("One number, or one for each colour. Values are divided by it."),
        )
        fields = (
            self._resize, self._crop, self._color, self._layout, self._scale, self._mean, self._std,
        )  # fmt: skip
        for label, field, name, help_text in zip(self._labels, fields, names, helps, strict=True):
            label.setText(name)
            field.setAccessibleName(name)
            field.setToolTip(help_text)
        self._resize.setPlaceholderText(tr("kept"))
        self._crop.setPlaceholderText(tr("not cropped"))
        self._mean.setPlaceholderText(tr("nothing subtracted"))
        self._std.setPlaceholderText(tr("not divided"))
        texts = {
            "RGB": tr("Red, green, blue"),
            "BGR": tr("Blue, green, red"),
            "GRAY": tr("Grey"),
            "NCHW": tr("Channels first (NCHW)"),
            "NHWC": tr("Channels last (NHWC)"),
            "centred": tr("−1 to 1: (x − 127.5) / 127.5"),
            "imagenet": tr("ImageNet mean and std"),
            "unit": tr("0 to 1: x / 255"),
            "as_is": tr("As it is: 0 to 255"),
            "own": tr("Own numbers"),
        }
        for combo in (self._color, self._layout, self._scale):
            for index in range(combo.count()):
                combo.setItemText(index, texts[combo.itemData(index)])

    # ------------------------------------------------------------ edits

    def _on_edit(self, *_: object) -> None:
        self._check()
        self.edited.emit()

    def _on_scale(self, index: int) -> None:
        scale = self._scale.itemData(index)
        if scale in SCALES:
            mean, std = SCALES[scale]
            self._mean.setText(_show_numbers(mean))
            self._std.setText(_show_numbers(std))
            self._on_edit()

    def _check(self) -> None:
        """Mark what cannot be read; name the scaling that the numbers make."""
        for line, read in (
            (self._resize, _read_size), (self._crop, _read_size),
            (self._mean, _read_numbers), (self._std, _read_positive),
        ):  # fmt: skip
            try:
                read(line.text())
                wrong = False
            except ValueError:
                wrong = True
            if bool(line.property("wrong")) != wrong:
                line.setProperty("wrong", wrong)
                line.style().unpolish(line)
                line.style().polish(line)
        value = self.value()
        known = "own"
        if value is not None:
            for name, (mean, std) in SCALES.items():
                if _same(value.mean, mean) and _same(value.std, std):
                    known = name
        self._scale.setCurrentIndex(self._scale.findData(known))


def _same(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Equal where one number stands for all channels."""
    if not first or not second:
        return first == second
    if len(set(first)) == 1 and len(set(second)) == 1:
        return first[0] == second[0]
    return first == second


def _show_size(size: Size) -> str:
    if size is None:
        return ""
    return str(size) if isinstance(size, int) else f"{size[0]} × {size[1]}"


def _read_size(words: str) -> Size:
    """'' -> None, '224' -> 224, '240 × 320' -> (240, 320). Raises ValueError."""
    if not words.strip():
        return None
    sizes = [int(part) for part in re.split(r"[x×*,]", words.lower())]
    if len(sizes) > 2 or any(not 0 < size <= 16384 for size in sizes):
        raise ValueError(words)
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


def _show_numbers(values: tuple[float, ...]) -> str:
    if len(set(values)) == 1:
        values = values[:1]
    # as many digits as a person typed: a rounded mean would count as an edit
    return ", ".join(f"{value:.12g}" for value in values)


def _read_numbers(words: str, positive: bool = False) -> tuple[float, ...]:
    """'127.5, 127.5' -> (127.5, 127.5). Raises ValueError."""
    parts = [part for part in re.split(r"[,;\s，、]+", words.strip()) if part]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(words)
    values = tuple(float(part) for part in parts)
    if len(values) not in (0, 1, 3) or (positive and 0 in values):
        raise ValueError(words)
    return values


def _read_positive(words: str) -> tuple[float, ...]:
    return _read_numbers(words, positive=True)
