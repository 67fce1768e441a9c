"""What the scores with gradients of a whole network take: seconds, and memory in multiples of its file.

    python -m bench.gradients --models build/minilm/encoder.onnx --data build/minilm/calibration.npz
        [--samples 16] [--whole]

Each model in a process of its own, whose memory is that at most meanwhile less that before. --whole: all
gradients at once on batches of eight, as smaller networks have it. Linux only; an idle machine is wanted.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from core import score_statistics
from core.context import Context
from core.data import open_data
from core.formats import open_model
from core.gradients.lazy import torch
from core.values import DataSpec


def measured(path: Path, data: str, samples: int, whole: bool) -> str:
    opened = open_model(path, Context())
    spec = DataSpec(path=data, calibration_count=samples, judge_count=8)
    source = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    torch.get_num_threads()  # it is imported when it is first asked for something
    if whole:
        score_statistics.STREAMED_BYTES = score_statistics.LARGE_BYTES = 1 << 60
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began, worked = time.perf_counter(), time.process_time()
    found = score_statistics.gradient_statistics(
        opened,
        opened.info.layers,
        lambda size: source.batches("calibration", size, samples),
        samples,
        Context(),
    )
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    most = status("VmHWM") - before
    scored = sum(each.taylor is not None for each in found.values())
    size = path.stat().st_size
    return (
        f"| {path.stem}{', all at once' if whole else ''} | {size / 1e6:.0f} | {scored} of {len(found)} | "
        f"{seconds:.1f} | {worked:.1f} | {most / 1e6:.0f} | {most / size:.1f} |"
    )


def status(field: str) -> int:
    """Bytes, as the kernel counts them."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--data", default="random")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(measured(options.models[0], options.data, options.samples, options.whole))
        return
    print("| network | MB | layers | s | core-seconds | MB at most | of the file |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for path in options.models:
        arguments = ["-m", "bench.gradients", "--one", "--models", str(path), "--data", options.data]
        arguments += ["--samples", str(options.samples), *(["--whole"] if options.whole else [])]
        subprocess.run([sys.executable, *arguments], check=True)


if __name__ == "__main__":
    main()
