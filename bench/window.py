"""How fast the window comes, draws and answers, as a table in Markdown. Needs a display:

xvfb-run -a .venv/bin/python bench/window.py [--times 5] [--parts start,open,stalls]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
MODELS = (("20 MB", 60, 20.0), ("3,000 nodes", 3000, 20.0))
BIG = (200, 500.0)
LIMITS = {"20 MB": 1500, "3,000 nodes": 4000}
VISIBLE_LIMIT, GAP_LIMIT = 1500, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="how often each is measured; the median counts")
    parser.add_argument("--parts", default="start,open,stalls")
    parser.add_argument("--folder", type=Path, help="where the made models are kept between runs")
    options = parser.parse_args()
    parts = options.parts.split(",")
    with tempfile.TemporaryDirectory(prefix="secateur-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        home = Path(temporary) / "home"
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load at the start {load:.1f}, {options.times} times each, medians\n")
        if "start" in parts:
            measure_start(options.times, home)
        if "open" in parts:
            measure_opening(options.times, folder, home)
        if "stalls" in parts:
            measure_stalls(folder, home)


def measure_start(times: int, home: Path) -> None:
    """The first start fills the caches of system and Python; it is not counted."""
    runs = []
    for turn in range(times + 1):
        born = time.monotonic_ns() / 1e6
        found = probe(home, "start", str(born))
        if turn:
            runs.append(found)
    print(f"## Start to visible window (at most {VISIBLE_LIMIT:,} ms)\n")
    rows = [[part, *_spread([run[part] for run in runs])] for part in runs[0]]
    table(["", "median, ms", "fastest", "slowest"], rows)


def measure_opening(times: int, folder: Path, home: Path) -> None:
    rows = []
    for name, nodes, megabytes in MODELS:
        found = probe(home, "open", str(model(folder, nodes, megabytes)), str(times))
        for what, values in found["times"].items():
            limit = f"{LIMITS[name]:,}" if what in ("layers", "all operations") else ""
            label = f"{name} ({found['nodes']:,} nodes): {what}"
            rows.append([label, *(_spread(values) if values else ["–"] * 3), limit])
    print("## Open to drawn graph\n")
    table(["", "median, ms", "fastest", "slowest", "at most"], rows)


def measure_stalls(folder: Path, home: Path) -> None:
    small, data = SHARED / "models" / "resnet20_cifar10.onnx", SHARED / "data" / "cifar10"
    there = small.exists() and data.exists()
    arguments = [str(small), str(data)] if there else ["", ""]
    made = [str(model(folder, *BIG)), str(model(folder, *MODELS[1][1:]))]
    found = probe(home, "stalls", *made, *arguments)
    print(f"## Gaps of a 5 ms timer in the window (worst at most {GAP_LIMIT} ms)\n")
    columns = ("50 %", "99 %", "worst", "own work in the worst", "most own work")
    rows = [
        [phase, *(f"{figures[column]:.1f}" for column in columns), str(figures["count"])]
        for phase, figures in found["phases"].items()
    ]
    table(["while", *(f"{column}, ms" for column in columns), "gaps"], rows)
    for stall in found["stalls"]:
        print(f"- {stall}")
    for what, seconds in found["waits"].items():
        print(f"- from pressing Analyze to {what}: {seconds:.1f} s")


def model(folder: Path, nodes: int, megabytes: float, dense: bool = False) -> Path:
    path = folder / f"{'dense' if dense else 'residual'}-{nodes}-{megabytes:.0f}.onnx"
    if not path.exists():
        maker = [sys.executable, str(HERE / "make_models.py"), "--nodes", str(nodes)]
        maker += ["--dense"] if dense else []
        subprocess.run(
            [*maker, "--megabytes", str(megabytes), "--out", str(path)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path


def probe(home: Path, *arguments: str, script: str = "window_probe.py") -> dict:
    """Run a part in a process of its own, with settings and caches of its own."""
    environment = dict(os.environ)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        environment[variable] = str(home / variable)
    if os.geteuid() == 0:
        environment["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    command = [sys.executable, str(HERE / script), *arguments]
    said: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as answers,
        subprocess.Popen(
            command, cwd=HERE.parent, env=environment, stdout=answers, stderr=subprocess.PIPE, text=True
        ) as child,
    ):
        assert child.stderr is not None
        for line in child.stderr:
            said.append(line)
            if line.startswith("  "):  # the probe's own words; Chromium is talkative beside them
                print(line, end="", file=sys.stderr, flush=True)
        child.wait()
        answers.seek(0)
        answer = answers.read()
    if child.returncode:
        raise SystemExit("".join(said))
    return json.loads(answer.splitlines()[-1])


def _spread(values: list[float]) -> list[str]:
    return [f"{value:,.0f}" for value in (statistics.median(values), min(values), max(values))]


def table(heads: list[str], rows: list[list[str]]) -> None:
    print("| " + " | ".join(heads) + " |")
    print("|---" + "|---:" * (len(heads) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


if __name__ == "__main__":
    main()
