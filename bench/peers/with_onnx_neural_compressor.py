"""onnx-neural-compressor (Intel's quantiser for onnxruntime): static, by channel or tensor, SmoothQuant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import task
from onnx_neural_compressor.data_reader import CalibrationDataReader
from onnx_neural_compressor.quantization import (
    CalibrationMethod,
    QuantFormat,
    QuantType,
    config,
    quantize,
)


class Reader(task.Reader, CalibrationDataReader):
    """Checked by type there."""


def configuration(
    form: QuantFormat = QuantFormat.QDQ,
    per_channel: bool = True,
    calibration: CalibrationMethod = CalibrationMethod.MinMax,
    alpha: float | None = None,
) -> task.Configuration:
    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        options = {
            "calibration_data_reader": Reader(name, images),
            "calibrate_method": calibration,
            "quant_format": form,
            "activation_type": QuantType.QUInt8,
            "weight_type": QuantType.QInt8,
            "per_channel": per_channel,
            "calibration_sampling_size": len(images),
        }
        if alpha is not None:
            options["extra_options"] = {"SmoothQuant": True, "SmoothQuantAlpha": alpha}
        quantize(str(model), str(out), config.StaticQuantConfig(**options))

    return make


CONFIGURATIONS = {
    "U8S8 channel QDQ": configuration(),
    "U8S8 tensor QDQ": configuration(per_channel=False),
    "U8S8 channel QOperator": configuration(QuantFormat.QOperator),
    "U8S8 channel QDQ, percentile": configuration(calibration=CalibrationMethod.Percentile),
    "U8S8 channel QDQ, entropy": configuration(calibration=CalibrationMethod.Entropy),
    "U8S8 channel QDQ, SmoothQuant": configuration(alpha=0.5),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "onnx-neural-compressor", "onnxruntime", "onnx")
