"""The samples whose answer changed, as tiles: picture or row, what it is, both answers and how sure."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QWidget

from core.values import Answer, ChangedSample, ClassName
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.marked_picture import paint_marked
from gui.widgets.told_widget import ToldWidget

TILE = 108
EDGE = 76
LINE = 17
GAP = 8


class SampleGallery(ToldWidget):
    """Arrows move between the tiles; the tooltip and the accessible description tell the whole of one.

    Where answers are places in a picture a tile has it twice: as the original answers, and as the compressed.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._samples: tuple[ChangedSample, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._images: dict[bytes, QImage] = {}
        self.current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self._recolor)

    @property
    def samples(self) -> tuple[ChangedSample, ...]:
        return self._samples

    def show_samples(self, samples: tuple[ChangedSample, ...], columns: tuple[str, ...]) -> None:
        if samples == self._samples and columns == self._columns:
            return
        self._samples, self._columns = samples, columns
        known = self._images
        self._images = {
            one.picture_png: known.get(one.picture_png) or QImage.fromData(one.picture_png)
            for one in samples
            if one.picture_png
        }
        self.current = min(self.current, max(len(samples) - 1, 0))
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self._tell()
        self.updateGeometry()
        self.update()

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ geometry

    @property
    def tile_height(self) -> int:
        return EDGE + 3 * LINE + 6

    @property
    def pairs(self) -> bool:
        """Whether each sample is seen twice."""
        return any(one.before_marks is not None for one in self._samples)

    @property
    def tile_width(self) -> int:
        return 2 * EDGE + 12 if self.pairs else TILE

    def across(self, width: int) -> int:
        return max((width + GAP) // (self.tile_width + GAP), 1)

    def heightForWidth(self, width: int) -> int:
        rows = -(-len(self._samples) // self.across(width))
        return max(rows * (self.tile_height + GAP), 40)

    def sizeHint(self) -> QSize:
        return QSize(3 * TILE + 2 * GAP, self.heightForWidth(3 * TILE + 2 * GAP))

    def minimumSizeHint(self) -> QSize:
        return QSize(TILE, EDGE)

    def resizeEvent(self, event: QEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self.heightForWidth(self.width()))

    def tile(self, index: int) -> QRect:
        across = self.across(self.width())
        left, top = (index % across) * (self.tile_width + GAP), (index // across) * (self.tile_height + GAP)
        return QRect(left, top, self.tile_width, self.tile_height)

    def tile_at(self, place: QPoint) -> int | None:
        return next((i for i in range(len(self._samples)) if self.tile(i).contains(place)), None)

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._samples:
            painter.setPen(self._theme.color("muted"))
            area = QRectF(self.rect()).adjusted(4, 6, -4, 0)
            words = tr("No answer changed.")
            painter.drawText(area, int(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft), words)
        for index, sample in enumerate(self._samples):
            tile = self.tile(index)
            if tile.intersects(event.rect()):
                self._paint_tile(painter, sample, tile)
                if self.hasFocus() and index == self.current:
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.setPen(QPen(self._theme.color("accent"), 1.4))
                    painter.drawRoundedRect(QRectF(tile).adjusted(0.7, 0.7, -0.7, -0.7), 6, 6)

    def _paint_tile(self, painter: QPainter, sample: ChangedSample, tile: QRect) -> None:
        image = self._images.get(sample.picture_png)
        if image is not None and not image.isNull():
            corner = QPointF(tile.topLeft()) + QPointF(4, 4)
            paint_marked(painter, image, sample.before_marks, corner, EDGE)
            if sample.before_marks is not None:
                paint_marked(painter, image, sample.after_marks, corner + QPointF(EDGE + 4, 0), EDGE)
        else:
            self._paint_row(painter, sample, tile)
        top = tile.top() + EDGE + 6
        lines = (
            (fmt.class_name(sample.label) or tr("sample {n}").format(n=sample.index), None, "text", True),
            (_said(sample.before, sample.before_parts), sample.before_share, "muted", False),
            ("→ " + _said(sample.after, sample.after_parts), sample.after_share, _token(sample), False),
        )
        for number, (name, share, token, bold) in enumerate(lines):
            painter.setFont(small_font(self.font(), 12, bold=bold))
            painter.setPen(self._theme.color(token))
            metrics = painter.fontMetrics()
            # a long name gives way, how sure the answer is stays
            sure = fmt.answer(name[-1:], share)[1:]
            room = tile.width() - 8 - metrics.horizontalAdvance(sure)
            shown = metrics.elidedText(name[:200], Qt.TextElideMode.ElideRight, room) + sure
            area = QRectF(tile.left() + 4, top + number * LINE, tile.width() - 6, LINE)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)

    def _paint_row(self, painter: QPainter, sample: ChangedSample, tile: QRect) -> None:
        """Its first numbers, one below the other, in place of a picture."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("hover"))
        painter.drawRoundedRect(QRectF(tile.left() + 2, tile.top() + 4, TILE - 6, EDGE - 4), 5, 5)
        painter.setFont(small_font(self.font(), 11))
        painter.setPen(self._theme.color("muted"))
        metrics = painter.fontMetrics()
        for number, words in enumerate(self._row_words(sample)[:4]):
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, TILE - 20)
            area = QRectF(tile.left() + 9, tile.top() + 8 + number * 16, TILE - 18, 16)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)

    def _row_words(self, sample: ChangedSample) -> list[str]:
        names = [*self._columns, *[""] * len(sample.row)]
        return [f"{name[:60]} {value}".strip() for name, value in zip(names, sample.row, strict=False)]

    # ------------------------------------------------------------ pointer and keys

    def describe(self, index: int) -> str:
        sample = self._samples[index]
        lines = [tr("sample {n}").format(n=sample.index)]
        if sample.label:
            lines.append(tr("it is: {label}").format(label=fmt.class_name(sample.label)[:200]))
        before = fmt.answer(_said(sample.before, sample.before_parts), sample.before_share)
        after = fmt.answer(_said(sample.after, sample.after_parts), sample.after_share)
        lines.append(tr("original: {answer}").format(answer=before[:300]))
        lines.append(tr("compressed: {answer}").format(answer=after[:300]))
        lines.append(
            {"broken": tr("now wrong"), "mended": tr("now right"), "other": ""}[sample.kind]
            if sample.before_share is not None
            else tr("moved by {share} of the spread of all answers").format(
                share=fmt.percent(sample.change, 1)
            )
        )
        lines += self._row_words(sample)
        return "\n".join(line for line in lines if line)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._tell()
        super().changeEvent(event)

    def _tell(self) -> None:
        self.setAccessibleDescription(
            self.describe(self.current) if self._samples else tr("No answer changed.")
        )

    def _move_to(self, index: int) -> None:
        self.current = min(max(index, 0), len(self._samples) - 1)
        self._tell()
        area = self.parentWidget().parentWidget() if self.parentWidget() is not None else None
        if isinstance(area, QScrollArea):
            tile = self.tile(self.current)
            area.ensureVisible(tile.center().x(), tile.center().y(), TILE // 2, tile.height() // 2)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        across = self.across(self.width())
        moves = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -across,
            Qt.Key.Key_Down: across,
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None or not self._samples:
            super().keyPressEvent(event)
        else:
            self._move_to(self.current + move)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.tile_at(event.position().toPoint())
        if index is not None:
            self._move_to(index)

    def tip_at(self, place: QPoint) -> str:
        index = self.tile_at(place)
        return self.describe(index) if index is not None else ""


def _said(name: ClassName, parts: tuple[Answer, ...]) -> str:
    """An answer's class or number, or what its areas or boxes say: areas change by tenths of a percent."""
    return fmt.answers(parts, 1) if parts else fmt.class_name(name)


def _token(sample: ChangedSample) -> str:
    return {"broken": "attention", "mended": "accent", "other": "text"}[sample.kind]
