"""Start the process in which a conversion runs, listen to it, and end it when its time is up."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import msgspec

from core.context import Context
from core.convert.talk import Converted, Line, Refused, Stage, Task
from core.errors import EngineError, OpenError, SecateurError, UnsafeFileError, UnsupportedModelError
from core.values import text

SECONDS = 15 * 60
"""A conversion that takes longer is stopped."""
_POLL_SECONDS = 0.1
_LOG = "log.txt"
_LOG_BYTES = 4000
_KINDS: dict[str, type[SecateurError]] = {
    kind.__name__: kind for kind in (OpenError, UnsafeFileError, UnsupportedModelError, EngineError)
}
_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "out of memory",
    "MemoryError",
)


def command() -> list[str]:
    """Program and arguments that start the converting process, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--converter"]
    return [sys.executable, "-B", "-m", "core.convert.child"]


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the person's own: no keys, no tokens, no paths but those to Python's packages."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    home = str(folder / "home")
    packages = [str(Path(__file__).parents[2]), *(path for path in sys.path if path)]
    return kept | {
        "PATH": os.defpath,
        "HOME": home,
        "USERPROFILE": home,
        "TMPDIR": home,
        "TEMP": home,
        "TMP": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(packages)),
        "PYTHONIOENCODING": "utf-8",
        "KERAS_BACKEND": "torch",
        "KERAS_HOME": home,
        "JOBLIB_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2)),
    }


def run(task: Task, context: Context, seconds: float = SECONDS) -> Converted:
    """Do the task in a process of its own. Raises what the converter refuses with, EngineError, Cancelled."""
    folder = Path(task.folder)
    (folder / "home").mkdir()
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder / "home",
            env=environment(folder),
            start_new_session=True,
        )
    assert process.stdin is not None and process.stdout is not None
    lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(process.stdout, lines), daemon=True)
    try:
        listener.start()
        # left open: its end tells the process that we are gone
        process.stdin.write(msgspec.json.encode(task) + b"\n")
        process.stdin.flush()
        return _wait(process, lines, folder, context, time.monotonic() + seconds)
    except BrokenPipeError as error:
        process.wait()
        raise _crashed(process.returncode, folder) from error
    finally:
        process.kill()
        process.wait()
        listener.join(5)
        process.stdin.close()
        process.stdout.close()


def _listen(stream: IO[bytes], lines: queue.SimpleQueue[Line | None]) -> None:
    decoder = msgspec.json.Decoder(Line)
    try:
        for line in stream:
            lines.put(decoder.decode(line))
    except (ValueError, msgspec.MsgspecError):
        pass
    lines.put(None)


def _wait(
    process: subprocess.Popen[bytes],
    lines: queue.SimpleQueue[Line | None],
    folder: Path,
    context: Context,
    deadline: float,
) -> Converted:
    while True:
        context.check()
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if time.monotonic() > deadline:
                raise EngineError(
                    text("The conversion took too long and was stopped."),
                    text("The file may be very large, or the code in it may never end."),
                    text("Write the model as ONNX where it was made, and open that file."),
                ) from None
            continue
        if line is None:
            process.wait()
            raise _crashed(process.returncode, folder)
        if isinstance(line, Stage):
            context.report(line.text)
        elif isinstance(line, Refused):
            error = _KINDS.get(line.code, OpenError)(line.what, line.why, line.next_step)
            error.add_note(line.details)
            raise error
        else:
            return line


def _crashed(status: int, folder: Path) -> EngineError:
    log = _end_of(folder / _LOG)
    if status == -9 or any(sign.lower() in log.lower() for sign in _MEMORY):
        error = EngineError(
            text("There is not enough memory to convert this model."),
            text("Its framework and the ONNX file of it are in memory at the same time."),
            text("Close other programs, or convert it on a larger computer and open the ONNX file here."),
        )
    else:
        error = EngineError(
            text("The conversion crashed."),
            text("The process that loaded the file ended unexpectedly ({status}).", status=status),
            text("Write the model as ONNX where it was made, and open that file."),
        )
    error.add_note(log)
    return error


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace")
