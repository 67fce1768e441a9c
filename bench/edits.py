"""How long an edit takes with many layers: its prediction, and until every panel knows it.

    QT_QPA_PLATFORM=offscreen python -m bench.edits [--layers 300] [--edits 300]

A residual network with random weights is opened in the real window and analyzed on random input; then
layers are edited one after the other as by the sliders. All figures are of the window's thread: by the clock,
and the processor time that it took, which others on the machine have no part in.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

from bench.make_models import NODES_PER_BLOCK, residual_network
from bench.window import table
from bench.window_probe import Program, now

LIMIT_MS = 50
WIDTH = 4
"""Channels: the analysis is not what is measured here."""
SHOWN = "edit, predicted (size, zipped, time, accuracy), until all panels know it"
WARM_UP = 20
"""Edits that are not counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--layers", type=int, default=300)
    parser.add_argument("--edits", type=int, default=300)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        Program(lambda program: edited(program, Path(options.inside), options.edits))
        return
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as folder:
        path = Path(folder) / "residual.onnx"
        blocks = -(-(options.layers - 2) // 2)
        size = 4 * 9 * WIDTH * WIDTH * 2 * blocks
        onnx.save(residual_network(NODES_PER_BLOCK * blocks + 4, size / 1e6), path)
        found = json.loads(_in_own_process(folder, str(path), options.edits))
    print(f"{found['layers']} layers, {found['points']} points, {os.getloadavg()[0]:.1f} load\n")
    rows = [
        [name, *(f"{np.percentile(values, share):.1f}" for share in (50, 95, 100)), str(LIMIT_MS)]
        for name, values in found["times"].items()
    ]
    table(["ms", "median", "95 %", "worst", "95 % at most"], rows)


def _in_own_process(folder: str, path: str, edits: int) -> str:
    """The last line that it prints; its settings and caches are in `folder`."""
    environment = dict(os.environ)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        environment[variable] = str(Path(folder) / variable)
    if os.geteuid() == 0:
        environment["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    command = [sys.executable, "-m", "bench.edits", "--inside", path, "--edits", str(edits)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()[-1]


def edited(program: Program, path: Path, count: int) -> dict:
    """Milliseconds by what was done, one figure for each edit."""
    from core.values import DataSpec
    from gui.i18n import tr

    session = program.session
    program.window.commands.open_path(str(path))
    program.wait(lambda: session.model is not None and program.idle() and "nodes" in session.graphs)
    session.open_data(DataSpec(path="random"))
    program.wait(lambda: session.data is not None and program.idle())
    session.analyze()
    program.wait(lambda: session.analyzed and program.idle())
    print("analyzed", file=sys.stderr, flush=True)
    assert session.link is not None and session.model is not None
    rng = np.random.default_rng(0)
    layers = [layer.id for layer in session.model.layers]
    times: dict[str, list[float]] = {}
    for turn in range(WARM_UP + count):
        setting = (
            {"sparsity": float(rng.random() * 0.9)} if turn % 2 else {"weight_bits": int(rng.choice((8, 4)))}
        )
        begun = now(), time.thread_time()
        session.set_layers([str(rng.choice(layers))], tr("Undo"), **setting)
        shown = now(), time.thread_time()
        outcome = session.estimate()  # worked out before, for the panels
        assert outcome is not None and outcome.measurements
        if turn >= WARM_UP:
            times.setdefault(f"{SHOWN}, by the clock", []).append(shown[0] - begun[0])
            times.setdefault(f"{SHOWN}, processor", []).append(1e3 * (shown[1] - begun[1]))
        program.settle(0.01)  # what was asked to paint paints, and the engine is not buried in requests
    points = sum(len(each) for each in session.points.values())
    return {"layers": len(layers), "points": points, "times": times}


if __name__ == "__main__":
    main()
