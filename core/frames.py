"""Length-prefixed msgpack frames: four bytes little-endian, then the message."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from core.messages import AnyEvent, AnyRequest

HEADER = struct.Struct("<I")
MAX_FRAME_BYTES = 256 * 1024 * 1024

_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(AnyRequest)
_event_decoder = msgspec.msgpack.Decoder(AnyEvent)


def encode(message: AnyRequest | AnyEvent) -> bytes:
    """One whole frame."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def read_request(stream: BinaryIO) -> AnyRequest | None:
    """The next request, or None at the end of the stream.

    Raises msgspec.ValidationError for a message that is not a request.
    """
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
    return _request_decoder.decode(body)


class EventReader:
    """Feed bytes in any portions, take whole events out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[AnyEvent]:
        """Raises ValueError if the stream is not one of frames."""
        self._buffer += data
        events: list[AnyEvent] = []
        position = 0
        while len(self._buffer) - position >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer, position)
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            end = position + HEADER.size + length
            if len(self._buffer) < end:
                break
            events.append(_event_decoder.decode(bytes(self._buffer[position + HEADER.size : end])))
            position = end
        del self._buffer[:position]
        return events
