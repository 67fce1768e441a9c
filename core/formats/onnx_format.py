"""The ONNX loader: read the bytes once, check them, then build and normalise the graph."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from core.context import Context
from core.errors import OpenError, SecateurError
from core.formats import FORMATS
from core.formats.content import may_be_a_model
from core.formats.other_makers import other_maker, refusal
from core.formats.proto_checks import check_model
from core.formats.safety import HEAD_BYTES, check_file, shown, unreadable
from core.formats.sparse import make_dense
from core.formats.taken import read_whole
from core.formats.to_ir import SIZE_LIMIT_BYTES, to_ir
from core.formats.wire import Encoded, MalformedError, Split, split
from core.graph.build import build
from core.graph.labels import clean
from core.graph.opened import OpenedModel
from core.values import Described, text

# tag of ModelProto's fields as first byte of a file: number << 3 | wire type
_FIRST_BYTES = frozenset({0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72, 0xA2, 0xCA})


class OnnxFormat:
    """ONNX, with or without external data."""

    def recognises(self, path: Path, head: bytes) -> bool:
        return head[0] in _FIRST_BYTES and may_be_a_model(path, head)

    def open(self, path: Path, context: Context) -> OpenedModel:
        size_bytes = check_file(path).st_size
        if size_bytes > SIZE_LIMIT_BYTES:
            raise OpenError(
                text("'{name}' is larger than 2 GiB ({size} bytes).", name=shown(path), size=size_bytes),
                text("A single ONNX file cannot hold more, so it cannot be complete."),
                text("Export the model again with its weights as external data, in a file beside it."),
            )
        try:
            data = read_whole(path)
        except OSError as error:
            raise unreadable(path, error) from error
        context.check()
        parts, proto = _parse(path, data)
        context.check()
        try:
            return self._build(path, data, parts, proto, context)
        except (SecateurError, MemoryError):
            raise
        except Exception as error:  # whatever the libraries trip over is a fault of the file
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise OpenError(
                text("The graph in '{name}' is invalid.", name=shown(path)),
                text("It cannot be read: {reason}", reason=clean(reason, 200)),
                text("Export the model again."),
            ) from error

    def _build(
        self, path: Path, data: Encoded, parts: Split, proto: onnx.ModelProto, context: Context
    ) -> OpenedModel:
        facts = check_model(proto, parts, path)
        digest = hashlib.sha256(data)
        for external in facts.external_files:
            with open(external, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        if facts.sparse:
            make_dense(proto.graph)
        model = to_ir(proto, parts, data, path, facts)
        size_bytes = len(data) + facts.external_bytes
        del data, parts, proto
        context.report(text("Reading the graph"))
        return build(model, path, digest.hexdigest(), size_bytes, facts, context)


def _parse(path: Path, data: Encoded) -> tuple[Split, onnx.ModelProto]:
    try:
        parts = split(data)
        proto = onnx.ModelProto.FromString(parts.rest if isinstance(parts.rest, bytes) else parts.rest[:])
    except (DecodeError, MalformedError) as error:
        other = other_maker(path, data[:HEAD_BYTES])
        if other is not None:
            raise refusal(other, path) from error
        raise OpenError(
            text("'{name}' is not a valid ONNX file.", name=shown(path)),
            text("It breaks off or is damaged; most likely a download was incomplete."),
            text("Download or export it again and compare its size with the original."),
        ) from error
    return parts, proto


FORMATS.add(
    Described(
        name="onnx",
        label=text("ONNX"),
        help=text("An ONNX model (.onnx), with its weights inside or in files beside it."),
    ),
    OnnxFormat(),
)
