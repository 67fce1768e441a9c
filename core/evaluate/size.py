"""Bytes of a model: on disk, and zipped as it would be sent."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import onnx

from core.context import Context
from core.evaluate.threads import physical_cores
from core.formats.light import light_model
from core.values import text

ZIP_LEVEL = 6
"""Deflate level of `zipped_bytes`, the default of zip: the same for every file that is compared."""
_CHUNK = 1 << 20
_LARGE_BYTES = 64 << 20
"""Files from which a part of this much is deflated on each core, and the answer is kept."""
_PART_BYTES = 8 << 20
_WINDOW = 32 << 10
"""How far back deflate looks: each part sees so much of the one before it, and nothing is lost by the cut."""
_known: dict[tuple[object, ...], int] = {}
"""Of large files as they were: every run asks anew how large its original is when zipped."""


def model_files(path: Path | str) -> tuple[Path, ...]:
    """Return the file and the external data files beside it that exist, each once."""
    path = Path(path)
    names: dict[str, None] = {}
    with light_model(path) as model:
        for tensor in _tensors(model.proto):
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                names.update({entry.value: None for entry in tensor.external_data if entry.key == "location"})
    beside = (path.parent / name for name in names)
    return (path, *(file for file in beside if file.is_file()))


def size_bytes(path: Path | str) -> int:
    """Return the bytes on disk, external data included."""
    return sum(file.stat().st_size for file in model_files(path))


def zipped_bytes(path: Path | str, context: Context | None = None) -> int:
    """Return the bytes of all its files deflated at `ZIP_LEVEL`, without writing any file.

    A zip adds some 100 bytes of directory per file to that. About 25 MB of weights a second on each core.
    """
    files = model_files(path)
    progress = _Progress(context or Context(), sum(file.stat().st_size for file in files))
    return sum(_deflated(file, progress) for file in files)


@dataclass
class _Progress:
    context: Context
    total: int
    done: int = 0

    def more(self, count: int) -> None:
        self.done += count
        self.context.report(text("Measuring the zipped size"), self.done, self.total)


def _deflated(file: Path, progress: _Progress) -> int:
    stat = file.stat()
    large = stat.st_size >= _LARGE_BYTES
    key = os.path.abspath(file), stat.st_ino, stat.st_size, stat.st_mtime_ns
    if large and key in _known:
        return _known[key]
    with file.open("rb") as stream:
        if not large:
            packer = zlib.compressobj(ZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            packed = 0
            while chunk := stream.read(_CHUNK):
                packed += len(packer.compress(chunk))
                progress.more(len(chunk))
            return packed + len(packer.flush())
        _known[key] = _in_parts(stream, progress)
    return _known[key]


def _in_parts(stream: BinaryIO, progress: _Progress) -> int:
    """As one stream of parts that are deflated side by side. Source: pigz (Adler 2007)."""
    threads = physical_cores()
    packed, before = 0, b""
    with ThreadPoolExecutor(threads) as pool:
        while parts := [part for _ in range(threads) if (part := stream.read(_PART_BYTES))]:
            behind = [before, *(part[-_WINDOW:] for part in parts)]
            packed += sum(pool.map(_packed, parts, behind[:-1]))
            before = behind[-1]
            progress.more(sum(map(len, parts)))
    return packed


def _packed(part: bytes, before: bytes) -> int:
    packer = zlib.compressobj(ZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    return len(packer.compress(part)) + len(packer.flush(zlib.Z_SYNC_FLUSH))


def _tensors(model: onnx.ModelProto) -> Iterable[onnx.TensorProto]:
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs.extend(attribute.graphs)
