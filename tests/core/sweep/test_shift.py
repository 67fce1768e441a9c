"""Vectors of moved answers: their squares and products against divergences worked out from probabilities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest

from core.context import Context
from core.evaluate.answers import Subject, log_probabilities
from core.evaluate.judge import Judge
from core.sweep.figures import Tally
from core.sweep.samples import FIRST, Samples, draw
from core.sweep.shift import LENGTH, drawing, folded, moved_by, noise_of

NUMBERS = Subject(task="regression", output=0)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def divergence(logits: np.ndarray, changed: np.ndarray) -> float:
    p, q = softmax(logits), softmax(changed)
    return float((p * np.log(p / q)).sum(axis=1).mean())


def test_the_square_is_the_divergence_also_of_two_changes_at_once() -> None:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((200, 6))
    common = rng.standard_normal(6)  # what both do: they favour the same classes
    one = 0.05 * (rng.standard_normal((200, 6)) + common)
    other = 0.05 * (rng.standard_normal((200, 6)) + common)
    before = np.log(softmax(logits))
    a, b = (moved_by(np.log(softmax(logits + change)), before) for change in (one, other))
    assert (a**2).sum() / 200 == pytest.approx(divergence(logits, logits + one), rel=0.05)
    together = divergence(logits, logits + one + other)
    assert ((a + b) ** 2).sum() / 200 == pytest.approx(together, rel=0.05)
    apart = divergence(logits, logits + one) + divergence(logits, logits + other)
    assert together > 1.3 * apart  # so adding them up would be far off


def test_probabilities_move_as_their_logits_do() -> None:
    rng = np.random.default_rng(1)
    logits, noise = rng.standard_normal((20, 6)), 0.1 * rng.standard_normal((20, 6))
    of_logits = Subject(task="classification", output=0, classes=6)
    of_them = replace(of_logits, probabilities=True)
    found = moved_by(*(log_probabilities(softmax(each), of_them) for each in (logits + noise, logits)))
    expected = moved_by(*(log_probabilities(each, of_logits) for each in (logits + noise, logits)))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_where_there_are_no_classes_the_noise_itself_is_the_vector() -> None:
    original = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    changed = original + np.array([[[1], [0], [0]], [[0], [2], [np.nan]]], np.float32)
    assert noise_of(changed, original, NUMBERS).tolist() == [[1, 0, 0], [0, 2, 0]]


def test_folding_keeps_lengths_and_products() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.standard_normal((2, 20_000))
    other = 0.6 * one + 0.8 * other
    a, b = folded(one), folded(other)
    assert len(a) == LENGTH
    lengths = np.sqrt((one @ one) * (other @ other))
    for kept, true in ((a @ a, one @ one), (b @ b, other @ other), (a @ b, one @ other)):
        assert abs(kept - true) < 4 / np.sqrt(LENGTH) * lengths
    assert folded(one[:LENGTH]) is not one and folded(one[:LENGTH]).tolist() == one[:LENGTH].tolist()


def of_what_if(judge: Judge, samples: Samples, answers: np.ndarray, pieces: int) -> np.ndarray | None:
    tally = Tally(judge, samples, shifts=True)
    for position, piece in enumerate(samples.pieces[:pieces]):
        tally.add(position, answers[piece.rows])
    shift = tally.figures().shift
    if shift is None:
        return None
    assert shift[:4] == drawing(samples)
    return np.frombuffer(shift, np.float16, offset=4).astype(np.float64)


def test_a_what_if_says_its_way_from_its_first_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((5, 8)).astype(np.float32)
    x = rng.standard_normal((512, 8)).astype(np.float32)
    answers = x @ weight.T
    path = networks.written(networks.dense(weight), tmp_path)
    data = networks.ArrayData({"x": x}, labels=answers.argmax(1), task="classification")
    judge = Judge(path, data, Context())
    samples = draw(judge, 512)
    noise = 0.1 * rng.standard_normal(answers.shape).astype(np.float32)
    assert drawing(draw(judge, 512)) == drawing(samples) != drawing(draw(judge, 256))
    way = of_what_if(judge, samples, answers + noise, 1)
    assert way is not None and len(way) == FIRST * 5
    assert np.sqrt(way @ way) == pytest.approx(1, abs=2e-3)
    more = of_what_if(judge, samples, answers + noise, 4)
    assert more is not None and more.tolist() == way.tolist()
    twice = of_what_if(judge, samples, answers + 2 * noise, 1)
    against = of_what_if(judge, samples, answers - noise, 1)
    assert twice is not None and way @ twice == pytest.approx(1, abs=0.01)
    assert against is not None and way @ against == pytest.approx(-1, abs=0.01)
    assert of_what_if(judge, samples, answers, 1) is None or judge.subject.probabilities
    assert Tally(judge, samples)._shift is None
