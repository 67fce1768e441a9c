"""The frozen values that cross between window, engine, project file and command line.

One definition serves the pipe (msgpack), the project file, ``--json`` output and plan files.
Sentences for a person are `Text`: an English template plus its parameters, so that the window can
translate the template. Units stand in the names; formatting is the views' business.
"""

from core.values.base import Array, Text, Value, digest, text
from core.values.best import BestPlan, BestPlans, Goal
from core.values.blame import Blame, GiveBack, Rescue
from core.values.card import ModelCard, card_in
from core.values.catalogue import Catalogue, Choice, Described, Parameter, Preset, StepInfo
from core.values.compared import Answer, ChangedSample, ClassChange, Comparison, MarkedBox, Marks, Tried
from core.values.connected import CoupledChannels, Couplings, Wiring
from core.values.data import DataCheck, DataInfo, DataSpec, LabelOrder, Preprocess, PreprocessScore, Task
from core.values.inspected import QUANTILES, ActivationView, ChannelRanges
from core.values.measured import (
    Analysis,
    DamageLink,
    Latency,
    LayerTime,
    LayerView,
    LayerWeights,
    Measurement,
    Outcome,
    SensitivityPoint,
    Timings,
    WeightFigures,
)
from core.values.model import (
    Counterpart,
    Graph,
    GraphEdge,
    GraphGroup,
    GraphGroups,
    GraphNode,
    Layer,
    ModelInfo,
    SideBySide,
    TensorInfo,
)
from core.values.origin import Foreign, InputSize, Networks, Origin, Recipe, sizes_line, sizes_of
from core.values.own import OwnField, OwnForm, OwnSample
from core.values.plan import FLOAT_BITS, HALF_BITS, NO_CHANGE, LayerPlan, Plan, stored_bits
from core.values.run import (
    Benchmark,
    BenchmarkRow,
    Exported,
    LayerReport,
    PlanMeasured,
    Result,
    RunPoint,
    TrainingPoint,
)
from core.values.timing import KernelTime, LatencyTable, TimedNode

__all__ = [
    "FLOAT_BITS",
    "HALF_BITS",
    "NO_CHANGE",
    "QUANTILES",
    "ActivationView",
    "Analysis",
    "Answer",
    "Array",
    "Benchmark",
    "BenchmarkRow",
    "BestPlan",
    "BestPlans",
    "Blame",
    "Catalogue",
    "ChangedSample",
    "ChannelRanges",
    "Choice",
    "ClassChange",
    "Comparison",
    "Counterpart",
    "CoupledChannels",
    "Couplings",
    "DamageLink",
    "DataCheck",
    "DataInfo",
    "DataSpec",
    "Described",
    "Exported",
    "Foreign",
    "GiveBack",
    "Goal",
    "Graph",
    "GraphEdge",
    "GraphGroup",
    "GraphGroups",
    "GraphNode",
    "InputSize",
    "KernelTime",
    "LabelOrder",
    "Latency",
    "LatencyTable",
    "Layer",
    "LayerPlan",
    "LayerReport",
    "LayerTime",
    "LayerView",
    "LayerWeights",
    "MarkedBox",
    "Marks",
    "Measurement",
    "ModelCard",
    "ModelInfo",
    "Networks",
    "Origin",
    "Outcome",
    "OwnField",
    "OwnForm",
    "OwnSample",
    "Parameter",
    "Plan",
    "PlanMeasured",
    "Preprocess",
    "PreprocessScore",
    "Preset",
    "Recipe",
    "Rescue",
    "Result",
    "RunPoint",
    "SensitivityPoint",
    "SideBySide",
    "StepInfo",
    "Task",
    "TensorInfo",
    "Text",
    "TimedNode",
    "Timings",
    "TrainingPoint",
    "Tried",
    "Value",
    "WeightFigures",
    "Wiring",
    "card_in",
    "digest",
    "sizes_line",
    "sizes_of",
    "stored_bits",
    "text",
]
