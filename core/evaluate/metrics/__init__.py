"""The registered metrics, one a file. Adding one is adding a file that ends with ``METRICS.add(...)``."""

from __future__ import annotations

from core.evaluate.answers import Subject
from core.evaluate.metric import Metric
from core.registry import Registry, discover

METRICS: Registry[Metric] = Registry()


def metrics_for(subject: Subject) -> tuple[Metric, ...]:
    """Return the metrics for such a model, the one that counts first."""
    ranked = [(metric.rank(subject), metric) for _, metric in METRICS]
    fitting = [(rank, metric) for rank, metric in ranked if rank is not None]
    return tuple(metric for _, metric in sorted(fitting, key=lambda pair: (pair[0], pair[1].name)))


discover(__name__, __path__)
