"""Bytes of a model: on disk, and zipped as it would be sent."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import onnx

from core.context import Context
from core.formats.light import light_model
from core.values import text

ZIP_LEVEL = 6
"""Deflate level of `zipped_bytes`, the default of zip: the same for every file that is compared."""
_CHUNK = 1 << 20


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

    A zip adds some 100 bytes of directory per file to that. About 25 MB of weights a second.
    """
    context = context or Context()
    files = model_files(path)
    total = sum(file.stat().st_size for file in files)
    done = packed = 0
    for file in files:
        packer = zlib.compressobj(ZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                packed += len(packer.compress(chunk))
                done += len(chunk)
                context.report(text("Measuring the zipped size"), done, total)
        packed += len(packer.flush())
    return packed


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
