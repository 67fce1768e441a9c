"""Progress on standard error: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time

from core.values import Text

BAR_WIDTH = 24


class Console:
    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._last = 0.0
        self._drawn = False

    def progress(self, stage: Text, done: int, total: int, seconds_left: float | None) -> None:
        if self._quiet:
            return
        if not self._terminal:
            # one line a stage: a log file stays readable
            if stage.template != self._stage:
                print(str(stage), file=sys.stderr)
            self._stage = stage.template
            return
        now = time.monotonic()
        if stage.template == self._stage and now - self._last < 0.1 and done != total:
            return
        self._stage, self._last, self._drawn = stage.template, now, True
        bar = ""
        if total:
            filled = round(BAR_WIDTH * done / total)
            bar = " [" + "#" * filled + "." * (BAR_WIDTH - filled) + f"] {done}/{total}"
        left = f" about {seconds_left:.0f} s left" if seconds_left else ""
        print(f"\r\x1b[K{stage}{bar}{left}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the terminal's line clean for what is printed next."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._drawn = False


def human_bytes(size_bytes: int) -> str:
    """1.10 MB, decimal units."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.2f} {unit}"
    return f"{size_bytes} B"
