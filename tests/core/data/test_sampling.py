import numpy as np
import pytest

from core.data import sampling


def test_quotas_follow_the_sizes_and_round_by_largest_remainder() -> None:
    # 10 of (50, 30, 20): 5, 3, 2 exactly
    assert sampling.quotas(np.array([50, 30, 20]), 10).tolist() == [5, 3, 2]
    # 4 of (5, 5, 5): 1.33 each, the one left goes to the first
    assert sampling.quotas(np.array([5, 5, 5]), 4).tolist() == [2, 1, 1]
    # 3 of (7, 2, 1): 2.1, 0.6, 0.3 -> floors 2, 0, 0, the one left to the largest remainder
    assert sampling.quotas(np.array([7, 2, 1]), 3).tolist() == [2, 1, 0]
    assert sampling.quotas(np.array([2, 1]), 9).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("total", "wanted", "judged", "expected"),
    [
        (2000, 256, 1000, (256, 1000)),
        (1000, 256, 1000, (256, 744)),  # a third would be 333: the 256 wanted are less
        (90, 256, 1000, (30, 60)),
        (300, 256, 150, (150, 150)),  # what judging leaves
        (300, 256, None, (100, 200)),
        (10, 0, None, (0, 10)),
        (2, 256, 1000, (1, 1)),
        (1, 256, 1000, (0, 1)),
    ],
)
def test_scarce_samples_are_shared_between_the_roles(
    total: int, wanted: int, judged: int | None, expected: tuple[int, int]
) -> None:
    assert sampling.split_counts(total, wanted, judged) == expected


def test_selection_is_stratified_exactly_and_disjoint() -> None:
    strata = np.array([0] * 60 + [1] * 30 + [2] * 10)
    keys = sampling.row_keys(100)
    chosen = sampling.select(keys, strata, 20, 50, seed=7)
    assert np.bincount(strata[chosen.calibration]).tolist() == [12, 6, 2]
    # 80 are left as 48, 24, 8: 50 of them are 30, 15, 5
    assert np.bincount(strata[chosen.judge]).tolist() == [30, 15, 5]
    assert not set(chosen.calibration) & set(chosen.judge)
    assert len(set(chosen.judge)) == 50


def test_any_prefix_keeps_the_mixture() -> None:
    strata = np.array([0] * 60 + [1] * 30)
    chosen = sampling.select_one(sampling.row_keys(90), strata, 90, seed=0)
    assert np.bincount(strata[chosen[:9]]).tolist() == [6, 3]
    assert np.bincount(strata[chosen[:30]]).tolist() == [20, 10]


def test_the_same_seed_gives_the_same_and_another_one_others() -> None:
    keys = sampling.name_keys(f"cat/{number:03}.jpg" for number in range(50))
    first = sampling.select(keys, None, 10, 10, seed=3)
    again = sampling.select(keys, None, 10, 10, seed=3)
    other = sampling.select(keys, None, 10, 10, seed=4)
    assert first.judge.tolist() == again.judge.tolist()
    assert first.calibration.tolist() == again.calibration.tolist()
    assert first.judge.tolist() != other.judge.tolist()


def test_ranks_are_those_of_splitmix64() -> None:
    # the first outputs of SplitMix64 from state 0, from the reference implementation
    golden = 0x9E3779B97F4A7C15
    keys = np.array([0, golden], dtype=np.uint64)
    assert sampling.shuffled_ranks(keys, 0).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_a_new_file_moves_no_other() -> None:
    names = [f"{number:03}.jpg" for number in range(40)]
    before = sampling.select_one(sampling.name_keys(names), None, 10, 0)
    more = ["0000.jpg", *names]
    after = sampling.select_one(sampling.name_keys(more), None, 10, 0)
    kept = {names[i] for i in before} & {more[i] for i in after}
    assert len(kept) >= 9


def test_unusable_samples_are_never_chosen() -> None:
    usable = np.array([True, False] * 10)
    chosen = sampling.select(sampling.row_keys(20), None, 3, 7, 0, usable)
    assert sorted([*chosen.calibration, *chosen.judge]) == list(range(0, 20, 2))
