"""Every value that an engine may answer with."""

from __future__ import annotations

from core.values import (
    ActivationView,
    Analysis,
    Benchmark,
    BestPlan,
    BestPlans,
    Blame,
    Catalogue,
    Comparison,
    Couplings,
    DamageLink,
    DataCheck,
    DataInfo,
    Exported,
    Foreign,
    GiveBack,
    Graph,
    GraphGroups,
    LatencyTable,
    LayerView,
    ModelInfo,
    Networks,
    Outcome,
    PlanMeasured,
    Rescue,
    Result,
    RunPoint,
    SensitivityPoint,
    SideBySide,
    Timings,
    TrainingPoint,
    Tried,
    WeightFigures,
    Wiring,
)

Payload = (
    Catalogue
    | ModelInfo
    | Foreign
    | Networks
    | Graph
    | GraphGroups
    | Wiring
    | Couplings
    | DataInfo
    | DataCheck
    | Outcome
    | Timings
    | LatencyTable
    | SensitivityPoint
    | DamageLink
    | Analysis
    | LayerView
    | ActivationView
    | SideBySide
    | WeightFigures
    | RunPoint
    | TrainingPoint
    | PlanMeasured
    | GiveBack
    | Blame
    | Rescue
    | BestPlan
    | BestPlans
    | Result
    | Exported
    | Comparison
    | Tried
    | Benchmark
)
