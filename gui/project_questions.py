"""What only the person can decide about a project, in words."""

from __future__ import annotations

from pathlib import PurePath

import msgspec
from PySide6.QtCore import QDateTime, QLocale

from core.project import ModelReference, ProjectError
from core.values import Text, text
from gui.job import Choice, Problem
from gui.remedies import SAVE_AS

CANCEL = Choice(key="cancel", label=text("Cancel"))
LOCATE = Choice(key="locate", label=text("Show where it is…"))


def told(error: ProjectError, choices: tuple[Choice, ...] = ()) -> Problem:
    return Problem(kind="project", what=error.what, why=error.why, next_step=error.next_step, choices=choices)


def in_use(name: str, next_step: Text | None = None, choices: tuple[Choice, ...] = ()) -> Problem:
    return Problem(
        kind="project",
        what=text("The project '{name}' is open in another window.", name=name),
        why=text("Two windows that write into one project would undo each other's edits."),
        next_step=next_step or text("Choose another name, or close the other window first."),
        choices=choices,
    )


def in_another_window(name: str) -> Problem:
    return in_use(
        name,
        text("Open it read-only, or go on in the other window."),
        (Choice(key="read_only", label=text("Open read-only")), CANCEL),
    )


def open_read_only(name: str) -> Problem:
    return Problem(
        kind="project",
        what=text("The project '{name}' is open read-only.", name=name),
        why=text("Another window has it, or its folder cannot be written to."),
        next_step=text("You can look and try, but nothing is kept unless you save the project elsewhere."),
        choices=(SAVE_AS,),
    )


def name_taken(name: str) -> Problem:
    return Problem(
        kind="project",
        what=text("There is a file named '{name}' already.", name=name),
        why=text("What is in it would be lost."),
        next_step=text("Save the project under a name that is free."),
        choices=(SAVE_AS,),
    )


def no_model(name: str) -> Problem:
    return Problem(
        kind="project",
        what=text("The project '{name}' has no model yet.", name=name),
        why=text("Nothing was opened in it so far."),
        next_step=text("Choose the model that it is about."),
        choices=(LOCATE, CANCEL),
    )


def model_moved(reference: ModelReference | None, path: str) -> Problem:
    shown = path or (reference.path if reference is not None else "")
    return Problem(
        kind="project",
        what=text("The model '{name}' is not where this project had it.", name=_name(shown)),
        why=text("'{path}' was moved, renamed or is not connected.", path=shown),
        next_step=text("Show where it is now. What was measured of it is kept, and counts again."),
        choices=(LOCATE, CANCEL),
    )


def model_elsewhere(path: str) -> Problem:
    return Problem(
        kind="project",
        what=text("The model of this project lies on another computer: '{path}'.", path=path),
        why=text("Merely to look there tells that computer who you are."),
        next_step=text("Go there only if you trust whoever gave you this project."),
        choices=(Choice(key="trust", label=text("Open it there")), LOCATE, CANCEL),
    )


def model_changed(name: str, project: str) -> Problem:
    return Problem(
        kind="project",
        what=text(
            "The model '{name}' has changed since the project '{project}' was last open.",
            name=name,
            project=project,
        ),
        why=text("What was measured of the earlier one is kept, but does not count for this one."),
        next_step=text("Use the changed file, or show where the earlier one is."),
        choices=(Choice(key="use", label=text("Use the changed file")), LOCATE, CANCEL),
    )


def model_unreadable(problem: Problem) -> Problem:
    """The same sentences, with a way out."""
    return msgspec.structs.replace(problem, kind="project", choices=(LOCATE, CANCEL))


def data_moved(path: str) -> Problem:
    return Problem(
        kind="project",
        what=text("The samples are not where this project had them."),
        why=text("'{path}' was moved, renamed or is not connected.", path=path),
        next_step=text("Show where they are now: what was measured on the same samples counts again."),
        choices=(
            Choice(key="locate_folder", label=text("Show the folder…")),
            Choice(key="locate_file", label=text("Show the file…")),
            Choice(key="without", label=text("Go on without")),
        ),
    )


def data_changed(name: str) -> Problem:
    return Problem(
        kind="project",
        what=text("The samples in '{name}' have changed since this project was last open.", name=name),
        why=text("What was measured on the earlier ones is kept, but does not count for these."),
        next_step=text("Press Analyze to measure on these."),
    )


def refused(error: ProjectError, previous_made: float | None) -> Problem:
    """A file that cannot be opened; its previous copy is offered where there is one."""
    if previous_made is None:
        return told(error)
    moment = QDateTime.fromSecsSinceEpoch(int(previous_made))
    made = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
    previous = Choice(key="previous", label=text("Open the copy of {time}", time=made))
    return told(error, (previous, CANCEL))


def not_kept(reason: str) -> Problem:
    return Problem(
        kind="project",
        what=text("Your work cannot be kept at the moment."),
        why=text("{reason}", reason=reason),
        next_step=text("Make room or allow writing in your data folder, then open the model again."),
        choices=(SAVE_AS,),
    )


def _name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name
