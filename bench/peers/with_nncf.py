"""NNCF's post-training quantisation of ONNX: fast and accurate bias correction, SmoothQuant, both presets."""

from __future__ import annotations

from pathlib import Path

import nncf
import numpy as np
import onnx
import task
from nncf.quantization.advanced_parameters import (
    AdvancedQuantizationParameters,
    AdvancedSmoothQuantParameters,
    OverflowFix,
)


def configuration(preset: str = "performance", fast: bool = True, **advanced: object) -> task.Configuration:
    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        data = nncf.Dataset([{name: image[None]} for image in images])
        result = nncf.quantize(
            onnx.load(model),
            data,
            preset=nncf.QuantizationPreset(preset),
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(images),
            fast_bias_correction=fast,
            advanced_parameters=AdvancedQuantizationParameters(**advanced),
        )
        onnx.save(result, out)

    return make


SMOOTH = AdvancedSmoothQuantParameters(convolution=0.5, matmul=0.5)
CONFIGURATIONS = {
    "defaults": configuration(),
    "mixed": configuration("mixed"),
    "no overflow fix": configuration(overflow_fix=OverflowFix.DISABLE),
    "mixed, no overflow fix": configuration("mixed", overflow_fix=OverflowFix.DISABLE),
    "mixed, SmoothQuant": configuration(
        "mixed", overflow_fix=OverflowFix.DISABLE, smooth_quant_alphas=SMOOTH
    ),
    "accurate bias correction": configuration(fast=False, overflow_fix=OverflowFix.DISABLE),
    "mixed, accurate bias correction": configuration("mixed", False, overflow_fix=OverflowFix.DISABLE),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "nncf", "onnxruntime", "onnx")
