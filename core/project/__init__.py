"""The project file: one SQLite database that keeps every measurement the moment it exists.

connection.py    opening with care, transactions          schema.py     tables, versions
measurements.py  what the engine need not measure again   findings.py   what the window shows of it
references.py    model and samples    history.py  plans   snapshots.py  runs.py
copies.py        save as, previous copy                   paths.py      paths that could do harm
spare.py         an empty one that lies ready
"""

from core.errors import ProjectError, ProjectReadError, ProjectWriteError
from core.project.copies import open_previous, tidy
from core.project.history import Past
from core.project.paths import leads_elsewhere
from core.project.places import ENDING, is_project, is_untitled, previous_path, untitled_path
from core.project.project import Project
from core.project.records import (
    Artefact,
    DataReference,
    ModelReference,
    PlanStep,
    RunRecord,
    Snapshot,
)
from core.project.references import RANDOM_PATH, moved_with, places
from core.project.spare import prepare_spare, take_spare

__all__ = [
    "ENDING",
    "RANDOM_PATH",
    "Artefact",
    "DataReference",
    "ModelReference",
    "Past",
    "PlanStep",
    "Project",
    "ProjectError",
    "ProjectReadError",
    "ProjectWriteError",
    "RunRecord",
    "Snapshot",
    "is_project",
    "is_untitled",
    "leads_elsewhere",
    "moved_with",
    "open_previous",
    "places",
    "prepare_spare",
    "previous_path",
    "take_spare",
    "tidy",
    "untitled_path",
]
