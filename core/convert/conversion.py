"""From a path, whatever lies there, to a path of an ONNX file; or to the question that must be asked first.

What was converted is kept in the user's cache under the source's hash and what was said about it, so the same
file is converted once and nothing of it runs again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from core.context import Context
from core.convert.kinds import CONVERTERS, converter_of
from core.convert.process import run
from core.convert.talk import MODEL, SAMPLES, Converted, Task
from core.convert.verify import verify
from core.errors import OpenError
from core.files import PREFIX, write_whole
from core.formats.safety import check_file, read_head, shown, unreadable
from core.values import Foreign, Origin, Recipe, digest, text

VERSION = 1
"""Of the conversion; a higher one makes earlier files be made anew."""
FOLDER = "converted"
_ORIGIN = "origin.json"
_CHUNK = 1 << 20
_STALE_SECONDS = 24 * 3600


def resolve(path: str, recipe: Recipe | None, cache_dir: Path, context: Context) -> Path | Foreign:
    """Return the ONNX file for `path`: itself, or what it was or is now converted to.

    Foreign: something must be said about it first, in a `Recipe`. Raises OpenError and its kinds, EngineError
    if the conversion crashes or takes too long, and Cancelled; the cache is then as it was.
    """
    source = Path(path)
    check_file(source)
    kind = converter_of(source, read_head(source))
    if kind is None:
        return source
    context.report(text("Looking at the file"))
    size, sha256 = _identity(source, context)
    folder = Path(cache_dir) / FOLDER
    kept = _kept(folder, sha256, recipe)
    if kept is not None:
        return kept
    found = CONVERTERS.get(kind.name).examine(source)
    foreign = msgspec.structs.replace(
        found,
        path=os.path.abspath(source),
        name=shown(source),
        sha256=sha256,
        size_bytes=size,
        kind=kind.name,
    )
    if recipe is None and (foreign.runs_code or foreign.needs_architecture or foreign.asks_inputs):
        return foreign
    recipe = recipe or Recipe()
    _check(foreign, recipe)
    return _convert(foreign, recipe, folder, context)


def origin_of(path: str | Path, cache_dir: Path) -> Origin | None:
    """What the ONNX file at `path` was converted from; None for a file that was not converted here."""
    path = Path(path).absolute()
    if path.parent.parent != (Path(cache_dir) / FOLDER).absolute():
        return None
    return _origin(path.parent)


def must_trust(foreign: Foreign) -> OpenError:
    """The refusal of a file whose code nobody has said to trust."""
    return OpenError(
        foreign.what,
        text("Such code can do whatever you can do on this computer; nothing of it has run."),
        text("If you trust where it comes from, say so and open it again; on the command line with --trust."),
    )


def must_name_architecture(foreign: Foreign) -> OpenError:
    """The refusal of weights whose network nobody has named."""
    return OpenError(
        text("'{name}' holds weights without an architecture.", name=foreign.name),
        text("It says what the numbers are, not how the network computes with them."),
        text(
            "Name the Python file and the class that make the network; on the command line with "
            "--architecture FILE.py:CLASS and --trust."
        ),
    )


def _check(foreign: Foreign, recipe: Recipe) -> None:
    if foreign.needs_architecture and not (recipe.architecture and recipe.network):
        raise must_name_architecture(foreign)
    if foreign.runs_code and not recipe.trusted:
        raise must_trust(foreign)


def _convert(foreign: Foreign, recipe: Recipe, folder: Path, context: Context) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _clear_stale(folder)
    work = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=".tmp", dir=folder))
    try:
        task = Task(
            kind=foreign.kind,
            source=foreign.path,
            folder=str(work),
            recipe=recipe,
            inputs=recipe.inputs or foreign.inputs,
        )
        converted = run(task, context)
        made = work / MODEL
        check_file(made)
        context.report(text("Comparing the answers of both"))
        agreement = verify(made, work / SAMPLES, foreign.name, context)
        origin = Origin(
            path=foreign.path,
            name=foreign.name,
            sha256=foreign.sha256,
            size_bytes=foreign.size_bytes,
            kind=foreign.kind,
            label=foreign.label,
            recipe=msgspec.structs.replace(recipe, inputs=converted.inputs),
            difference=agreement.difference,
            reach=agreement.reach,
            samples=agreement.samples,
            fixed_batch=converted.fixed_batch,
            written_by=converted.written_by,
            frameworks=converted.frameworks,
            guarded="kernel" if _guarded(converted) else "python",
        )
        return _keep(made, origin, recipe, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _guarded(converted: Converted) -> bool:
    return {"files", "network"} <= set(converted.isolated)


def _keep(made: Path, origin: Origin, recipe: Recipe, folder: Path) -> Path:
    """Move the finished folder into its place in one step."""
    model = made.with_name(Path(origin.name).stem[:80] + ".onnx")
    made.rename(model)
    write_whole(made.parent / _ORIGIN, msgspec.json.encode(origin))
    place = folder / f"{origin.sha256[:24]}-{_key(recipe)}"
    shutil.rmtree(place, ignore_errors=True)
    os.replace(made.parent, place)
    return place / model.name


def _kept(folder: Path, sha256: str, recipe: Recipe | None) -> Path | None:
    """The file made earlier with this recipe; without one, the one that was made last."""
    pattern = f"{sha256[:24]}-{_key(recipe) if recipe is not None else '*'}"
    places = [place for place in folder.glob(pattern) if place.is_dir()]
    for place in sorted(places, key=lambda one: one.stat().st_mtime, reverse=True):
        origin = _origin(place)
        if origin is None or origin.sha256 != sha256:
            continue
        # without being asked, only what would come out the same
        if recipe is None and place.name.rsplit("-", 1)[1] not in (
            _key(origin.recipe),
            _key(_unsized(origin)),
        ):
            continue
        model = next(place.glob("*.onnx"), None)
        if model is not None:
            return model
    return None


def _unsized(origin: Origin) -> Recipe:
    return msgspec.structs.replace(origin.recipe, inputs=())


def _origin(place: Path) -> Origin | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((place / _ORIGIN).read_bytes(), type=Origin)
    return None


def _key(recipe: Recipe) -> str:
    """Of all that decides what comes out besides the source itself."""
    code = b""
    if recipe.architecture:
        with contextlib.suppress(OSError):
            code = Path(recipe.architecture).read_bytes()
    versions = [_version(name) for name in ("torch", "keras")]
    said = msgspec.structs.replace(recipe, trusted=True, architecture="")
    return digest(VERSION, versions, said, hashlib.sha256(code).hexdigest())[:12]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _identity(source: Path, context: Context) -> tuple[int, str]:
    """Size and SHA-256."""
    sha256, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                context.check()
                sha256.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise unreadable(source, error) from error
    return size, sha256.hexdigest()


def _clear_stale(folder: Path) -> None:
    """What a killed conversion left; young ones may be at work in another window."""
    for entry in folder.glob(f"{PREFIX}*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)
