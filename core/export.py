"""Hand the result over: written beside the destination, verified there, only then moved into place.

The file is what was judged, with its card in the metadata and nothing else changed. Whatever goes wrong
before the last step, the destination stays byte for byte as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx

from core.compress import file_sha256
from core.context import Context
from core.data.dataset import DataSet
from core.errors import Cancelled, DataError, ExportError, SecateurError
from core.evaluate.batching import batch_of
from core.evaluate.example_feeds import example_feeds
from core.evaluate.give_back import give_back
from core.evaluate.runner import Runner
from core.evaluate.size import ZIP_LEVEL, model_files, size_bytes
from core.files import PREFIX, move_into_place
from core.graph.opened import OpenedModel
from core.readback import card_bytes, read_back, read_card, with_entries
from core.report import Account, Told, card_of, report_of
from core.values import Exported, ModelCard, Plan, Result, Text, card_in, text

NOTHING_TOLD = Told()
CHECK_SAMPLES = 16
"""Samples on which the written file must answer as the judged one did."""

_STALE_SECONDS = 15 * 60
_CHUNK = 1 << 20
_TOLERANCE = 1e-5
"""Relative to the largest answer: integer kernels round alike, float ones may add up in another order."""


def export(
    result: Result,
    destination: Path,
    opened: OpenedModel,
    data: DataSet | None,
    context: Context,
    reports: Sequence[Path] = (),
    told: Told = NOTHING_TOLD,
) -> Exported:
    """Put the judged artefact of `result` at `destination`, and its account at each of `reports`.

    A report is a page where its name ends in .html, else JSON; `told` is what it tells beside the result.

    Raises ExportError, with the destination untouched, if the artefact is not the one that was judged, if
    the copy does not pass onnx's checker, does not load or answers differently, or if it cannot be written;
    Cancelled at any point before the file is moved.
    """
    destination = Path(destination)
    artefact = Path(result.artefact)
    _check_places(destination, opened, artefact)
    with _explained(destination):
        clean_stale(destination.parent)
        waiting: dict[Path, Path] = {}
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=".tmp", dir=destination.parent))
        try:
            context.report(text("Writing the file"))
            known = data.info if data is not None else None
            card = card_of(result, opened, known)
            written = _copy(artefact, folder / destination.name, result.sha256, card, context)
            context.report(text("Verifying the file"))
            _verify(written, artefact, result.sha256, card, data, context)
            notes = {layer.layer_id: layer.note for layer in result.layers if layer.note is not None}
            layers = read_back(written, opened.info.layers, _settled(result), notes)
            sha256, size = file_sha256(written), size_bytes(written)
            result = _as_written(result, size, card)
            account = Account(result, opened, destination.name, sha256, card, layers, known, told)
            for report in reports:
                waiting[report] = _waiting_report(report, report_of(account, report))
            context.check()
            # data first: until the model itself is in place nothing refers to it
            for file in reversed(model_files(written)):
                move_into_place(file, destination.parent / file.name)
            for report, temporary in waiting.items():
                move_into_place(temporary, report)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for temporary in waiting.values():
                temporary.unlink(missing_ok=True)
    return Exported(
        path=str(destination),
        sha256=sha256,
        size_bytes=size,
        report_path=str(reports[0]) if reports else None,
        warnings=_warnings(result),
    )


def _settled(result: Result) -> Plan:
    """The plan with what the run settled on for each layer, where the plan left it the choice."""
    settled = {layer.layer_id: layer.planned for layer in result.layers}
    return msgspec.structs.replace(result.plan, exceptions={**result.plan.exceptions, **settled})


def _as_written(result: Result, size: int, card: ModelCard) -> Result:
    """The result with the bytes of the written file, its card included."""
    zipped = result.after.zipped_bytes + len(zlib.compress(card_bytes(card), ZIP_LEVEL))
    after = msgspec.structs.replace(result.after, size_bytes=size, zipped_bytes=zipped)
    return msgspec.structs.replace(result, after=after)


def _warnings(result: Result) -> tuple[Text, ...]:
    """A file that is slower than its original is never handed over without saying so."""
    if result.after.latency is None:
        return (text("Its speed was not measured, so it may be slower than the original."),)
    return result.slower


def _waiting_report(report: Path, account: bytes) -> Path:
    """The report on the disk beside its place, so that after the model has moved little can fail."""
    with _explained(report):
        clean_stale(report.parent)
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=".tmp", dir=report.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(account)
            stream.flush()
            os.fsync(stream.fileno())
    return Path(name)


def clean_stale(folder: Path) -> None:
    """Remove what earlier crashes of an export left in this folder; young ones may be in use."""
    for entry in folder.glob(f"{PREFIX}*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime < _STALE_SECONDS:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()


def _check_places(destination: Path, opened: OpenedModel, artefact: Path) -> None:
    if not artefact.is_file():
        raise ExportError(
            text("The finished result is no longer there."),
            text("Its file was removed from the work folder."),
            text("Run the compression again; measurements that are kept make it short."),
        )
    if destination.is_dir():
        raise ExportError(
            text("'{name}' is a folder.", name=destination.name),
            next_step=text("Choose a file name for the compressed model."),
        )
    if destination.exists() and opened.source.exists() and destination.samefile(opened.source):
        raise ExportError(
            text("The original would be overwritten."),
            text("Comparisons need it, and it cannot be got back from the compressed file."),
            text("Choose another file name."),
        )


def _copy(artefact: Path, target: Path, sha256: str, card: ModelCard, context: Context) -> Path:
    """Copy model and external data into the folder of `target`, forced to the disk, and add the card."""
    files = model_files(artefact)
    if len(files) == 1:
        _copy_file(artefact, target, context, card_bytes(card))
        return target
    # The data gets a name of its own content, so that a file that is there already keeps its data.
    model = onnx.load(str(artefact), load_external_data=False)
    names = {file.name: f"{target.name}.{sha256[:8]}.{index}.data" for index, file in enumerate(files[1:])}
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = names[entry.value]
    for file in files[1:]:
        _copy_file(file, target.parent / names[file.name], context)
    with target.open("wb") as stream:
        stream.write(with_entries(model, card.entries()).SerializeToString())
        stream.flush()
        os.fsync(stream.fileno())
    return target


def _copy_file(source: Path, target: Path, context: Context, behind: bytes = b"") -> None:
    """The file of `source`, with these bytes behind it."""
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            context.check()
            writer.write(chunk)
        writer.write(behind)
        writer.flush()
        os.fsync(writer.fileno())


def _verify(
    written: Path, artefact: Path, sha256: str, card: ModelCard, data: DataSet | None, context: Context
) -> None:
    if file_sha256(artefact) != sha256:
        raise _differs(text("The result in the work folder has changed since it was judged."))
    if len(model_files(artefact)) == 1:
        if not _holds(written, artefact, card_bytes(card)):
            raise _differs(text("The written file does not have the content that was judged."))
    elif read_card(written) != card_in(card.entries()):
        raise _differs(text("The file does not say of itself what was done to it."))
    try:
        onnx.checker.check_model(str(written))
    except Exception as error:  # whatever the checker trips over, the file is not to be shipped
        raise _differs(
            text(
                "The checker of ONNX refuses it: {reason}", reason=(str(error).splitlines() or ["?"])[0][:200]
            )
        ) from error
    context.check()
    feeds, wanted = _answers(artefact, data, None)
    if not feeds:
        _answers(written, None, [])
        return
    context.check()
    # one after the other: each may be as large as the original
    give_back(networks=True)
    for got, said in zip(_answers(written, data, feeds)[1], wanted, strict=True):
        if not same_answers(got, said):
            raise _differs(text("Its answers are not those of the network that was judged."))


def _answers(
    model: Path, data: DataSet | None, feeds: Sequence[Mapping[str, np.ndarray]] | None
) -> tuple[Sequence[Mapping[str, np.ndarray]], list[np.ndarray]]:
    """What a file that can be loaded says to `feeds`, one after the other ([]: nothing is asked; None: some
    are found for it)."""
    try:
        runner = Runner(model)
    except SecateurError as error:
        if isinstance(error, Cancelled):
            raise
        raise _differs(error.why) from error
    feeds = _samples(runner, data) if feeds is None else feeds
    return feeds, [output for given in feeds for output in runner.run(given)]


def _holds(written: Path, artefact: Path, behind: bytes) -> bool:
    """Whether a file is another one byte for byte, with these bytes behind it."""
    with written.open("rb") as reader, artefact.open("rb") as judged:
        while chunk := judged.read(_CHUNK):
            if reader.read(len(chunk)) != chunk:
                return False
        return reader.read() == behind


def _samples(runner: Runner, data: DataSet | None) -> list[dict[str, np.ndarray]]:
    """Batches of samples, or one of random ones; [] where none fit."""
    if data is not None:
        # all pictures at once would take more memory than the rest of an export
        size = runner.batch_size(min(CHECK_SAMPLES, batch_of(data, "judge")))
        found = [batch.feeds for batch in data.batches("judge", size, CHECK_SAMPLES)]
        if found:
            return found
    try:
        return [example_feeds(runner, runner.batch_size(1))]
    except DataError:
        # no random input fits this model; content and checker have spoken
        return []


def same_answers(got: object, wanted: object) -> bool:
    """Whether two outputs agree in kind, shape and, but for rounding, in value."""
    if not (isinstance(got, np.ndarray) and isinstance(wanted, np.ndarray)):
        return type(got) is type(wanted)
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return False
    if not np.issubdtype(got.dtype, np.floating):
        return bool((got == wanted).all())
    reach = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
    return bool(np.allclose(got, wanted, rtol=0.0, atol=_TOLERANCE * reach, equal_nan=True))


def _differs(why: Text) -> ExportError:
    return ExportError(
        text("The exported file did not pass its verification, so nothing was written."),
        why,
        text("Export again; if it happens once more, run the compression again."),
    )


@contextlib.contextmanager
def _explained(destination: Path) -> Iterator[None]:
    """Turn what the system says about writing into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            why = text("The disk is full.")
            next_step = text("Free some space or choose another disk, then export again.")
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY):
            why = text("The folder or file cannot be written to.")
            next_step = text("Choose another folder, or change its permissions.")
        elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ENODEV):
            why = text("The folder is not there, or its disk was removed.")
            next_step = text("Choose a folder that exists, then export again.")
        else:
            why = text("The system says: {reason}", reason=error.strerror or str(error))
            next_step = text("Choose another place, then export again.")
        raise ExportError(
            text("'{name}' could not be written.", name=destination.name), why, next_step
        ) from error
