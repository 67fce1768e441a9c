"""How far a whole job is and how long it still takes, worked out by hand, and on real jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import jobs
from core import messages as m
from core.context import Context
from core.kernels.shelf import Shelf
from core.route import Leg, Route
from core.routes import FOLLOWED, Routes, usual
from core.values import DataSpec
from core.values.best import Goal
from core.workspace import Workspace
from gui import samples


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


KNOWN = (Leg("a", 4.0, 1, 1), Leg("b", 12.0, 3, 3), Leg("c", 4.0, 1, 1))


def test_what_is_still_to_come_is_what_it_took_before() -> None:
    clock = Clock()
    route = Route(KNOWN, clock)
    assert route.at("a", 0, 4, True) == (0.0, 20.0)
    clock.now += 2
    share, left = route.at("a", 2, 4, False) or (0, 0)
    # as fast as before: 2 s of a are left, then 12 and 4
    assert left == pytest.approx(18.0)
    assert share == pytest.approx(2 / 20)
    clock.now += 2
    _, left = route.at("b", 0, 2, True) or (0, 0)
    assert left == pytest.approx(16.0)
    clock.now += 4
    # its second pass of three: 8 s of b, 4 of c
    share, left = route.at("b", 0, 2, True) or (0, 0)
    assert left == pytest.approx(12.0)
    assert share == pytest.approx(8 / 20)


def test_a_job_that_is_slower_from_the_start_is_slower_to_its_end() -> None:
    """Ten times as slow: (40 + 1.3) / (4 + 1.3) = 7.8 times; half a second and a tenth count as before."""
    clock = Clock()
    route = Route((Leg("a", 4.0, 1, 1), Leg("c", 4.0, 1, 1)), clock)
    route.at("a", 0, 4, True)
    clock.now += 40
    share, left = route.at("c", 0, 4, True) or (0, 0)
    assert left == pytest.approx(4 * 41.3 / 5.3)
    assert share == pytest.approx(40 / (40 + left))
    clock.now += 30
    # by its own pace from here on
    assert (route.at("c", 3, 4, False) or (0, 0))[1] == pytest.approx(10.0)


def test_stages_that_take_turns_are_all_under_way() -> None:
    """Each of 4 layers takes 1 s in one stage and 3 s in the other; before, that was a quarter of it."""
    clock = Clock()
    route = Route((Leg("a", 1.0, 1, 4), Leg("b", 3.0, 1, 4)), clock)
    for layer in range(2):
        route.at("a", layer, 4, layer == 0)
        clock.now += 1
        route.at("b", layer, 4, layer == 0)
        clock.now += 3
    _, left = route.at("a", 2, 4, False) or (0, 0)
    # a has had 2 s for its first half; b 6 s of which one quarter was told: 2 s and 18 s
    assert left == pytest.approx(2 + 18)
    clock.now += 1
    _, left = route.at("b", 2, 4, False) or (0, 0)
    assert left == pytest.approx(3 + 6)


def test_stages_that_were_skipped_are_not_waited_for_and_the_share_never_falls() -> None:
    clock = Clock()
    route = Route(KNOWN, clock)
    route.at("a", 0, 1, True)
    clock.now += 4
    assert route.at("c", 0, 1, True) == (pytest.approx(0.5), pytest.approx(4.0))
    clock.now += 1
    share, left = route.at("unheard of", 1, 100, True) or (0, 0)
    assert share >= 0.5
    clock.now += 10
    later, _ = route.at("unheard of", 11, 100, False) or (0, 0)
    assert later >= share
    assert left >= 0


def test_results_that_were_kept_do_not_promise_a_fast_job() -> None:
    """The first 2 of 20 s are over at once: nine tenths of 18 s are left at least, and the bar waits."""
    clock = Clock()
    route = Route((Leg("kept", 2.0, 1, 1), Leg("long", 18.0, 1, 1)), clock)
    route.at("kept", 0, 1, True)
    clock.now += 0.01
    share, left = route.at("long", 0, 100, True) or (0, 0)
    assert left >= 0.9 * 18
    assert share < 0.01


def test_the_bar_goes_on_where_the_end_has_moved_away() -> None:
    clock = Clock()
    route = Route((Leg("a", 5.0, 1, 1), Leg("b", 5.0, 1, 1)), clock)
    route.at("a", 0, 1, True)
    clock.now += 5
    half, _ = route.at("b", 0, 100, True) or (0, 0)
    assert half == pytest.approx(0.5)
    clock.now += 10  # a tenth of b alone took twice what all of it took before: 90 s are left
    later, left = route.at("b", 10, 100, False) or (0, 0)
    assert left == pytest.approx(90.0)
    assert later == pytest.approx(0.5 + 0.5 * 10 / 100)
    clock.now += 90
    assert (route.at("b", 99, 100, False) or (0, 0))[0] > 0.95


def test_a_job_of_which_nothing_is_known_says_nothing_of_the_whole() -> None:
    assert Route().at("a", 1, 2, True) is None


def test_what_is_remembered() -> None:
    clock = Clock()
    route = Route(KNOWN, clock)
    route.at("a", 0, 1, True)
    clock.now += 8
    route.at("new", 0, 1, True)
    clock.now += 1
    route.at("c", 0, 1, True)
    clock.now += 2
    # averaged with before; b was kept from an earlier job and stays as it was; new came behind a
    assert route.legs() == (
        Leg("a", 6.0, 1, 1),
        Leg("new", 1.0, 1, 1),
        Leg("b", 12.0, 3, 3),
        Leg("c", 3.0, 1, 1),
    )


def test_routes_are_kept_by_what_was_asked_and_survive_a_spoilt_file(tmp_path: Path) -> None:
    clock = Clock()
    routes = Routes(Shelf(tmp_path))
    asked = m.FindPlan(
        id=1, model="a.onnx", data=DataSpec(path="data"), goal=Goal(max_loss=1.0, channels=False)
    )
    other = m.FindPlan(
        id=2, model="b.onnx", data=DataSpec(path="data"), goal=Goal(max_size_bytes=10, channels=True)
    )
    route = Route((), clock)
    route.at("only here", 0, 1, True)
    clock.now += 3
    routes.keep(asked, route)
    again = Routes(Shelf(tmp_path))
    assert [leg.stage for leg in again.of(asked).legs()] == ["only here"]
    assert [leg.stage for leg in again.of(other).legs()] == ["only here"]  # better than a stranger's
    shelf = Shelf(tmp_path)
    for key in ("route 1 FindPlan",):
        shelf.put(key, b"\xff")
    assert [leg.stage for leg in Routes(shelf).of(other).legs()] == [leg.stage for leg in usual()["FindPlan"]]


def test_what_ships_knows_the_jobs_of_a_journey() -> None:
    names = {request.__name__ for request in FOLLOWED}
    assert set(usual()) <= names
    for name, legs in usual().items():
        assert legs, name
        assert all(leg.seconds >= 0 and leg.visits >= leg.passes >= 1 for leg in legs), name


def test_a_real_job_tells_of_the_whole_of_itself(tmp_path: Path) -> None:
    """The second analysis, with nothing kept: the share rises to nearly 1, the end comes nearer."""
    sample = samples.samples()[-1]
    request = m.Analyze(model=samples.model_path(sample), data=samples.data_spec(sample))
    routes = Routes(Shelf(tmp_path))
    told: list[tuple[float, float]] = []
    for turn in ("first", "second"):
        told.clear()
        workspace = Workspace(cache_dir=tmp_path / turn, data_dir=tmp_path / turn)
        jobs.perform(request, workspace, Context(on_whole=lambda *whole: told.append(whole)), routes)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0.8 < shares[-1] <= 0.99
    assert told[-1][1] < told[len(told) // 4][1]
