"""What bench/graph.py starts beside window_probe.py: the program's graph, dragged and zoomed. Prints JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from window_probe import Program, now, tell

FRAMES = 60
PATIENCE_MS = 500
STILL = 3
"""A view that so often in a row did not move cannot: all of it is in view, or the zoom is at its end."""


class Paints:
    """Counts the paintings of a widget."""

    def __init__(self, widget: Any) -> None:
        from PySide6.QtCore import QEvent, QObject

        paints = self
        self.count = 0

        class Filter(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                paints.count += event.type() == QEvent.Type.Paint
                return False

        self._filter = Filter(widget)
        widget.installEventFilter(self._filter)

    def wait(self, begun: float) -> float | None:
        """Milliseconds since `begun` once it is painted anew and flushed; None where nothing changed."""
        from PySide6.QtWidgets import QApplication

        before = self.count
        while now() - begun < PATIENCE_MS:
            QApplication.processEvents()
            if self.count > before:
                return now() - begun
        return None


def moves(program: Program, path: Path) -> dict:
    """Milliseconds from one frame of all operations to the next while the view is dragged and zoomed.

    A frame is a mouse or wheel event and the painting of all that it changed, in the window's size.
    """
    from PySide6.QtCore import QPoint

    main, session = program.window.main, program.session
    main.resize(1440, 900)
    tell(f"opening {path.name} to move it")
    main.graph.all_button.setChecked(True)
    program.window.commands.open_path(str(path))
    program.wait(lambda: session.model is not None and session.model.path == str(path))
    program.wait(lambda: program.idle() and "nodes" in session.graphs)
    canvas = main.graph.canvas
    paints = Paints(canvas.viewport())
    found: dict[str, list[float]] = {}
    for width in (None, 1000):
        if width is not None:  # the panel as wide as it can be drawn
            main.graph.setMinimumWidth(width)
        program.settle(1)
        where = "in the panel" if width is None else "in a wide panel"
        for name, zoom in (("names", 1.0), ("no names", 0.4), ("far", 0.05), ("all of it", None)):
            if zoom is None:
                canvas.fit()
            else:
                canvas.zoom_to(zoom)
            program.settle()
            middle = QPoint(canvas.viewport().width() // 2, canvas.viewport().height() // 2)
            for what, move in (("pan", _drag), ("zoom", _wheel)):
                frames = _frames(move, canvas, paints, middle)
                tell(f"{what}, {name}, {where}: {len(frames)} frames")
                # a graph that is all in view does not pan
                if len(frames) > FRAMES // 2:
                    found[f"{what}, {name}, {where}"] = frames
    return found


def _frames(move: Callable[..., float | None], canvas: Any, paints: Paints, middle: Any) -> list[float]:
    """Milliseconds of each frame that was painted."""
    frames: list[float] = []
    still = 0
    for step in range(FRAMES):
        took = move(canvas, paints, middle, step)
        if took is None:
            still += 1
            if still == STILL:
                break
        else:
            still = 0
            frames.append(took)
    return frames


def _drag(canvas: Any, paints: Paints, middle: Any, step: int) -> float | None:
    """Drag 24 pixels, down for a while and then up again; milliseconds until it is painted."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    viewport = canvas.viewport()
    goal = middle + QPoint(6, -24 if step % 20 < 10 else 24)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=middle)
    begun = now()
    QTest.mouseMove(viewport, goal)
    took = paints.wait(begun)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=goal)
    return took


def _wheel(canvas: Any, paints: Paints, middle: Any, step: int) -> float | None:
    """One click of the wheel with Ctrl, five in and five out; milliseconds until it is painted."""
    from PySide6.QtCore import QPoint, QPointF, Qt
    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QApplication

    viewport = canvas.viewport()
    turn = 120 if step % 10 < 5 else -120
    event = QWheelEvent(
        QPointF(middle),
        QPointF(viewport.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    begun = now()
    QApplication.sendEvent(viewport, event)
    return paints.wait(begun)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    Program(lambda program: moves(program, Path(sys.argv[1])))
