"""onnxruntime.quantization: quantize_static in all its forms; all its calibrations for the fastest types."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import task
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

TYPES = {
    "U8S8": (QuantType.QUInt8, QuantType.QInt8),
    "S8S8": (QuantType.QInt8, QuantType.QInt8),
    "U8U8": (QuantType.QUInt8, QuantType.QUInt8),
}
CALIBRATIONS = {
    "MinMax": CalibrationMethod.MinMax,
    "Entropy": CalibrationMethod.Entropy,
    "Percentile": CalibrationMethod.Percentile,
}


def configuration(types: str, per_channel: bool, form: QuantFormat, calibration: str) -> task.Configuration:
    activation, weight = TYPES[types]

    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(str(model), str(prepared))
            quantize_static(
                str(prepared),
                str(out),
                task.Reader(name, images),
                quant_format=form,
                per_channel=per_channel,
                activation_type=activation,
                weight_type=weight,
                calibrate_method=CALIBRATIONS[calibration],
            )

    return make


CONFIGURATIONS = {
    f"{types} {'channel' if per_channel else 'tensor'} {form.name} {calibration}": configuration(
        types, per_channel, form, calibration
    )
    for calibration in CALIBRATIONS
    for types in (TYPES if calibration == "MinMax" else ("U8S8",))
    for per_channel in (True, False)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator)
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "onnxruntime")
