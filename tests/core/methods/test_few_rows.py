"""Curvature from samples as they are: that of the matrix of their moments, and of numpy's inverse."""

from __future__ import annotations

import numpy as np
import pytest

from core.methods._few_rows import Curvature, FewRows
from core.methods._matrices import Form
from core.methods.hessian import Moments, inverse_diagonal

COLUMNS = 300
DENSE = Form(op="MatMul", shape=(COLUMNS, 4), groups=1, rows=4, columns=COLUMNS, transposed=True)
GROUPED = Form(op="Conv", shape=(6, COLUMNS, 1), groups=2, rows=3, columns=COLUMNS, transposed=False)


def samples(form: Form, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, groups, columns) with a mean, and a weight in its stored shape."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0.5, 1.0, (count, form.groups, form.columns)) * rng.uniform(0.2, 2.0, form.columns)
    return rows.astype(np.float32), rng.normal(size=form.shape).astype(np.float32)


def by_hand(form: Form, rows: np.ndarray, weight: np.ndarray, centred: bool) -> Curvature:
    """In float64, with whole matrices."""
    found: list[list[np.ndarray]] = []
    for group in range(form.groups):
        x = rows[:, group].astype(np.float64)
        power = (x**2).mean(axis=0)
        x = x - x.mean(axis=0) if centred else x
        hessian = x.T @ x / len(x)
        damped = hessian + 0.01 * np.diag(hessian).mean() * np.eye(len(hessian))
        own = form.matrices(weight)[group].astype(np.float64)
        energy = np.einsum("rc,cd,rd->r", own, hessian, own)
        found.append([power, np.diag(hessian), np.diag(np.linalg.inv(damped)), energy])
    power, diagonal, inverse, energy = (np.stack(parts) for parts in zip(*found, strict=True))
    return Curvature(power, diagonal, inverse, energy.reshape(-1))


@pytest.mark.parametrize("form", [DENSE, GROUPED], ids=["dense", "grouped"])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("count", [40, 400], ids=["few", "many"])
def test_as_worked_out_with_whole_matrices(form: Form, centred: bool, count: int) -> None:
    rows, weight = samples(form, count)
    gathered = FewRows(form)
    for start in range(0, count, 30):
        gathered.add(rows[start : start + 30])
    assert gathered.count == count
    found, expected = gathered.curvature(weight, 0.01, centred), by_hand(form, rows, weight, centred)
    for name in ("power", "diagonal", "inverse", "energy"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=2e-3, err_msg=name)


def test_what_is_not_finite_is_left_out() -> None:
    rows, weight = samples(DENSE, 20)
    broken = rows.copy()
    broken[3, 0, 7] = np.inf
    one, other = FewRows(DENSE), FewRows(DENSE)
    one.add(broken)
    other.add(np.delete(rows, 3, axis=0))
    assert one.count == other.count == 19
    found, expected = (each.curvature(weight, 0.01, True) for each in (one, other))
    for name in ("power", "inverse"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_few_samples_of_a_wide_layer_make_no_matrix() -> None:
    gathered = FewRows(
        Form(op="MatMul", shape=(200_000, 2), groups=1, rows=2, columns=200_000, transposed=True)
    )
    # whose moments would be 160 GB
    gathered.add(np.random.default_rng(0).normal(size=(6, 1, 200_000)).astype(np.float32))
    found = gathered.curvature(np.ones((200_000, 2), np.float32), 0.01, True)
    assert found.inverse.shape == (1, 200_000) and (found.inverse > 0).all()


def test_the_diagonal_alone_of_an_inverse() -> None:
    rows, _ = samples(DENSE, 400)
    moments = Moments(DENSE)
    moments.add(rows)
    hessian = moments.quadratic(0.01).hessian
    expected = np.diagonal(np.linalg.inv(hessian[0].astype(np.float64)))
    np.testing.assert_allclose(inverse_diagonal(hessian.copy())[0], expected, rtol=1e-3)
    # no Cholesky factor: the usual way
    indefinite = hessian.copy()
    indefinite[0, 100, 100] = -1.0
    expected = np.diagonal(np.linalg.inv(indefinite[0].astype(np.float64)))
    np.testing.assert_allclose(inverse_diagonal(indefinite)[0], expected, rtol=1e-2)
