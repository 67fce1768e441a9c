"""AIMET for ONNX: cross-layer equalisation, AdaRound, sequential MSE; 8 and 4 bits of weight."""

from __future__ import annotations

from pathlib import Path

import aimet_onnx
import numpy as np
import onnx
import task
from aimet_onnx.cross_layer_equalization import equalize_model

ITERATIONS = 500
"""Of AdaRound for each layer; AIMET's own default is 10,000, more than an hour here."""


def configuration(
    bits: int = 8, scheme: str = "min_max", cle: bool = False, rounding: str = ""
) -> task.Configuration:
    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        network = onnx.load(model)
        if cle:
            equalize_model(network)
        feeds = [{name: batch} for batch in task.batches(images)]
        simulation = aimet_onnx.QuantizationSimModel(
            network,
            param_type=f"int{bits}",
            activation_type="int8",
            quant_scheme=scheme,
            config_file="default",
            providers=["CPUExecutionProvider"],
        )
        if rounding == "AdaRound":
            aimet_onnx.apply_adaround(simulation, feeds, num_iterations=ITERATIONS)
        elif rounding == "sequential MSE":
            aimet_onnx.apply_seq_mse(simulation, feeds)
        simulation.compute_encodings(feeds)
        onnx.save(simulation.to_onnx_qdq(prequantize_constants=True), out)

    return make


CONFIGURATIONS = {
    "defaults": configuration(),
    "W8A8, error": configuration(scheme="tf_enhanced"),
    "W8A8, CLE": configuration(cle=True),
    "W8A8, CLE, AdaRound": configuration(cle=True, rounding="AdaRound"),
    "W4A8": configuration(bits=4, scheme="tf_enhanced"),
    "W4A8, sequential MSE": configuration(bits=4, scheme="tf_enhanced", rounding="sequential MSE"),
    "W4A8, CLE, AdaRound": configuration(bits=4, scheme="tf_enhanced", cle=True, rounding="AdaRound"),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "aimet-onnx", "onnxruntime", "torch")
