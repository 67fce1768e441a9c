"""Somebody who does anything, on the real window with its engine: what fails, which panels die.

QT_QPA_PLATFORM=offscreen python -m bench.random_events [--seeds 1 2 3 4 5] [--events 20000]

Each seed has a process of its own. A fault is an exception, a warning of Qt or Python, an engine that dies
by itself, a job that fails for reasons nobody foresaw; `tests/gui/alive.py` says what a dead panel is.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HANGING_SECONDS = 900


def main() -> int:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        return _one(options.one, options.events)
    worst = 0
    for seed in options.seeds:
        command = [sys.executable, "-m", "bench.random_events", "--one", str(seed)]
        ended = subprocess.run([*command, "--events", str(options.events)], cwd=ROOT, env=_environment())
        worst = max(worst, abs(ended.returncode))
        if ended.returncode not in (0, 1, 2):
            print(f"seed {seed}: the window's process ended with {ended.returncode}", flush=True)
    return worst


def _environment() -> dict[str, str]:
    home = Path(tempfile.mkdtemp(prefix="random-events-"))
    environment = dict(os.environ)
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")  # Chromium's sandbox refuses root
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(home / name)
    return environment


def _one(seed: int, events: int) -> int:
    sys.path.insert(0, str(ROOT / "tests" / "gui"))
    warnings.simplefilter("error")
    faulthandler.enable()
    from PySide6.QtWidgets import QApplication

    from gui.netron_page import register_scheme

    register_scheme()
    application = QApplication([])
    from random_run import live

    def tell(words: str) -> None:
        faulthandler.dump_traceback_later(HANGING_SECONDS, exit=True)
        print(words, flush=True)

    started = time.monotonic()
    try:
        outcome = live(application, Path(tempfile.mkdtemp()), seed, events, True, tell)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(2)  # what is half made would end in a crash of its own and hide what was wrong
    person = outcome.person
    print(
        f"seed {seed}: {sum(person.done.values())} events in {time.monotonic() - started:.0f} s, "
        f"{len(outcome.faults)} faults, dead: {', '.join(outcome.dead) or 'none'}, "
        f"longest {person.longest_seconds:.1f} s ({person.longest}), {dict(person.done)}",
        flush=True,
    )
    # Chromium's own end waits for processes that are gone
    os._exit(1 if outcome.faults or outcome.dead else 0)


if __name__ == "__main__":
    raise SystemExit(main())
