"""AMD Quark's ONNX quantiser: its named configurations, with and without CLE, AdaRound, AdaQuant and GPTQ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import task
from quark.onnx import ModelQuantizer
from quark.onnx.quantization.config import QConfig
from quark.onnx.quantization.config.algorithm import (
    AdaQuantConfig,
    AdaRoundConfig,
    AlgoConfig,
    BiasCorrectionConfig,
    CLEConfig,
)
from quark.onnx.quantization.config.spec import (
    CalibMethod,
    Int8Spec,
    QLayerConfig,
    QuantGranularity,
    UInt8Spec,
)


def named(name: str) -> task.Configuration:
    """One of the configurations that Quark ships."""

    def make(model: Path, input_name: str, images: np.ndarray, out: Path) -> None:
        config = QConfig.get_default_config(name)
        ModelQuantizer(config).quantize_model(str(model), str(out), task.Reader(input_name, images))

    return make


def built(*algorithms: AlgoConfig, calibration: CalibMethod = CalibMethod.MinMSE) -> task.Configuration:
    """uint8 activations, int8 weights by channel, and what is to keep the accuracy."""

    def make(model: Path, input_name: str, images: np.ndarray, out: Path) -> None:
        activation = UInt8Spec(symmetric=False, calibration_method=calibration)
        weight = Int8Spec(symmetric=True, quant_granularity=QuantGranularity.Channel)
        config = QConfig(
            global_config=QLayerConfig(activation=activation, weight=weight), algo_config=list(algorithms)
        )
        ModelQuantizer(config).quantize_model(str(model), str(out), task.Reader(input_name, images))

    return make


CONFIGURATIONS = {
    "U8S8_AAWS": named("U8S8_AAWS"),
    "U8S8_AAWS_ADAROUND": named("U8S8_AAWS_ADAROUND"),
    "U8S8_AAWS_ADAQUANT": named("U8S8_AAWS_ADAQUANT"),
    "S8S8_AAWS": named("S8S8_AAWS"),
    "XINT8 (scales are powers of two)": named("XINT8"),
    "INT8_CNN_DEFAULT": named("INT8_CNN_DEFAULT"),
    "INT8_CNN_ACCURATE": named("INT8_CNN_ACCURATE"),
    "U8S8 channel": built(),
    "U8S8 channel, percentile": built(calibration=CalibMethod.Percentile),
    "U8S8 channel, CLE, bias correction": built(CLEConfig(), BiasCorrectionConfig()),
    "U8S8 channel, CLE, AdaRound": built(CLEConfig(), AdaRoundConfig(num_iterations=1000)),
    "U8S8 channel, AdaQuant": built(AdaQuantConfig(num_iterations=1000)),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "amd-quark", "onnxruntime", "torch")
