"""Secateur, no setting touched, and its preset with 4-bit weights; the same task as the peers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import task

from core.compress import compress
from core.context import Context
from core.data import open_data
from core.formats import open_model
from core.presets import PRESETS
from core.values import DataSpec, Plan


def configuration(preset_name: str) -> task.Configuration:
    def make(model: Path, name: str, images: np.ndarray, out: Path) -> None:
        context = Context()
        preset = next(preset for preset in PRESETS if preset.name == preset_name)
        with tempfile.TemporaryDirectory() as folder:
            samples, one = Path(folder) / "images.npy", Path(folder) / "one.npy"
            np.save(samples, images)
            np.save(one, images[:1])
            opened = open_model(model, context)
            # as for the peers, nothing is measured while the file is made
            spec = DataSpec(path=str(one), calibration_path=str(samples), calibration_count=len(images))
            data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
            (first,) = data.batches("calibration", len(images))
            assert np.array_equal(np.sort(first.feeds[name], axis=0), np.sort(images, axis=0))
            plan = Plan(defaults=preset.defaults, methods=preset.methods)
            result = compress(opened, data, None, plan, Path(folder) / "work", None, context)
            shutil.copy(result.artefact, out)

    return make


CONFIGURATIONS = {
    "defaults": configuration("quick"),
    "W4A8, preset Balanced": configuration("balanced"),
}

if __name__ == "__main__":
    task.main(CONFIGURATIONS, "secateur", "onnxruntime")
