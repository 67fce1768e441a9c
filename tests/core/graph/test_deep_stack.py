"""Calls on a stack of their own."""

from __future__ import annotations

import threading

import pytest

from core.graph.deep_stack import call_with_stack


def test_result_comes_back_from_a_thread_with_that_stack() -> None:
    before = threading.stack_size()
    name = call_with_stack(lambda: threading.current_thread().name, 3_000_000)
    assert name == "deep stack"
    assert threading.stack_size() == before


def test_errors_come_back() -> None:
    with pytest.raises(ZeroDivisionError):
        call_with_stack(lambda: 1 / 0, 2**20)
