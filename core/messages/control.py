"""Requests about other requests, and the last one."""

from __future__ import annotations

from core.messages.request import Request


class Cancel(Request, frozen=True, kw_only=True, tag=True):
    """Ask the job of request `target` to stop at its next batch boundary."""

    target: int


class Prefer(Request, frozen=True, kw_only=True, tag=True):
    """Ask the job of request `target` to look at these layers next, if it takes layers in turn."""

    target: int
    layers: tuple[str, ...]


class Shutdown(Request, frozen=True, kw_only=True, tag=True):
    pass
