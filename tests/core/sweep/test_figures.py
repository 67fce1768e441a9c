"""Figures from a part of the samples: right on average, and as uncertain as they say."""

from __future__ import annotations

import itertools
from pathlib import Path

import networks
import numpy as np
import pytest

from core.context import Context
from core.evaluate.judge import Judge
from core.predict import bent
from core.sweep.figures import Tally, chances
from core.sweep.link import PRIOR, prior_link
from core.sweep.samples import FIRST, Samples, draw
from core.values import DamageLink

COUNT = 512
CLASSES = 5


def judge_with_labels(folder: Path, seed: int = 0) -> tuple[Judge, np.ndarray]:
    """A linear classifier that is right on most samples; and its answers in order."""
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((CLASSES, 8)).astype(np.float32)
    x = rng.standard_normal((COUNT, 8)).astype(np.float32)
    answers = x @ weight.T
    labels = (answers + 1.5 * rng.standard_normal(answers.shape)).argmax(1)
    path = networks.written(networks.dense(weight), folder)
    data = networks.ArrayData({"x": x}, labels=labels, task="classification")
    return Judge(path, data, Context()), answers


def told(judge: Judge, samples: Samples, answers: np.ndarray, pieces: int) -> Tally:
    tally = Tally(judge, samples)
    for position, piece in enumerate(samples.pieces[:pieces]):
        tally.add(position, answers[piece.rows])
    return tally


def test_samples_on_the_edge_come_early_and_none_is_lost(tmp_path: Path) -> None:
    judge, answers = judge_with_labels(tmp_path)
    samples = draw(judge, COUNT)
    rows = np.concatenate([piece.rows for piece in samples.pieces])
    assert sorted(rows) == list(range(COUNT))
    assert len(samples.pieces[0].rows) == FIRST
    labels = np.concatenate([batch.labels for batch, _ in judge.pairs() if batch.labels is not None])
    own = answers[np.arange(COUNT), labels]
    others = np.where(np.eye(CLASSES, dtype=bool)[labels], -np.inf, answers).max(1)
    np.testing.assert_allclose(samples.margins, own - others, atol=1e-4)
    early, late = np.abs(own - others)[rows[:128]], np.abs(own - others)[rows[-128:]]
    assert np.median(early) < 0.5 * np.median(late)
    piece = samples.pieces[3]
    np.testing.assert_allclose(piece.answers, answers[piece.rows], atol=1e-4)
    assert piece.labels is not None and (piece.labels == labels[piece.rows]).all()


def test_all_samples_give_the_judges_own_figures(tmp_path: Path) -> None:
    judge, answers = judge_with_labels(tmp_path)
    samples = draw(judge, COUNT)
    noisy = answers + np.random.default_rng(5).standard_normal(answers.shape).astype(np.float32)
    figures = told(judge, samples, noisy, len(samples.pieces)).figures()
    order = iter(np.split(noisy, range(judge.batch_size, COUNT, judge.batch_size)))
    expected = judge.measure_run(lambda feeds: [next(order)], Context())
    assert figures.enough
    assert figures.loss == pytest.approx(expected.loss)
    assert (figures.loss_low, figures.loss_high) == pytest.approx((expected.loss_low, expected.loss_high))
    assert figures.damage == pytest.approx(expected.kl)


@pytest.mark.parametrize("strength", [0.02, 0.3, 1.0, 4.0])
def test_a_part_of_the_samples_says_what_all_say_within_its_interval(tmp_path: Path, strength: float) -> None:
    judge, answers = judge_with_labels(tmp_path)
    within = damages = 0
    errors = []
    rounds = 40
    for seed in range(rounds):
        samples = draw(judge, COUNT, seed)
        noise = np.random.default_rng(seed).standard_normal(answers.shape).astype(np.float32)
        changed = answers + strength * noise
        part = told(judge, samples, changed, 6).figures()
        whole = told(judge, samples, changed, len(samples.pieces)).figures()
        assert part.measurement.count == 128 and part.loss_low is not None and part.loss_high is not None
        within += part.loss_low <= whole.loss <= part.loss_high
        damages += part.damage_low <= whole.damage <= part.damage_high
        errors.append(part.loss - whole.loss)
    assert within >= 0.9 * rounds
    assert damages >= 0.85 * rounds
    # right on average: the mean error is within three of its own standard errors, and small
    assert abs(np.mean(errors)) <= 3 * np.std(errors) / np.sqrt(rounds) + 0.05


def test_chances_follow_the_line_through_the_margins() -> None:
    margins = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    rows = np.array([1, 3, 5])
    # exactly new = old − 0.5, no scatter: who is ahead by less than a half now errs
    found = chances(margins, rows, margins[rows] - 0.5)
    np.testing.assert_allclose(found, [0, 0, 0, 1, 1, 1], atol=1e-6)


def test_a_link_lies_between_its_knots() -> None:
    link = DamageLink(damages=(0.0, 0.01, 1.0), losses=(0.0, 1.0, 5.0), spreads=(0.1, 0.1, 0.1))
    assert link.loss(0.0) == 0.0
    assert link.loss(0.005) == pytest.approx(0.5)  # in proportion below the first
    assert link.loss(0.1) == pytest.approx(3.0)  # half-way on the logarithm
    assert link.loss(50.0) == 5.0


def test_a_link_of_answers_that_weak_noise_leaves_as_they_are(tmp_path: Path) -> None:
    """As of a deep network with random weights: logits in the thousands."""
    rng = np.random.default_rng(3)
    weight = 1000 * rng.standard_normal((CLASSES, 8)).astype(np.float32)
    data = networks.ArrayData({"x": rng.standard_normal((64, 8)).astype(np.float32)})
    judge = Judge(networks.written(networks.dense(weight), tmp_path), data, Context())
    judge_samples = draw(judge, 64)
    sure = np.concatenate([piece.answers for piece in judge_samples.pieces])
    assert np.ptp(sure) > 1000
    prior = prior_link(judge, judge_samples)
    assert prior.damages[0] == 0.0 < prior.damages[1]
    assert all(a <= b for a, b in itertools.pairwise(prior.damages))
    for link in (prior, bent(prior, [(0.1, 1.0)], PRIOR)):
        assert all(np.isfinite(link.loss(damage)) for damage in (0.0, 1e-12, 1e-6, 0.1, 100.0))
    # one that was kept before with several zeros
    old = DamageLink(damages=(0.0, 0.0, 0.0, 1.0), losses=(0.0, 0.0, 0.0, 2.0), spreads=(0.1,) * 4)
    assert old.loss(0.5) == pytest.approx(1.0)


def test_noise_gives_a_rising_link_and_measurements_bend_it(tmp_path: Path) -> None:
    judge, answers = judge_with_labels(tmp_path)
    samples = draw(judge, COUNT)
    prior = prior_link(judge, samples)
    assert prior.losses[0] == 0.0 and list(prior.losses) == sorted(prior.losses)
    assert prior.losses[-1] > 30  # nothing but noise: chance is 20 %
    # what real noise of that damage does, by hand
    noise = np.random.default_rng(77).standard_normal(answers.shape).astype(np.float32)
    real = told(judge, samples, answers + 0.7 * noise * answers.std(), len(samples.pieces)).figures()
    assert prior.loss(real.damage) == pytest.approx(real.loss, abs=3.0)

    assert bent(prior, [], PRIOR) == prior
    twice = bent(prior, [(0.1, 2 * prior.loss(0.1))] * 50, PRIOR)
    assert prior.loss(0.1) * 1.5 < twice.loss(0.1) <= 2.05 * prior.loss(0.1)
    assert list(twice.losses) == sorted(twice.losses)
