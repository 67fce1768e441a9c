"""Gaps in the window's thread over a journey on a 500 MB model, as a table in Markdown. Needs a display:

xvfb-run -a .venv/bin/python bench/journey.py [--folder KEPT] [--megabytes 500] [--sweep-seconds 90]

The program itself is driven: open, data, sweep, edits meanwhile, run, what changed, both graphs side by side,
a snapshot. A 5 ms timer in the window's thread tells by the clock how long nothing was answered, and by the
thread's own processor time how much of that was the window's work: other programs lengthen the first, hardly
the second.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from make_models import INPUTS
from window import model, probe, table

USUAL_LIMIT, WORST_LIMIT = 50.0, 150.0
CALIBRATION, JUDGE, CLASSES = 32, 64, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the made model is kept between runs")
    parser.add_argument("--megabytes", type=float, default=500)
    parser.add_argument("--nodes", type=int, default=150)
    parser.add_argument("--sweep-seconds", type=float, default=90, help="then Stop is pressed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = model(folder, options.nodes, options.megabytes, dense=True)
        data = samples(folder)
        print(
            f"{os.cpu_count()} cores, load at the start {os.getloadavg()[0]:.1f}; "
            f"{path.stat().st_size / 1e6:,.0f} MB\n"
        )
        arguments = [str(path), str(data), str(CALIBRATION), str(options.sweep_seconds)]
        found = probe(Path(temporary) / "home", *arguments, script="journey_probe.py")
    heads = ["while", "gaps", "50 %, ms", "99 %", "worst", "own work: 99 %", "worst", "in the longest gap"]
    rows = [
        [phase, str(one["count"]), *(f"{one[name]:.1f}" for name in
         ("50 %", "99 %", "worst", "99 % own", "most own work", "own work in the worst"))]
        for phase, one in found["phases"].items()
    ]  # fmt: skip
    table(heads, rows)
    whole = found["phases"]["the whole journey"]
    for what, ninety, worst in (
        ("by the clock", whole["99 %"], whole["worst"]),
        ("own work", whole["99 % own"], whole["most own work"]),
    ):
        fine = ninety <= USUAL_LIMIT and worst <= WORST_LIMIT
        print(f"{what}: 99 % {ninety:.1f} ms (at most {USUAL_LIMIT:.0f}), worst {worst:.1f} ms "
              f"(at most {WORST_LIMIT:.0f}): {'yes' if fine else '**no**'}")  # fmt: skip
    print()
    for stall in found["stalls"]:
        print(f"- {stall}")


def samples(folder: Path) -> Path:
    """Random rows with random labels: nothing is learnt here but time."""
    path = folder / "samples.npz"
    rng = np.random.default_rng(0)
    count = CALIBRATION + JUDGE
    np.savez(path, x=rng.standard_normal((count, INPUTS), np.float32), y=np.arange(count) % CLASSES)
    return path


if __name__ == "__main__":
    main()
