"""Work side by side: all results, no more at once than there are hands, nothing begun after an error."""

from __future__ import annotations

import threading
import time

import pytest

from core.sweep.crew import SMALL_WORK, Crew, hands_for


def test_small_runs_go_side_by_side_and_large_ones_alone() -> None:
    assert hands_for(1e6, 1) == 1
    assert hands_for(1e6, 2) == 2
    assert hands_for(1e6, 64) == 4
    assert hands_for(SMALL_WORK * 2, 8) == 1


@pytest.mark.parametrize("hands", [1, 2, 3])
def test_all_results_come_and_no_more_run_than_there_are_hands(hands: int) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02 if number % 3 == 0 else 0.001)
        with lock:
            running -= 1
        return number * number

    left, found = list(range(12)), []
    with Crew[int, int](hands) as crew:
        while left or crew.tags:
            while left and not crew.full:
                number = left.pop(0)
                crew.put(number, lambda number=number: work(number))
            assert len(crew.tags) <= hands + (hands > 1)
            found.append(crew.take())
    assert sorted(found) == [(number, number * number) for number in range(12)]
    if hands == 1:
        assert found == sorted(found)
    assert most <= hands


def test_what_is_done_is_handed_back_while_something_longer_goes_on() -> None:
    go_on = threading.Event()
    with Crew[str, bool](2) as crew:
        crew.put("long", lambda: go_on.wait(30))
        for name in ("short", "shorter"):
            crew.put(name, lambda: True)
        assert [crew.take(), crew.take()] == [("short", True), ("shorter", True)]
        assert crew.tags == ["long"]
        go_on.set()
        assert crew.take() == ("long", True)
    with pytest.raises(IndexError):
        crew.take()


def test_an_error_is_raised_where_its_result_is_taken_and_the_rest_never_begins() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.02)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"), Crew[int, None](1) as crew:
        for number in range(5):
            crew.put(number, lambda number=number: work(number))
        crew.take()
    assert len(begun) < 5
