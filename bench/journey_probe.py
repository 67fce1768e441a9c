"""What bench/journey.py starts: the program, driven through a journey, with a clock on its event loop."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from window_probe import Heart, Program


def journey(program: Program, model: str, data: str, calibration: int, sweep_seconds: float) -> dict:
    """Gaps while a large model is opened, swept, run and compared."""
    from core.values import DataSpec, LayerPlan, Plan

    window, main, session = program.window, program.window.main, program.session
    heart = Heart()

    def tab(view: object) -> None:
        main.tabs.setCurrentWidget(view)
        program.settle(0.5)

    program.settle(1)
    heart.begin("opening")
    window.commands.open_path(model)
    program.wait(lambda: session.model is not None and program.idle() and "nodes" in session.graphs)
    program.settle()
    heart.begin("data")
    session.open_data(DataSpec(path=data, calibration_count=calibration))
    program.wait(lambda: session.data is not None and program.idle())
    program.settle()
    heart.begin("sweep, its overview in view")
    main.tabs.setCurrentWidget(main.overview)
    session.analyze()
    half = time.monotonic() + sweep_seconds / 2
    program.wait(lambda: program.idle() or time.monotonic() > half)
    heart.begin("sweep, layers chosen and changed")
    end = time.monotonic() + sweep_seconds / 2
    for place in range(12):
        layer = session.model.layers[place % len(session.model.layers)]
        session.select(layer.id)
        program.settle(0.4)
        session.set_layers([layer.id], "bench", sparsity=0.02 * place)
        program.settle(0.4)
    program.wait(lambda: program.idle() or time.monotonic() > end)
    if not program.idle():
        session.stop()
        program.wait(program.idle)
    heart.begin("tabs")
    for view in (main.best, main.advice, main.method, main.snapshots, main.overview, main.run_view):
        tab(view)
    # eight bits: to compensate fewer takes the engine minutes, and the window nothing
    session.replace_plan(Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8)), "bench")
    heart.begin("run")
    session.run()
    program.wait(lambda: session.run_state in ("done", "failed") and program.idle())
    program.settle()
    heart.begin("what changed")
    main.tabs.setCurrentWidget(main.changed)
    program.wait(lambda: window.comparing.complete or window.comparing.trouble is not None)
    program.settle()
    heart.begin("both graphs side by side")
    tab(main.side)
    program.settle(3)
    heart.begin("snapshot")
    window.commands.take_snapshot()
    program.settle(1)
    found = heart.result()
    heart.phase = ""
    return found


if __name__ == "__main__":
    path, samples, calibration, seconds = sys.argv[1:]
    Program(lambda program: journey(program, path, samples, int(calibration), float(seconds)))
