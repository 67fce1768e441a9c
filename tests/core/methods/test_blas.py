"""Small products get one thread, whatever other threads do meanwhile, and the number comes back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from core.methods._blas import NARROW, few_threads


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():  # type: ignore[no-untyped-def]
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("these libraries take no number of threads")
        yield


def test_small_products_get_one_thread_and_the_number_comes_back() -> None:
    with few_threads(9):
        assert threads() == {1}
    assert threads() == {2}
    with few_threads(NARROW + 1):
        assert threads() == {2}


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), few_threads(9):
        1 / 0  # noqa: B018
    assert threads() == {2}


def test_the_last_one_out_sets_it_back() -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with few_threads(9):
            inside.set()
            assert leave.wait(10)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(10)
    with few_threads(9), few_threads(9):
        leave.set()
        other.join(10)
        assert threads() == {1}
        square = np.ones((30, 30)) @ np.ones((30, 30))
        assert (square == 30).all()
    assert threads() == {2}
