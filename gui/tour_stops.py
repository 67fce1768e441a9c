"""The stops of the guided tour: which control each points at, what it says, and when it is its turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtWidgets import QWidget

from gui.i18n import tr
from gui.main_window import MainWindow
from gui.next_step import NextStep


class Stop(NamedTuple):
    name: str
    target: Callable[[MainWindow], QWidget]
    its_turn: Callable[[NextStep], bool]
    """Whether the work has come so far that this is what to look at; the tour then goes there by itself."""


def _never(_following: NextStep) -> bool:
    return False


def _open(following: NextStep) -> bool:
    return following.session.model is not None


def _ready(following: NextStep) -> bool:
    return following.session.data is not None and following.session.job is None


def _measuring(following: NextStep) -> bool:
    job = following.session.job
    return job is not None and job.kind in ("plan", "analyze")


def _running(following: NextStep) -> bool:
    job = following.session.job
    return job is not None and job.kind == "compress"


def _next_is(kind: str) -> Callable[[NextStep], bool]:
    def turn(following: NextStep) -> bool:
        return following.kind == kind

    return turn


STOPS = (
    Stop("start", lambda main: main.start.sample_button, lambda _following: True),
    Stop("data", lambda main: main.steps.button("data"), _open),
    Stop("goal", lambda main: main.steps.goal, _ready),
    Stop("find", lambda main: main.steps.next_button, _never),
    Stop("measure", lambda main: main.graph, _measuring),
    Stop("plan", lambda main: main.table, _next_is("run")),
    Stop("outcome", lambda main: main.outcome, _never),
    Stop("run", lambda main: main.run_view, _running),
    Stop("export", lambda main: main.steps.next_button, _next_is("export")),
    Stop("end", lambda main: main.top_bar.help_button, _next_is("compare")),
)
FALLBACK = {"start": "open", "goal": "choose", "find": "choose", "run": "run", "export": "export"}
"""The step that is pointed at while a stop's own control is not to be seen; 'analyze' for others."""


def words(name: str) -> tuple[str, str]:
    """A stop's title and what it says."""
    return {
        "start": (
            tr("A smaller model in five clicks"),
            tr(
                "Press Try the sample: a small network that reads handwritten digits. Or drop a "
                "model of your own anywhere on this window. This tour follows what you do and "
                "never gets in the way."
            ),
        ),
        "data": (
            tr("Samples show what a change costs"),
            tr(
                "The program tries every change on examples whose right answers are known. The "
                "sample brings its own; for your model, choose a folder or a file here."
            ),
        ),
        "goal": (
            tr("Say what matters"),
            tr(
                "How many more mistakes may the smaller model make, how small must it be, or "
                "how fast? Choose a goal in plain words here."
            ),
        ),
        "find": (
            tr("This button always does what comes next"),
            tr("Press it now: each layer is measured, and the best plan for your goal is looked for."),
        ),
        "measure": (
            tr("What can each part spare?"),
            tr(
                "A network is a chain of layers. As they are measured they take on colour: a "
                "pale layer can be cut a lot, a strongly coloured one is needed."
            ),
        ),
        "plan": (
            tr("The plan, layer by layer"),
            tr(
                "Here is what each layer gets, and you may change anything. Fewer bits are "
                "shorter numbers; sparsity is the share of numbers set to zero. When you are "
                "happy with it, press the button above."
            ),
        ),
        "outcome": (
            tr("What you gain, and what it costs"),
            tr(
                "Size, time and quality, before and after. Grey italics are estimates; "
                "upright figures were measured on this computer."
            ),
        ),
        "run": (
            tr("The smaller model is being made"),
            tr(
                "Each point is the quality that is left after one more layer. You may go on "
                "working meanwhile, or stop at any time."
            ),
        ),
        "export": (
            tr("Take it with you"),
            tr("Press the button to write the file. A report in plain words is written beside it."),
        ),
        "end": (
            tr("That is all"),
            tr(
                "Here you find this tour, a glossary and all keyboard shortcuts. Point at a "
                "word with dots under it, and it is explained."
            ),
        ),
    }[name]
