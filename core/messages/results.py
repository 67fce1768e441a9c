"""Requests that carry a plan out, and about what came of it."""

from __future__ import annotations

from core.messages.request import InProject, OnSamples, Request
from core.values import DataSpec, Outcome, OwnSample, Plan, Result, RunPoint


class Compress(InProject, frozen=True, kw_only=True, tag=True):
    """-> Result; RunPoint as Partial after each layer."""

    data: DataSpec | None
    plan: Plan
    judge_steps: bool = True
    step_samples: int = 1000
    """Judging samples for the accuracy after each layer."""


class Export(InProject, frozen=True, kw_only=True, tag=True):
    """-> Exported. Writes beside the destination, verifies, then moves into place."""

    result: Result
    data: DataSpec | None
    destination: str
    report: bool = True
    """Also the account of it, as a page in `language`: with the run's points and what was expected of it."""
    language: str = "en"
    points: tuple[RunPoint, ...] = ()
    expected: Outcome | None = None


class Compare(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> Comparison of a result's file with the original on the judging samples; so far as Partial."""

    artefact: str
    sha256: str


class ComparePlan(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> Comparison of a plan that was not run with the original; PlanMeasured and what is so far as Partial.

    The network is made as `MeasurePlan` makes it: layers by themselves, put together.
    """

    plan: Plan
    samples: int = 512


class TrySample(Request, frozen=True, kw_only=True, tag=True):
    """-> Tried: a sample of the person's own, seen by the original and by a result, or a plan's network."""

    model: str
    data: DataSpec
    artefact: str
    sample: OwnSample
    plan: Plan | None = None
    """Of a plan that was not run; `artefact` is empty then."""
