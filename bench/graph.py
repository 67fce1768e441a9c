"""How fast the graph comes and moves, up to 20,000 nodes, and Netron on the same files, as tables.

Needs a display: xvfb-run -a .venv/bin/python bench/graph.py [--times 3] [--sizes 3000,9000] [--no-netron]
Opening is measured as in bench/window.py, whose probe this uses; ratios are of one run. How far it is goes to
stderr, and what is known so far is printed after each size; the tables of all sizes come at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from window import model, probe, table

OPEN_LIMIT_MS, FRAMES_LIMIT, NETRON_RATIO = 4000, 30, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=3, help="how often each is opened; the median counts")
    parser.add_argument("--sizes", default="3000,9000,20000", help="numbers of nodes")
    parser.add_argument("--folder", type=Path, help="where the made models are kept between runs")
    parser.add_argument("--no-netron", action="store_true", help="leave Netron out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as temporary:
        folder, home = options.folder or Path(temporary), Path(temporary) / "home"
        folder.mkdir(parents=True, exist_ok=True)
        load = os.getloadavg()[0]
        print(
            f"{os.cpu_count()} cores, load at the start {load:.1f}, {options.times} times each, medians\n",
            flush=True,
        )
        opened, moved = [], []
        for nodes in map(int, options.sizes.split(",")):
            path = model(folder, nodes, 20.0)
            netron = 0 if options.no_netron else options.times
            found = probe(home, "open", str(path), str(options.times), str(netron))
            opened.append(opening_row(nodes, found["times"]))
            print(f"{nodes:,} nodes: drawn after {' / '.join(opened[-1][1:])}", flush=True)
            moving = moving_rows(nodes, probe(home, str(path), script="graph_probe.py"))
            print(f"{nodes:,} nodes: {', '.join(row[1] for row in moving)} frames a second", flush=True)
            moved += moving
        print(f"\n## Open to drawn graph (20,000 nodes: at most {OPEN_LIMIT_MS:,} ms)\n")
        table(["nodes", "layers, ms", "all operations, ms", "Netron, ms", "Netron / all operations"], opened)
        print(f"At least {NETRON_RATIO} times faster than Netron is asked for at 3,000 and 9,000 nodes.\n")
        print(f"## Pan and zoom of all operations (at least {FRAMES_LIMIT} frames a second)\n")
        heads = ["", "frames a second, median", "slowest frame of 20, ms", "slowest, ms", "frames"]
        table(heads, moved)


def opening_row(nodes: int, times: dict[str, list[float]]) -> list[str]:
    everything = statistics.median(times["all operations"])
    netron = statistics.median(times["Netron"]) if times["Netron"] else None
    return [
        f"{nodes:,}",
        f"{statistics.median(times['layers']):,.0f}",
        f"{everything:,.0f}",
        f"{netron:,.0f}" if netron is not None else "–",
        f"{netron / everything:.1f}" if netron is not None else "–",
    ]


def moving_rows(nodes: int, found: dict[str, list[float]]) -> list[list[str]]:
    """`found`: name of the movement -> milliseconds of each frame."""
    rows = []
    for what, frames in found.items():
        ordered = sorted(frames)
        rows.append(
            [
                f"{nodes:,} nodes: {what}",
                f"{1000 / statistics.median(frames):,.0f}",
                f"{ordered[int(len(ordered) * 0.95)]:.1f}",
                f"{ordered[-1]:.1f}",
                str(len(frames)),
            ]
        )
    return rows


if __name__ == "__main__":
    main()
