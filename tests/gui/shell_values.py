"""Small values that stand for an open model, its data and a finished run."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.values import DataInfo, DataSpec, Layer, Measurement, ModelInfo, Outcome, Plan, Preprocess, Result


def make_model(path: str = "/models/tiny.onnx") -> ModelInfo:
    layers = tuple(
        Layer(
            id=name, label=name, op="Conv", kind="Conv 3×3", weights=(f"{name}.weight",),
            shape=(8, 4, 3, 3), out_channels=8, in_channels=4, params=288, bytes=1152, macs=1000,
        )
        for name in ("stem", "middle", "head")
    )  # fmt: skip
    return ModelInfo(
        path=path, name=Path(path).name, sha256="a", size_bytes=4000, opset=17, ir_version=8,
        layers=layers, params=864,
    )  # fmt: skip


def make_data(png: bytes = b"", **changes: object) -> DataInfo:
    info = DataInfo(
        spec=DataSpec(
            path="/data/pets",
            kind="images",
            preprocess=Preprocess(mean=(0.0,), std=(255.0,), layout="NCHW", color="RGB"),
        ),
        sha256="d",
        kind="images",
        task="classification",
        sample_count=5000,
        calibration_count=256,
        judge_count=1000,
        class_names=("cat", "dog"),
        preview_png=(png,) if png else (),
        preview_labels=("cat",) if png else (),
    )
    return msgspec.structs.replace(info, **changes)


def make_result(plan: Plan) -> Result:
    accuracy = Measurement(metric="top1", value=90.5, low=89.0, high=92.0, count=1000, unit="%")
    return Result(
        artefact="/tmp/out.onnx",
        sha256="r",
        plan=plan,
        before=Outcome(measurements=(accuracy,), size_bytes=4000),
        after=Outcome(measurements=(accuracy,), size_bytes=1000),
    )
