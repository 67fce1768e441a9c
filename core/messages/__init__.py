"""What crosses the pipe between the window and the engine: requests in, events out.

Every message is a tagged msgspec struct, framed by `core.frames`. A request repeats which model and
data it is about, so that a restarted engine needs no history; the engine keeps what it last loaded.
"""

from __future__ import annotations

from core.messages.control import Cancel, Prefer, Shutdown
from core.messages.events import Done, Event, Failed, Log, Partial, Progress, Ready
from core.messages.looking import CompareGraphs, CoupleLayers, Inspect, InspectActivations, WeighLayers
from core.messages.measuring import (
    Analyze,
    BestCurve,
    BlamePlan,
    Evaluate,
    FindPlan,
    MeasurePlan,
    RescuePlan,
    RunBenchmark,
)
from core.messages.opening import CheckData, Describe, LayOut, OpenData, OpenModel, ReadArchitecture
from core.messages.request import InProject, OnModel, OnSamples, Request
from core.messages.results import Compare, ComparePlan, Compress, Export, TrySample
from core.values.payload import Payload

__all__ = [
    "Analyze",
    "AnyEvent",
    "AnyRequest",
    "BestCurve",
    "BlamePlan",
    "Cancel",
    "CheckData",
    "Compare",
    "CompareGraphs",
    "ComparePlan",
    "Compress",
    "CoupleLayers",
    "Describe",
    "Done",
    "Evaluate",
    "Event",
    "Export",
    "Failed",
    "FindPlan",
    "InProject",
    "Inspect",
    "InspectActivations",
    "LayOut",
    "Log",
    "MeasurePlan",
    "OnModel",
    "OnSamples",
    "OpenData",
    "OpenModel",
    "Partial",
    "Payload",
    "Prefer",
    "Progress",
    "ReadArchitecture",
    "Ready",
    "Request",
    "RescuePlan",
    "RunBenchmark",
    "Shutdown",
    "TrySample",
    "WeighLayers",
]

AnyRequest = (
    Describe
    | OpenModel
    | ReadArchitecture
    | LayOut
    | OpenData
    | CheckData
    | Analyze
    | MeasurePlan
    | BlamePlan
    | RescuePlan
    | FindPlan
    | BestCurve
    | CompareGraphs
    | CoupleLayers
    | WeighLayers
    | Inspect
    | InspectActivations
    | Evaluate
    | Compress
    | Export
    | Compare
    | ComparePlan
    | TrySample
    | RunBenchmark
    | Cancel
    | Prefer
    | Shutdown
)

AnyEvent = Ready | Progress | Partial | Done | Failed | Log
