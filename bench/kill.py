"""Kills window or engine at random moments of a sweep, and holds the project against what was acknowledged.

    python bench/kill.py --model M --data D --work build/kill [--kills 100] [--who window engine]

Acknowledged is what reached the window's process (bench/kill_subject.py): measured points, edits, snapshots.
After each kill the file is read anew. When a sweep has come to its end, its numbers are held against those
of a sweep that nobody disturbed; then the next one begins, until there were enough kills. Prints markdown.
What was seen so far is in --work after every kill, and a bench that is started again goes on from there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kill_log import Line, Log, figures_of, key_of, mark_of

from core.project import Project
from core.values import SensitivityPoint

HERE = Path(__file__).resolve().parent
PATIENCE_SECONDS = 1800
ORPHAN_SECONDS = 10
"""Within so long the engine must have followed its window."""
PART_OF_SWEEP = 0.6
"""The next kill comes after up to so large a part of the time that an undisturbed sweep takes."""


@dataclass
class Tally:
    kills: int = 0
    """Between the beginning of the sweep and its end."""
    sweeps: int = 0
    points: int = 0
    """Acknowledged ones, each once a sweep."""
    edits: int = 0
    snapshots: int = 0
    lost: list[str] = field(default_factory=list)
    orphans: int = 0
    slowest_orphan: float = 0.0
    differing: int = 0
    """Final numbers that are not those of the undisturbed sweep."""
    compared: int = 0
    file: Path | None = None
    """Where it is written after every kill and sweep."""

    def keep(self) -> None:
        if self.file is not None:
            figures = {name: value for name, value in asdict(self).items() if name != "file"}
            half = self.file.with_suffix(".half")
            half.write_text(json.dumps(figures))
            half.replace(self.file)


def tally_of(file: Path) -> Tally:
    """What an earlier start of the bench saw; of a sweep that it did not end only the kills count."""
    known = json.loads(file.read_text()) if file.exists() else {}
    return Tally(**known, file=file)


class Subject:
    """The program under test, in a process of its own, with settings and data of its own."""

    def __init__(self, home: Path, project: Path, log: Log, *more: str, errors: Path) -> None:
        environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH=str(HERE.parent))
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            environment[variable] = str(home / variable)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            environment["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
        self.log = log
        with errors.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "kill_subject.py"), str(project), str(log.path), *more],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=file,
            )

    def come_to(self, begun: int) -> bool:
        """Wait for the sweep to have begun so many times; whether it came so far before it was done."""
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE_SECONDS:
            lines = self.log.lines()
            if any("done" in line for line in lines) or self.process.poll() is not None:
                return False
            if sum("begun" in line for line in lines) >= begun and alive(self.engine):
                return True
            time.sleep(0.02)
        self.process.kill()
        raise SystemExit(f"neither a beginning nor an end within {PATIENCE_SECONDS} s: {lines[-3:]}")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def done(self) -> bool:
        return any("done" in line for line in self.log.lines())

    @property
    def engine(self) -> int:
        return next((line["engine"] for line in reversed(self.log.lines()) if "engine" in line), 0)


def alive(process_id: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        with open(f"/proc/{process_id}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check(project: Path, log: Log, tally: Tally) -> None:
    """Everything that was acknowledged must be in the file; what is missing goes into `tally.lost`.

    A window that lives goes on editing while the file is read.
    """
    lines = list(log.lines())
    opened = Project(project, create=False, read_only=True, thorough=True)
    with contextlib.closing(opened):
        kept = finals_of(opened)
        for key, figures in _points(lines).items():
            if kept.get(key) != figures:
                tally.lost.append(f"point {key}")
        edits = [line for line in lines if "edit" in line]
        if edits:
            last, past = edits[-1], opened.history.load()
            step = past.steps[past.in_force] if past.steps else None
            since = [line for line in log.lines() if line.get("edit", 0) >= last["edit"]]
            marks = {line["mark"] for line in since}
            # the next edit may have been kept and the process have died before it said so
            labels = {f"edit {line['edit'] + 1}" for line in since}
            known = step is not None and (mark_of(step.plan) in marks or step.label in labels)
            if not known:
                tally.lost.append(f"edit {last['edit']}")
        snapshots = {one.id: mark_of(one.plan) for one in opened.snapshots.all()}
        for line in lines:
            if "snapshot" in line and snapshots.get(line["snapshot"]) != line["mark"]:
                tally.lost.append(f"snapshot {line['snapshot']}")


def _points(lines: list[Line]) -> dict[str, list[object]]:
    """Figures by setting: a sweep that goes on tells what it had measured before once more."""
    return {json.dumps(line["point"]): line["figures"] for line in lines if "point" in line}


def finals_of(project: Project) -> dict[str, list[object]]:
    """The measured points in the file."""
    found = project.connection.read("SELECT DISTINCT model_sha256, data_key FROM finding")
    values = [value for keys in found for value in project.findings.load(*keys)[0]]
    points = [value for value in values if isinstance(value, SensitivityPoint)]
    return {json.dumps(key_of(point)): figures_of(point) for point in points}


class Bench:
    """A project with a model and its samples, and what an undisturbed sweep finds in it."""

    def __init__(self, folder: Path, model: str, data: str, preprocess: str, judge: int) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.made = folder / "made.secateur"
        self._errors = folder / "errors.txt"
        arguments = ["--model", model, "--data", data, "--preprocess", preprocess, "--judge", str(judge)]
        self._running: Subject | None = None
        made = self._start(self.made, Log(folder / "none"), *arguments)
        if made.process.wait(PATIENCE_SECONDS) or not self.made.exists():
            raise SystemExit(f"the project could not be made: {self._errors.read_text()[-2000:]}")
        started = time.monotonic()
        undisturbed = self._fresh("undisturbed")
        subject = self._start(undisturbed, Log(folder / "undisturbed.log"))
        subject.come_to(1)
        begun = time.monotonic()
        self._end(subject)
        self.seconds = time.monotonic() - started
        self.sweep_seconds = time.monotonic() - begun
        self.reference = self._finals(undisturbed)

    def stop(self) -> None:
        """End what runs; its engine follows it."""
        if self._running is not None and self._running.process.poll() is None:
            self._running.kill()

    def kill_windows(self, kills: int, generator: random.Random, tally: Tally) -> None:
        """Kill the window, see that the engine follows, hold the file against the log, start anew."""
        while tally.kills < kills:
            project = self._fresh(f"window-{tally.sweeps}")
            log = Log(self.folder / f"window-{tally.sweeps}.log")
            finished = False
            while not finished:
                lines = log.lines()
                begun = sum("begun" in line for line in lines)
                edits = max((line["edit"] for line in lines if "edit" in line), default=0)
                subject = self._start(project, log, "--edits", str(edits))
                if tally.kills < kills and self._moment(subject, begun + 1, generator):
                    engine = subject.engine
                    subject.kill()
                    self._wait_for_orphan(engine, tally)
                    check(project, log, tally)
                    tally.kills += not subject.done
                    tally.keep()
                else:
                    self._end(subject)
                finished = subject.done
            self._end_sweep(project, log, tally)

    def kill_engines(self, kills: int, generator: random.Random, tally: Tally) -> None:
        """Kill the engine under a living window, which tries again by itself."""
        while tally.kills < kills:
            project = self._fresh(f"engine-{tally.sweeps}")
            log = Log(self.folder / f"engine-{tally.sweeps}.log")
            subject = self._start(project, log)
            begun = 1
            while tally.kills < kills and self._moment(subject, begun, generator):
                engine, begun = subject.engine, sum("begun" in line for line in log.lines()) + 1
                if subject.done:
                    break
                os.kill(engine, signal.SIGKILL)
                tally.kills += 1
                check(project, log, tally)
                tally.keep()
            self._end(subject)
            self._wait_for_orphan(subject.engine, tally)
            self._end_sweep(project, log, tally)

    def _start(self, project: Path, log: Log, *more: str) -> Subject:
        self._running = Subject(self.home, project, log, *more, errors=self._errors)
        return self._running

    def _end(self, subject: Subject) -> None:
        """Wait for the end of the sweep and of the program."""
        subject.process.wait(PATIENCE_SECONDS)
        if not subject.done:
            raise SystemExit(
                f"the sweep did not end: {subject.log.lines()[-3:]} {self._errors.read_text()[-2000:]}"
            )

    def _moment(self, subject: Subject, begun: int, generator: random.Random) -> bool:
        """Wait for a random moment of the sweep; whether it came before the end."""
        seconds = generator.uniform(0, PART_OF_SWEEP * self.sweep_seconds)
        if not subject.come_to(begun):
            return False
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if subject.done or subject.process.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def _fresh(self, name: str) -> Path:
        """A project in which nothing was measured; the person's other data of the model forgotten."""
        shutil.rmtree(self.home, ignore_errors=True)
        project = self.folder / f"{name}.secateur"
        shutil.copy(self.made, project)
        return project

    def _finals(self, project: Path) -> dict[str, list[object]]:
        opened = Project(project, create=False, read_only=True)
        with contextlib.closing(opened):
            return finals_of(opened)

    def _end_sweep(self, project: Path, log: Log, tally: Tally) -> None:
        tally.sweeps += 1
        lines = log.lines()
        check(project, log, tally)
        found = self._finals(project)
        tally.compared += len(self.reference)
        tally.differing += sum(found.get(key) != value for key, value in self.reference.items())
        tally.points += len(_points(lines))
        tally.edits += sum("edit" in line for line in lines)
        tally.snapshots += sum("snapshot" in line for line in lines)
        tally.keep()

    def _wait_for_orphan(self, engine: int, tally: Tally) -> None:
        """See that the engine follows its window, and how long it takes."""
        started = time.monotonic()
        while alive(engine) and time.monotonic() - started < ORPHAN_SECONDS:
            time.sleep(0.01)
        tally.slowest_orphan = max(tally.slowest_orphan, time.monotonic() - started)
        tally.orphans += alive(engine)


HEADS = (
    "killed", "kills", "sweeps", "points", "edits", "snapshots", "lost", "final numbers compared",
    "differing", "engines left behind", "engine gone after, at most",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--preprocess", default="{}", help="fields of Preprocess as JSON; guessed without it")
    parser.add_argument("--judge", type=int, default=64, help="judging samples")
    parser.add_argument("--work", type=Path, required=True, help="where what was seen is kept")
    parser.add_argument("--kills", type=int, default=100, help="of each")
    parser.add_argument("--who", nargs="+", choices=("window", "engine"), default=("window", "engine"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="secateur-kill-") as folder:
        bench = Bench(Path(folder), options.model, options.data, options.preprocess, options.judge)
        print(f"undisturbed sweep: {bench.seconds:.1f} s from start to end, {len(bench.reference)} points\n")
        print("| " + " | ".join(HEADS) + " |\n|---|" + "---:|" * (len(HEADS) - 1), flush=True)
        for who in options.who:
            tally = tally_of(options.work / f"{who}.json")
            # other moments than those of the start before
            generator = random.Random(options.seed + tally.kills)
            kill = bench.kill_windows if who == "window" else bench.kill_engines
            # cut short: what was seen so far is said
            with contextlib.suppress(KeyboardInterrupt):
                kill(options.kills, generator, tally)
            bench.stop()
            print(
                f"| {who} | {tally.kills} | {tally.sweeps} | {tally.points:,} | {tally.edits:,} "
                f"| {tally.snapshots:,} | {len(tally.lost)} | {tally.compared:,} | {tally.differing} "
                f"| {tally.orphans} | {tally.slowest_orphan:.2f} s |",
                flush=True,
            )
            for line in tally.lost[:20]:
                print(f"- lost: {line}")


if __name__ == "__main__":
    main()
