"""The converting process: give up what is not needed, do one task, say what came of it, end."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path

import msgspec

from core.convert.isolation import isolate
from core.convert.talk import Converted, Line, Refused, Stage, Task
from core.errors import SecateurError
from core.graph.labels import clean
from core.values import Text, text

DETAILS = 6000
"""Characters of a traceback that are worth showing."""


class Voice:
    """Lines to the engine, whatever the libraries print elsewhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, line: Line) -> None:
        os.write(self._descriptor, msgspec.json.encode(line) + b"\n")

    def stage(self, sentence: Text) -> None:
        self.say(Stage(text=sentence))


def main() -> None:
    # a library's print must not break a line: keep the real stdout for us, give everyone else stderr
    voice = Voice(os.dup(1))
    os.dup2(2, 1)
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_end_with_the_engine, daemon=True).start()
    isolated = isolate(Path(task.folder))
    try:
        converted = _perform(task, voice)
        voice.say(msgspec.structs.replace(converted, isolated=isolated, frameworks=_frameworks()))
    except SecateurError as error:
        voice.say(
            Refused(
                code=error.code,
                what=error.what,
                why=error.why,
                next_step=error.next_step,
                details=traceback.format_exc()[-DETAILS:],
            )
        )
    except MemoryError:
        traceback.print_exc()
        os._exit(1)
    except BaseException as error:  # of whatever kind: code that is not ours ran here
        if any(sign in str(error).lower() for sign in ("allocate memory", "bad_alloc", "out of memory")):
            traceback.print_exc()
            os._exit(1)
        voice.say(_unexpected(error, task))
    finally:
        # threads of the frameworks, or of the file itself, keep nobody waiting
        os._exit(0)


def _end_with_the_engine() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _perform(task: Task, voice: Voice) -> Converted:
    from core.convert.kinds import CONVERTERS

    voice.stage(text("Starting the framework"))
    return CONVERTERS.get(task.kind).convert(task, voice.stage)


def _frameworks() -> str:
    """Those that are loaded, with their versions: 'Keras 3.13.1, PyTorch 2.10.0'."""
    loaded = ((label, sys.modules.get(name)) for name, label in (("keras", "Keras"), ("torch", "PyTorch")))
    return ", ".join(
        f"{label} {clean(str(getattr(module, '__version__', '')), 40)}".strip()
        for label, module in loaded
        if module is not None
    )


def _unexpected(error: BaseException, task: Task) -> Refused:
    reason = (str(error).strip().splitlines() or [""])[0]
    return Refused(
        code="OpenError",
        what=text("'{name}' could not be turned into ONNX.", name=clean(os.path.basename(task.source))),
        why=text("{kind}: {reason}", kind=type(error).__name__, reason=clean(reason, 300)),
        next_step=text("Write the model as ONNX where it was made, and open that file."),
        details=traceback.format_exc()[-DETAILS:],
    )


if __name__ == "__main__":
    main()
