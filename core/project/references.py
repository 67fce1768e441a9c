"""Which model and which samples a project is about: where they lie, and how to tell that they changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from core.project.coding import packed, unpacked
from core.project.connection import Connection
from core.project.errors import explained, unreadable
from core.project.paths import hostile
from core.project.records import DataReference, ModelReference
from core.values import DataInfo, DataSpec, ModelInfo, text

RANDOM_PATH = "random"
"""The path of a `DataSpec` that asks for random inputs."""


class References:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def model(self) -> ModelReference | None:
        """The model in force. Raises ProjectReadError if its path could do harm."""
        models = self.models
        return models[-1] if models else None

    @property
    def models(self) -> tuple[ModelReference, ...]:
        """All that the project was ever about, the one in force last."""
        rows = self._connection.read("SELECT path, relative, sha256, size_bytes, made FROM model ORDER BY id")
        with explained(self._connection.path):
            found = tuple(msgspec.convert(_named(ModelReference, row), ModelReference) for row in rows)
        for reference in found:
            self._refuse_hostile(reference.path)
        return found

    @property
    def data(self) -> DataReference | None:
        """The samples in force. Raises ProjectReadError if a path could do harm."""
        rows = self._connection.read(
            "SELECT spec, sha256, sample_count, made FROM data ORDER BY id DESC LIMIT 1"
        )
        if not rows:
            return None
        with explained(self._connection.path):
            spec = unpacked(rows[0][0], DataSpec)
            values = dict(zip(("sha256", "sample_count", "made"), rows[0][1:], strict=True))
            reference = msgspec.convert({"spec": spec, **values}, DataReference)
        for path in (spec.path, spec.calibration_path):
            if path is not None and not (path == RANDOM_PATH and path == spec.path):
                self._refuse_hostile(path)
        return reference

    def _refuse_hostile(self, path: str) -> None:
        why = hostile(path)
        if why is not None:
            raise unreadable(self._connection.path, why, text("Open the model itself instead."))

    def set_model(self, info: ModelInfo) -> None:
        """Put this model in force, unless it is."""
        # of a converted model the file that the person has: what was made of it may be made again
        path = os.path.abspath(info.source_path)
        relative = _relative(path, self._connection.path.parent)
        with self._connection.transaction() as connection:
            last = connection.execute("SELECT path, sha256 FROM model ORDER BY id DESC LIMIT 1").fetchone()
            if last == (path, info.sha256):
                return
            connection.execute(
                "INSERT INTO model(path, relative, sha256, size_bytes, made) VALUES (?, ?, ?, ?, ?)",
                (path, relative, info.sha256, info.size_bytes, time.time()),
            )

    def set_data(self, info: DataInfo) -> None:
        """Put these samples in force, unless they are."""
        spec = msgspec.structs.replace(
            info.spec, path=_absolute(info.spec.path), calibration_path=_absolute(info.spec.calibration_path)
        )
        content = packed(spec)
        with self._connection.transaction() as connection:
            last = connection.execute("SELECT spec, sha256 FROM data ORDER BY id DESC LIMIT 1").fetchone()
            if last == (content, info.sha256):
                return
            connection.execute(
                "INSERT INTO data(spec, sha256, sample_count, made) VALUES (?, ?, ?, ?)",
                (content, info.sha256, info.sample_count, time.time()),
            )

    def relocate(self) -> None:
        """After the project itself moved or was copied: see the model from here."""
        reference = self.model
        if reference is not None:
            relative = _relative(reference.path, self._connection.path.parent)
            with self._connection.transaction() as connection:
                connection.execute(
                    "UPDATE model SET relative=? WHERE id=(SELECT max(id) FROM model)", (relative,)
                )


def places(reference: ModelReference, project: Path) -> list[Path]:
    """Where the model may be: where it was, or as it lay towards the project, for both moved together."""
    found = [Path(reference.path)]
    if reference.relative is not None and hostile(reference.relative, relative=True) is None:
        found.append(project.parent / reference.relative)
    return found


def moved_with(spec: DataSpec, reference: ModelReference, project: Path) -> DataSpec:
    """The samples' paths where project, model and samples moved together, if only the new ones exist."""
    if reference.relative is None:
        return spec
    old = Path(reference.path).parents[len(Path(reference.relative).parts) - 1]
    paths = {}
    for name in ("path", "calibration_path"):
        path = getattr(spec, name)
        relative = _relative(path, old) if path is not None and not os.path.exists(path) else None
        if relative is not None and (project.parent / relative).exists():
            paths[name] = str(project.parent / relative)
    return msgspec.structs.replace(spec, **paths)


def _relative(path: str, folder: Path) -> str | None:
    """The path from `folder` down, with slashes; None if it does not lie below it."""
    try:
        return Path(path).relative_to(folder).as_posix()
    except ValueError:
        return None


def _absolute(path: str | None) -> str | None:
    if path is None or (path == RANDOM_PATH and not os.path.exists(path)):
        return path
    return os.path.abspath(path)


def _named(kind: type[msgspec.Struct], row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(kind.__struct_fields__, row, strict=True))
