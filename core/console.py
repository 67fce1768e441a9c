"""Progress on standard error: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time

from core.values import PARTS, Measurement, RunPoint, Text, Value

BAR_WIDTH = 24


class Console:
    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._last = 0.0
        self._drawn = False
        self._left: float | None = None

    def whole(self, share: float, seconds_left: float) -> None:
        """How long the whole job still takes: said once, instead of what the stage says that comes next."""
        self._left = seconds_left

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
            so_far = f"{done / total:.0%}" if total == PARTS else f"{done}/{total}"
            bar = f" [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {so_far}"
        seconds_left, self._left = (seconds_left if self._left is None else self._left), None
        left = f" about {seconds_left:.0f} s left" if seconds_left else ""
        print(f"\r\x1b[K{stage}{bar}{left}", end="", file=sys.stderr, flush=True)

    def partial(self, value: Value) -> None:
        """A line for each step of a run, as soon as it is measured."""
        if self._quiet or not isinstance(value, RunPoint):
            return
        self.end()
        place = f"{value.step}/{value.total} {value.stage or value.layer_id}"
        lost = f"{value.loss:.2f} lost so far"
        earlier = " (measured earlier)" if value.from_store else ""
        print(f"{place}: {describe(value.measurement)}, {lost}{earlier}", file=sys.stderr)
        for sentence in value.did:
            print(f"  {sentence}", file=sys.stderr)

    def say(self, line: str) -> None:
        """A line that a person should see, beside the results."""
        if not self._quiet:
            self.end()
            print(line, file=sys.stderr)

    def end(self) -> None:
        """Leave the terminal's line clean for what is printed next."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._drawn = False


def describe(measurement: Measurement) -> str:
    """top1 91.20% [89.10, 92.90] on 1000."""
    digits = 4 if measurement.unit == "nat" else 2
    interval = ""
    if measurement.low is not None and measurement.high is not None:
        interval = f" [{measurement.low:.{digits}f}, {measurement.high:.{digits}f}]"
    unit = measurement.unit if measurement.unit == "%" else f" {measurement.unit}".rstrip()
    value = f"{measurement.metric} {measurement.value:.{digits}f}{unit}"
    return f"{value}{interval} on {measurement.count}"


def human_bytes(size_bytes: int) -> str:
    """1.10 MB, decimal units."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.2f} {unit}"
    return f"{size_bytes} B"
