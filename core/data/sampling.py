"""Which samples calibrate and which judge: seeded, stratified, disjoint, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.values import DataSpec

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Selection:
    """Positions in the source, in the order in which they are used."""

    calibration: np.ndarray
    judge: np.ndarray


def name_keys(names: Iterable[str]) -> np.ndarray:
    """A stable 64-bit number for each name, uint64 (n,), so that a new file moves no other."""
    digests = (hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8) for name in names)
    return np.array([int.from_bytes(digest.digest(), "little") for digest in digests], dtype=np.uint64)


def row_keys(count: int) -> np.ndarray:
    """Keys of rows that have no names: their numbers, uint64 (n,)."""
    return np.arange(count, dtype=np.uint64)


def shuffled_ranks(keys: np.ndarray, seed: int) -> np.ndarray:
    """A pseudo-random uint64 for each key and seed. Source: SplitMix64, Steele et al. 2014."""
    with np.errstate(over="ignore"):
        mixed = keys + np.uint64(seed & 0xFFFFFFFFFFFFFFFF) * np.uint64(0xD1342543DE82EF95) + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def quotas(counts: np.ndarray, wanted: int) -> np.ndarray:
    """Share `wanted` samples among strata in proportion to their sizes, int64 (strata,).

    Largest remainders round up, ties go to the first; no stratum gives more than it has.
    """
    total = int(counts.sum())
    if wanted >= total:
        return counts.astype(np.int64)
    exact = counts * (wanted / total)
    shares = np.floor(exact).astype(np.int64)
    # ties in the remainder must not depend on the last bit of a float
    order = np.argsort(-np.round(exact - shares, 9), kind="stable")
    for stratum in order[: wanted - int(shares.sum())]:
        shares[stratum] += 1
    return shares


def split_counts(total: int, calibration_wanted: int, judge_wanted: int | None) -> tuple[int, int]:
    """How many of `total` samples calibrate and judge where both come from one source.

    Where they don't suffice, calibration gets at most a third: judging needs the samples more.
    """
    judge = total if judge_wanted is None else judge_wanted
    if calibration_wanted + judge <= total:
        return calibration_wanted, judge
    calibration = min(calibration_wanted, max(total - judge, total // 3, min(total - 1, 1)))
    return calibration, min(judge, total - calibration)


def take(available: np.ndarray, strata: np.ndarray | None, ranks: np.ndarray, wanted: int) -> np.ndarray:
    """Choose `wanted` of the `available` positions by rank, stratified, in mixed order, int64.

    strata and ranks are indexed by position. Any prefix of the answer is itself nearly stratified,
    so that a limit keeps the mixture.
    """
    if strata is None:
        return available[np.argsort(ranks[available], kind="stable")][:wanted].astype(np.int64)
    groups = [available[strata[available] == stratum] for stratum in np.unique(strata[available])]
    shares = quotas(np.array([len(group) for group in groups], dtype=np.int64), wanted)
    chosen: list[tuple[float, int, int]] = []
    for stratum, (group, share) in enumerate(zip(groups, shares, strict=True)):
        best = group[np.argsort(ranks[group], kind="stable")][:share]
        chosen += [((place + 0.5) / share, stratum, int(index)) for place, index in enumerate(best)]
    chosen.sort()
    return np.array([index for _, _, index in chosen], dtype=np.int64)


def select(
    keys: np.ndarray,
    strata: np.ndarray | None,
    calibration_wanted: int,
    judge_wanted: int | None,
    seed: int,
    usable: np.ndarray | None = None,
) -> Selection:
    """Choose disjoint calibration and judging samples from one source.

    keys: uint64 (n,) from `name_keys` or `row_keys`; strata: int (n,) or None; usable: bool (n,) or None.
    """
    available = np.arange(len(keys)) if usable is None else np.flatnonzero(usable)
    calibration_count, judge_count = split_counts(len(available), calibration_wanted, judge_wanted)
    ranks = shuffled_ranks(keys, seed)
    calibration = take(available, strata, ranks, calibration_count)
    rest = np.setdiff1d(available, calibration, assume_unique=True)
    return Selection(calibration, take(rest, strata, ranks, judge_count))


def select_one(
    keys: np.ndarray,
    strata: np.ndarray | None,
    wanted: int | None,
    seed: int,
    usable: np.ndarray | None = None,
) -> np.ndarray:
    """Choose samples for a single role from a source of its own, int64."""
    available = np.arange(len(keys)) if usable is None else np.flatnonzero(usable)
    count = len(available) if wanted is None else min(wanted, len(available))
    return take(available, strata, shuffled_ranks(keys, seed), count)


def source_paths(spec: DataSpec) -> list[Path]:
    """Where the judging samples lie, and where those that calibrate do if that is elsewhere."""
    paths = [Path(spec.path)]
    if spec.calibration_path is not None and Path(spec.calibration_path).resolve() != paths[0].resolve():
        paths.append(Path(spec.calibration_path))
    return paths


def combined_sha256(hashes: list[str]) -> str:
    """One hash for several sources."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


_SMALL_FILE_BYTES = 64 << 20
_SAMPLED_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """Of a file's size and content; above 64 MB of its size, beginning and end."""
    size = path.stat().st_size
    hashed = hashlib.sha256(f"{size}\n".encode())
    with path.open("rb") as file:
        if size <= _SMALL_FILE_BYTES:
            hashed.update(file.read())
        else:
            hashed.update(file.read(_SAMPLED_BYTES))
            file.seek(size - _SAMPLED_BYTES)
            hashed.update(file.read())
    return hashed.hexdigest()
