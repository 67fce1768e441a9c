"""An integer as protobuf writes it."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Return seven bits a byte, the lowest first, for a value of 0 or more.

    Source: https://protobuf.dev/programming-guides/encoding/.
    """
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)
