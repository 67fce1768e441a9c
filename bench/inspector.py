"""How long the inspector's pictures of a 4096 x 4096 weight take, as a table in Markdown.

    QT_QPA_PLATFORM=offscreen python bench/inspector.py [--side 4096] [--times 15]

The engine reduces the weight (`core.layer_view`); the window does not wait for it, then builds and
paints each picture from what arrived, at 350 points of width, software rendering. Milliseconds by the clock,
and of the processor, which other programs hardly lengthen: these are held against the limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import helper, numpy_helper

LIMIT_MS = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--times", type=int, default=15)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(f"{os.cpu_count()} cores, load at the start {os.getloadavg()[0]:.1f}; {options.times} times each\n")
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as folder:
        path = made(Path(folder), options.side)
        views = engine(path, options.times)
    window(views, options.side, options.times)


def made(folder: Path, side: int) -> Path:
    """A network of one matrix product."""
    weight = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=1)
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", side])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", side])]
    graph = helper.make_graph([node], "one", inputs, outputs, [numpy_helper.from_array(weight, "w")])
    path = folder / "one.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def timed(work: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Milliseconds by the clock, median and worst, and the processor's; a first run is not counted."""
    work()
    found, busy = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - began) * 1e3)
        busy.append((time.process_time() - used) * 1e3)
    return statistics.median(found), max(found), statistics.median(busy)


def row(name: str, figures: tuple[float, float, float], limit: bool = True) -> None:
    median, worst, busy = figures
    verdict = ("yes" if busy < LIMIT_MS else "**no**") if limit else ""
    print(f"| {name} | {median:.1f} | {worst:.1f} | {busy:.1f} | {verdict} |", flush=True)


def engine(path: Path, times: int) -> dict[str, object]:
    from core.context import Context
    from core.formats import open_model
    from core.layer_view import look, under_plan
    from core.scoring import Scoring
    from core.values import Plan

    opened = open_model(path, Context())
    scoring = Scoring(opened)
    plans = {
        "50 % zeros": Plan().with_layer("fc", sparsity=0.5),
        "2:4": Plan().with_layer("fc", pattern="2:4"),
        "4 bits": Plan().with_layer("fc", weight_bits=4),
        "50 % zeros, 4 bits": Plan().with_layer("fc", sparsity=0.5, weight_bits=4),
    }
    print("| reduced in the engine | median | worst | processor | |\n|---|---:|---:|---:|---|")
    row("a new layer", timed(lambda: look(opened, "fc", "magnitude", scoring), times), limit=False)
    seen = look(opened, "fc", "magnitude", scoring)
    views: dict[str, object] = {}
    for name, plan in plans.items():

        def work(plan: Plan = plan, name: str = name) -> None:
            views[name] = under_plan(opened, seen, plan, scoring)

        row(f"another plan: {name}", timed(work, times), limit=False)
    size = len(msgspec.msgpack.encode(views["50 % zeros, 4 bits"]))
    print(f"\nWhat crosses to the window: {size / 1e6:.2f} MB.\n")
    return views


def window(views: dict[str, object], side: int, times: int) -> None:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtWidgets import QApplication, QWidget

    from core.values import Layer, LayerView, Measurement, ModelInfo, SensitivityPoint
    from gui.engine_client import EngineClient
    from gui.session import Session
    from gui.theme import Theme
    from gui.views.overview_view import OverviewView
    from gui.widgets.curve import Curve
    from gui.widgets.heatmap import Heatmap
    from gui.widgets.histogram import Histogram
    from gui.widgets.ranges_chart import RangesChart

    application = QApplication([])
    theme = Theme(application, "light")
    layer = Layer(
        id="fc", label="fc", op="Gemm", kind="Dense", weights=("w",), shape=(side, side), out_channels=side,
        in_channels=side, params=side * side, bytes=4 * side * side,
    )  # fmt: skip
    packed = msgspec.msgpack.encode(views["50 % zeros, 4 bits"])

    def arrived() -> LayerView:
        return msgspec.msgpack.decode(packed, type=LayerView)

    def painted(widget: QWidget) -> None:
        image = QImage(widget.size(), QImage.Format.Format_RGB32)
        painter = QPainter(image)
        widget.render(painter, QPoint())
        painter.end()

    def sized(widget: QWidget, height: int) -> QWidget:
        widget.resize(350, height)
        widget.ensurePolished()
        return widget

    heatmap, histogram, ranges, curve = Heatmap(theme), Histogram(theme), RangesChart(theme), Curve(theme)
    for widget, height in ((heatmap, 260), (histogram, 130), (ranges, 130), (curve, 170)):
        sized(widget, height)
    shares = iter(np.tile(np.linspace(0.05, 0.95, 19), 1000).tolist())

    def new_heatmap() -> None:
        heatmap.set_share(0.5)
        heatmap.show_view(arrived(), layer)
        painted(heatmap)

    def dragged_heatmap() -> None:
        heatmap.set_share(next(shares))
        painted(heatmap)

    def new_histogram() -> None:
        histogram.show_view(arrived())
        histogram.set_cut(next(shares), None, True)
        painted(histogram)

    def new_ranges() -> None:
        ranges.show_ranges(arrived().ranges)
        painted(ranges)

    figure = Measurement(metric="top1", value=88.0, low=87.0, high=89.0, count=512, unit="%")
    points = [
        SensitivityPoint(
            layer_id="fc", sparsity=share, measurement=figure, loss=share, loss_low=0, loss_high=2
        )
        for share in np.linspace(0.05, 0.95, 19).tolist()
    ]

    def new_curve() -> None:
        curve.show_points(points, figure, next(shares), True)
        painted(curve)

    layers = tuple(
        msgspec.structs.replace(layer, id=f"fc{index}", label=f"fc{index}") for index in range(300)
    )
    session = Session(EngineClient(application))
    session._take(
        ModelInfo(
            path="x.onnx", name="x.onnx", sha256="0", size_bytes=1, opset=17, ir_version=8, layers=layers
        )
    )
    for each in layers:
        settings = [(share, 32) for share in (0.25, 0.5, 0.75, 0.9)] + [
            (0.0, bits) for bits in (8, 6, 5, 4, 3, 2)
        ]
        session.points[each.id] = tuple(
            SensitivityPoint(
                layer_id=each.id, sparsity=share, weight_bits=bits, measurement=figure, loss=share
            )
            for share, bits in settings
        )
    overview = OverviewView(session, theme)
    overview.resize(720, 300)
    overview.show()
    application.processEvents()

    def new_overview() -> None:
        *others, last = session.points["fc7"]
        session.points["fc7"] = (*others, msgspec.structs.replace(last, loss=next(shares)))
        overview.model.refresh()
        painted(overview)

    print("| drawn in the window | median | worst | processor | below 50 ms |\n|---|---:|---:|---:|---|")
    for name, work in (
        ("heatmap, a new layer", new_heatmap),
        ("heatmap, while the share is dragged", dragged_heatmap),
        ("histogram with its cut and its grid", new_histogram),
        ("ranges of 4,096 channels with their integers' ends", new_ranges),
        ("curve of 19 points", new_curve),
        ("overview of 300 layers × 10 settings, one point more", new_overview),
    ):
        row(name, timed(work, times))
    overview.table.set_at_a_glance(True)
    row("overview of 300 layers at a glance", timed(new_overview, times))


if __name__ == "__main__":
    main()
