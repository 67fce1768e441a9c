"""Where project files lie, and how one is told from another file."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from core.project.schema import APPLICATION_ID

ENDING = ".secateur"
_MAGIC = b"SQLite format 3\0"
_APPLICATION_AT = 68
"""Where SQLite's header has the application's id."""


def untitled_path(model_sha256: str, data_dir: Path | None = None) -> Path:
    """The project of a model that was given no name: found again by the model's content."""
    folder = data_dir or platformdirs.user_data_path("secateur")
    return folder / "projects" / f"{model_sha256[:24]}{ENDING}"


def is_untitled(path: Path) -> bool:
    return Path(path).absolute().parent == (platformdirs.user_data_path("secateur") / "projects").absolute()


def previous_path(path: Path) -> Path:
    """The copy that the last clean close left beside a project; many file managers hide such a name."""
    return path.with_name(path.name + "~")


def is_project(path: str | Path) -> bool:
    """Whether a file looks like a project, by its content or, failing that, by its name."""
    path = Path(path)
    try:
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(_APPLICATION_AT + 4)
            if head.startswith(_MAGIC):
                return head[_APPLICATION_AT:] == APPLICATION_ID.to_bytes(4, "big") or path.suffix == ENDING
    except (OSError, ValueError):
        return False
    return path.suffix.lower() == ENDING
