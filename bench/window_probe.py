"""What bench/window.py starts: the program itself, with clocks on its paints and on its event loop.

Each part prints one line of JSON. Times are in milliseconds.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 1200
STALL_SECONDS = 0.06
"""A gap longer than this has its stack written down, if the window itself worked for most of it."""


def now() -> float:
    """Milliseconds of the clock that all processes share."""
    return time.monotonic_ns() / 1e6


def tell(words: str) -> None:
    """Say how far it is; what is measured goes to stdout, this beside it."""
    print(f"  {words}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- from nothing to a window


def start(born: float) -> dict:
    """Time from `born` (of `now`, before the process was made) to the window on the screen."""
    from gui import app

    imported = now()
    from PySide6.QtCore import QEvent, QObject, QTimer

    seen: dict[str, float] = {}

    class FirstPaint(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and "painted" not in seen:
                seen["painted"] = now()
                QTimer.singleShot(0, watched, shown)  # once all of it is painted and flushed
            return False

    def shown() -> None:
        seen["shown"] = now()
        made[0].main.close()

    made: list[app.Window] = []
    original = app.Window.__init__

    def initialise(self: app.Window, *arguments: object) -> None:
        seen["application"] = now()
        original(self, *arguments)
        seen["built"] = now()
        made.append(self)
        watcher = FirstPaint(self.main)
        self.main.installEventFilter(watcher)

    app.Window.__init__ = initialise
    app.main([])
    return {
        "interpreter and imports": imported - born,
        "application and engine": seen["application"] - imported,
        "widgets": seen["built"] - seen["application"],
        "show and paint": seen["shown"] - seen["built"],
        "visible": seen["shown"] - born,
    }


# ---------------------------------------------------------------- a program to be driven


class Program:
    """The program as it starts, in the hands of `drive`, which runs in its event loop."""

    def __init__(self, drive: Callable[[Program], dict]) -> None:
        from PySide6.QtCore import QTimer

        from gui import app

        original = app.Window.__init__

        def initialise(window: app.Window, *arguments: object) -> None:
            original(window, *arguments)
            self.window, self.session = window, window.session
            self.session.problem.connect(self._on_problem)
            QTimer.singleShot(0, window.main, lambda: self._drive(drive))

        app.Window.__init__ = initialise
        app.main(["--language", "en", "--theme", "light"])

    def _drive(self, drive: Callable[[Program], dict]) -> None:
        try:
            self.wait(lambda: bool(self.session.catalogue.scores))
            answer = drive(self)
            self.window.main.close()
            self.window.close()
            finish(answer)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def _on_problem(self, problem: object) -> None:
        print(problem, file=sys.stderr)
        os._exit(1)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Let the event loop run, undisturbed, until the condition holds."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        poll = QTimer()
        poll.timeout.connect(lambda: condition() and loop.quit())
        poll.start(2)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            QTimer.singleShot(1000, loop.quit)
            loop.exec()
            if time.monotonic() > deadline:
                traceback.print_stack()
                raise SystemExit("nothing happens any more")

    def settle(self, seconds: float = 0.3) -> None:
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > until)

    def idle(self) -> bool:
        return self.session.job is None


class PaintWatch:
    """Notes when the graph's canvas has been painted with a graph of the wanted detail."""

    def __init__(self, program: Program) -> None:
        from PySide6.QtCore import QEvent, QObject, QTimer

        canvas = program.window.main.graph.canvas
        watch = self
        self.detail, self.path = "layers", ""
        self.painted: float | None = None

        class Filter(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint and watch.painted is None and watch.complete():
                    QTimer.singleShot(0, canvas, watch.note)  # once it is painted and flushed
                return False

        self.filter = Filter(canvas)
        canvas.viewport().installEventFilter(self.filter)
        self._session, self._canvas = program.session, canvas

    def complete(self) -> bool:
        """Whether the canvas holds every box of the wanted file and detail."""
        if self._session.model is None or self._session.model.path != self.path:
            return False
        graph, items = self._session.graphs.get(self.detail), self._canvas.items
        return graph is not None and items is not None and len(items.nodes) == len(graph.nodes)

    def note(self) -> None:
        self.painted = self.painted or now()


def opening(program: Program, path: Path, times: int, netron_times: int | None = None) -> dict:
    """From the open action to the painted graph, and Netron's page with the same file; once for each time."""
    main, session = program.window.main, program.session
    watch = PaintWatch(program)
    found: dict[str, list[float]] = {"layers": [], "all operations": [], "all in view": [], "Netron": []}
    copies = path.parent / "copies"
    copies.mkdir(exist_ok=True)
    for detail, name in (("layers", "layers"), ("nodes", "all operations")):
        main.graph.all_button.setChecked(detail == "nodes")
        program.settle()
        for turn in range(times):
            # a file that the engine has not seen yet
            fresh = copies / f"{path.stem}-{detail}{turn}.onnx"
            shutil.copy(path, fresh)
            watch.detail, watch.path, watch.painted = detail, str(fresh), None
            begun = now()
            program.window.commands.open_path(str(fresh))
            program.wait(lambda: watch.painted is not None)
            found[name].append(watch.painted - begun)
            tell(f"{name}: drawn after {found[name][-1]:,.0f} ms")
            program.wait(lambda: program.idle() and "nodes" in session.graphs)
            program.settle()
            if detail == "nodes":
                watch.painted = None
                begun = now()
                main.graph.fit_button.click()
                program.wait(lambda: watch.painted is not None)
                found["all in view"].append(found[name][-1] + watch.painted - begun)
            fresh.unlink()
    nodes = len(session.graphs["nodes"].nodes)
    fresh = copies / path.name
    shutil.copy(path, fresh)
    program.window.commands.open_path(str(fresh))
    program.wait(lambda: session.model is not None and session.model.path == str(fresh))
    program.wait(lambda: program.idle() and "nodes" in session.graphs)
    netron_times = times if netron_times is None else netron_times
    found["Netron"] = _netron(program, fresh, netron_times) if netron_times else []
    return {"nodes": nodes, "times": found}


def _netron(program: Program, path: Path, times: int) -> list[float]:
    """From load to drawn, the web engine being warm, with the file itself instead of the light copy."""
    main = program.window.main
    main.tabs.setCurrentWidget(main.netron)
    program.wait(lambda: main.netron.state != "empty")
    if main.netron.state == "large":
        main.netron.button.click()
    program.wait(lambda: main.netron.state not in ("loading", "large"))
    if main.netron.state != "drawn":
        print("Netron:", main.netron.state, file=sys.stderr)
        return []
    drawn: list[float] = []
    main.netron.web.drawn.connect(lambda: drawn.append(now()))
    found = []
    for _ in range(times):
        program.settle()
        main.netron._files.model = path
        drawn.clear()
        begun = now()
        main.netron.web.open(program.window.theme.color("panel"))
        program.wait(lambda: bool(drawn))
        found.append(drawn[0] - begun)
        tell(f"Netron: drawn after {found[-1]:,.0f} ms")
    return found


# ---------------------------------------------------------------- stalls


class Heart:
    """A 5 ms timer in the window's thread, and a second thread that looks what is in its way."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.gaps: dict[str, list[tuple[float, float]]] = {}
        self.stalls: list[str] = []
        self.phase = ""
        self._last = (time.perf_counter(), time.thread_time())
        self._main = threading.get_ident()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, phase: str) -> None:
        self._last = (time.perf_counter(), time.thread_time())
        self.phase = phase
        self.gaps[phase] = []

    def _beat(self) -> None:
        here = (time.perf_counter(), time.thread_time())
        if self.phase:
            wall, worked = here[0] - self._last[0], here[1] - self._last[1]
            self.gaps[self.phase].append((wall * 1e3, worked * 1e3))
        self._last = here

    def _watch(self) -> None:
        written = 0.0
        clock = time.pthread_getcpuclockid(self._main)
        while True:
            time.sleep(0.01)
            last, before = self._last
            worked = time.clock_gettime(clock) - before > STALL_SECONDS / 2
            if self.phase and worked and time.perf_counter() - last > STALL_SECONDS and last != written:
                written = last
                stack = traceback.extract_stack(sys._current_frames()[self._main])
                frames = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in stack[-5:]]
                self.stalls.append(f"{self.phase}: {' > '.join(frames)}")

    def result(self) -> dict:
        phases = {}
        whole = {"the whole journey": [gap for gaps in self.gaps.values() for gap in gaps]}
        for phase, gaps in {**self.gaps, **whole}.items():
            walls, own = (sorted(gap[part] for gap in gaps) for part in (0, 1))
            worst = max(gaps)
            phases[phase] = {
                "50 %": walls[len(walls) // 2],
                "99 %": walls[min(len(walls) - 1, int(len(walls) * 0.99))],
                "worst": worst[0],
                "own work in the worst": worst[1],
                "99 % own": own[min(len(own) - 1, int(len(own) * 0.99))],
                "most own work": max(worked for _, worked in gaps),
                "count": len(walls),
            }
        return {"phases": phases, "stalls": self.stalls}


def stalls(program: Program, big: Path, long: Path, model: Path | None, data: Path | None) -> dict:
    """Gaps of the timer while large models are opened, and through a whole job on a small one."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    main, session = program.window.main, program.session
    heart = Heart()
    waits: dict[str, float] = {}

    def open_model(path: Path) -> None:
        program.window.commands.open_path(str(path))
        program.wait(lambda: session.model is not None and session.model.path == str(path))
        program.wait(lambda: program.idle() and "nodes" in session.graphs)
        program.settle(0.5)

    program.settle(1)
    heart.begin("at rest")
    program.settle(3)
    heart.begin("open 500 MB")
    open_model(big)
    heart.begin("choose layers of it")
    for layer in session.model.layers[:: max(1, len(session.model.layers) // 8)]:
        session.select(layer.id)
        program.wait(lambda: session.layer_view is not None)
    heart.begin("open 3,000 nodes")
    open_model(long)
    heart.begin("its layers by key")
    main.table.setFocus()
    for _ in range(20):
        QTest.keyClick(main.table.table, Qt.Key.Key_Down)
        program.settle(0.03)
    heart.begin("all its operations, in view and out")
    main.graph.all_button.click()
    program.settle()
    for button in (main.graph.fit_button, *[main.graph.in_button] * 6, *[main.graph.out_button] * 3):
        button.click()
        program.settle(0.05)
    if model is not None and data is not None:
        heart.begin("open ResNet-20")
        open_model(model)
        heart.begin("data")
        program.window.commands.open_path(str(data))
        program.wait(lambda: session.data is not None and program.idle())
        program.settle(0.5)
        heart.begin("analyze")
        session.select(session.model.layers[9].id)
        waits = _analyze(program)
        program.settle(0.5)
        heart.begin("run")
        session.run()
        program.wait(lambda: session.run_state == "done" and program.idle())
        program.settle(0.5)
    heart.begin("the first look at Netron")
    main.tabs.setCurrentWidget(main.netron)
    if main.netron.state == "large":
        main.netron.button.click()
    program.wait(lambda: main.netron.state != "loading")
    result = heart.result()
    heart.phase = ""
    return {**result, "waits": waits}


def _analyze(program: Program) -> dict[str, float]:
    """Seconds from pressing Analyze to a figure for each layer, and to the end."""
    session = program.session
    layers = {layer.id for layer in session.model.layers}
    begun = now()
    session.analyze()
    program.wait(lambda: layers <= set(session.points))
    first = now()
    program.wait(lambda: session.analyzed and program.idle())
    return {
        "a figure for every layer of ResNet-20": (first - begun) / 1000,
        "all figures": (now() - begun) / 1000,
    }


def finish(answer: dict) -> None:
    print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    part, *rest = sys.argv[1:]
    if part == "start":
        finish(start(float(rest[0])))
    elif part == "open":
        Program(lambda program: opening(program, Path(rest[0]), *map(int, rest[1:])))
    else:
        Program(lambda program: stalls(program, *(Path(each) if each else None for each in rest)))
