"""Values to bytes and back. Plans are deflated: a step of a large network's history shrinks tenfold."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from core.values import Plan

T = TypeVar("T")

_LARGEST_PLAN = 64 << 20


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def unpacked(content: object, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError for what is no such value."""
    if not isinstance(content, bytes):
        raise msgspec.DecodeError(f"{kind.__name__} is {type(content).__name__}")
    return msgspec.msgpack.decode(content, type=kind)


def pack_plan(plan: Plan) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(plan), 1)


def unpack_plan(content: object) -> Plan:
    """Raises msgspec.MsgspecError for what is no plan."""
    if not isinstance(content, bytes):
        raise msgspec.DecodeError(f"a plan is {type(content).__name__}")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(content, _LARGEST_PLAN)
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from error
    if inflater.unconsumed_tail:
        raise msgspec.DecodeError("a plan of more than 64 MB")
    return unpacked(plain, Plan)
