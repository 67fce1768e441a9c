"""neural-compressor 2.6, the last one that quantises ONNX: its defaults, QDQ, SmoothQuant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import task
from neural_compressor import PostTrainingQuantConfig, quantization


class Loader:
    """What it takes for a data loader: batches of (input, label); there are no labels."""

    def __init__(self, images: np.ndarray) -> None:
        self.batch_size = task.BATCH
        self._images = images

    def __iter__(self):  # type: ignore[no-untyped-def]
        return ((batch, np.zeros(len(batch), np.int64)) for batch in task.batches(self._images))


def configuration(**options: object) -> task.Configuration:
    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        settings = PostTrainingQuantConfig(
            backend="default",
            quant_format=options.pop("quant_format", "QDQ"),
            calibration_sampling_size=[len(images)],
            **options,
        )
        result = quantization.fit(str(model), settings, calib_dataloader=Loader(images))
        result.save(str(out))

    return make


CONFIGURATIONS = {
    "defaults (QOperator)": configuration(quant_format="default"),
    "QDQ": configuration(),
    "QDQ, SmoothQuant": configuration(recipes={"smooth_quant": True, "smooth_quant_args": {"alpha": 0.5}}),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "neural-compressor", "onnxruntime", "onnx")
