"""A sentence encoder of MiniLM's size in 4-bit blocks and in 8 bits, beside onnxruntime's own quantisers.

    python -m bench.minilm --work build/minilm [--rounds 60] [--threads 1] [--only TEXT ...] [--json]

6 layers, 384 wide, 12 heads, 30,522 words, 22.6 million numbers; random weights with a few strong channels,
as trained encoders have them. All files are judged on the same 64 random sequences of 128 words, in one run:
bytes, the latency of one sequence with all files in turns, and the cosine of each word's output and of each
sequence's mean with the original's. 64 other sequences calibrate. What was made is kept in --work.
Architecture: Wang et al. 2020, "MiniLM"; Reimers & Gurevych 2019.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from core.compress import compress
from core.context import Context
from core.data import open_data
from core.formats import open_model
from core.values import DataSpec, LayerPlan, Plan

WORDS, WIDTH, HEADS, LAYERS, INNER, LENGTH = 30_522, 384, 12, 6, 1536, 128
SEQUENCES = 64
BLOCK = 32


@dataclass
class Row:
    """A file and what it is worth."""

    name: str
    path: Path
    bytes: int = 0
    ms: float = 0.0
    word_cosine: float = 1.0
    """Mean over all words."""
    worst_cosine: float = 1.0
    """The lowest of a hundred words."""
    mean_cosine: float = 1.0
    """Of the sequences' means, which is what searches compare."""
    seconds: float = 0.0
    """To make it."""


class Attention(nn.Module):
    """As exporters leave it: products, a scale, an added mask, a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        def heads(projected: Tensor) -> Tensor:
            return projected.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)

        scores = heads(self.query(x)) @ heads(self.key(x)).transpose(2, 3) / (WIDTH // HEADS) ** 0.5
        mixed = (scores + mask).softmax(-1) @ heads(self.value(x))
        return self.out(mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], WIDTH))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.norm1, self.norm2 = Attention(), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.down(nn.functional.gelu(self.up(x))))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(512, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        places = torch.arange(input_ids.shape[1]).unsqueeze(0)
        x = self.norm(self.words(input_ids) + self.places(places))
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -10_000.0
        for layer in self.layers:
            x = layer(x, mask)
        return x


def drawn() -> Encoder:
    """Random weights from a fixed seed; in each normalisation six channels are several times as strong."""
    generator = torch.Generator().manual_seed(0)
    encoder = Encoder()
    with torch.no_grad():
        for part in encoder.modules():
            if isinstance(part, nn.Linear):
                size = 1.5 / part.in_features**0.5
                part.weight.normal_(0, size, generator=generator)
                part.bias.normal_(0, 0.05, generator=generator)
            elif isinstance(part, nn.LayerNorm):
                part.weight.uniform_(0.6, 1.2, generator=generator)
                strong = torch.randperm(WIDTH, generator=generator)[:6]
                part.weight[strong] *= 4.0
                part.bias.normal_(0, 0.1, generator=generator)
    return encoder.eval()


def export(path: Path) -> None:
    """Write the encoder with open numbers of sequences and of words."""
    example = (torch.zeros(1, LENGTH, dtype=torch.int64), torch.ones(1, LENGTH, dtype=torch.int64))
    axes = {0: "sequences", 1: "words"}
    names = ["input_ids", "attention_mask"]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            drawn(),
            example,
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*names, "last_hidden_state"), axes),
        )


def sequences(path: Path) -> None:
    """Words by Zipf's law, the last quarter of every other sequence masked."""
    rng = np.random.default_rng(0)
    for role in ("calibration", "judging"):
        words = np.minimum(rng.zipf(1.3, (SEQUENCES, LENGTH)), WORDS - 1).astype(np.int64)
        mask = np.ones_like(words)
        mask[::2, 3 * LENGTH // 4 :] = 0
        np.savez(path / f"{role}.npz", input_ids=words, attention_mask=mask)


# ---------------------------------------------------------------- ways to make a file


def ours(plan: Plan) -> Callable[[Path, Path], None]:
    def make(source: Path, out: Path) -> None:
        context = Context()
        opened = open_model(source, context)
        spec = DataSpec(
            path=str(source.parent / "judging.npz"),
            calibration_path=str(source.parent / "calibration.npz"),
            calibration_count=SEQUENCES,
        )
        data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
        result = compress(opened, data, None, plan, out.parent / "parts", None, context)
        shutil.move(result.artefact, out)

    return make


def blocks(**settings: Any) -> Callable[[Path, Path], None]:
    """onnxruntime's MatMulNBits, rounded to nearest."""

    def make(source: Path, out: Path) -> None:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(str(source), bits=4, block_size=BLOCK, accuracy_level=4, **settings)
        quantizer.process()
        quantizer.model.save_model_to_file(str(out), use_external_data_format=False)

    return make


def dynamic(source: Path, out: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, out, weight_type=QuantType.QInt8, per_channel=True)


def four_bits(use: str, methods: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any) -> Plan:
    defaults = LayerPlan(weight_bits=4, granularity="block", block_size=BLOCK, **settings)
    return Plan(defaults=defaults, methods={"matmul_nbits": {"use": use}, **(methods or {})})


OFF = {"compensate": {"on": False}, "match_statistics": {"on": False}}
WAYS: dict[str, Callable[[Path, Path], None]] = {
    "Secateur, 4-bit blocks": ours(four_bits("always")),
    "Secateur, 4-bit blocks, asymmetric": ours(four_bits("always", symmetric=False)),
    "Secateur, 4-bit blocks, as rounded": ours(four_bits("always", OFF)),
    "Secateur, 4-bit blocks where faster": ours(four_bits("auto")),
    "Secateur, W8A8": ours(Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))),
    "onnxruntime, MatMulNBits": blocks(is_symmetric=True),
    "onnxruntime, MatMulNBits, asymmetric": blocks(is_symmetric=False),
    "onnxruntime, MatMulNBits and tables": blocks(
        is_symmetric=True,
        op_types_to_quantize=("MatMul", "Gather"),
        quant_axes=(("MatMul", 0), ("Gather", 1)),
    ),
    "onnxruntime, quantize_dynamic": dynamic,
}

# ---------------------------------------------------------------- judging


def session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of vectors along the last axis."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray((a * b).sum(axis=-1) / np.maximum(norms, 1e-12))


def judge(rows: list[Row], data: Path, threads: int, rounds: int) -> None:
    """Fill in the rows; the first one is the original."""
    with np.load(data) as arrays:
        feeds = {name: arrays[name] for name in ("input_ids", "attention_mask")}
    shown = feeds["attention_mask"] > 0
    sessions = [session(row.path, threads) for row in rows]
    reference: np.ndarray | None = None
    for row, each in zip(rows, sessions, strict=True):
        row.bytes = row.path.stat().st_size
        parts = [
            each.run(None, {name: array[start : start + 8] for name, array in feeds.items()})[0]
            for start in range(0, SEQUENCES, 8)
        ]
        answers = np.concatenate(parts)
        if reference is None:
            reference = answers
            continue
        words = cosines(answers, reference)[shown]
        row.word_cosine, row.worst_cosine = float(words.mean()), float(np.percentile(words, 1))
        weights = shown[..., None] / shown.sum(axis=1)[:, None, None]
        means = cosines((answers * weights).sum(axis=1), (reference * weights).sum(axis=1))
        row.mean_cosine = float(means.mean())
    one = {name: array[1:2] for name, array in feeds.items()}
    times = np.zeros((rounds, len(rows)))
    rng = np.random.default_rng(0)
    for turn in range(rounds):
        # who runs after a file that fills the cache is slower, so the order changes every time
        for column in rng.permutation(len(rows)):
            start = time.perf_counter()
            sessions[column].run(None, one)
            times[turn, column] = 1000 * (time.perf_counter() - start)
    for row, median in zip(rows, np.median(times[rounds // 10 :], axis=0), strict=True):
        row.ms = float(median)


def show(rows: list[Row]) -> None:
    print(
        "| file | bytes | size | ms | speed | cosine of words | 1 % of words below | of means | s to make |"
    )
    print("|---|" + "---:|" * 8)
    base = rows[0]
    for row in rows:
        print(
            f"| {row.name} | {row.bytes:,} | {row.bytes / base.bytes:.3f} | {row.ms:.2f} "
            f"| {base.ms / row.ms:.2f} | {row.word_cosine:.5f} | {row.worst_cosine:.5f} "
            f"| {row.mean_cosine:.5f} | {row.seconds:.1f} |"
        )


def made(name: str, way: Callable[[Path, Path], None], source: Path) -> Row | None:
    """The row of a file, made now or before; None, and the reason printed, where it cannot be made."""
    stem = "".join(c if c.isalnum() else "_" for c in name)
    row = Row(name, source.parent / f"{stem}.onnx")
    took = row.path.with_suffix(".seconds")
    if not took.exists():
        start = time.perf_counter()
        try:
            way(source, row.path)
            onnx.load(row.path, load_external_data=False)
        except Exception as error:  # whatever a foreign quantiser says
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            return None
        took.write_text(str(time.perf_counter() - start))
    row.seconds = float(took.read_text())
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="where files are kept")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="files whose name contains it")
    parser.add_argument("--json", action="store_true", help="the figures as JSON besides")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    options.work.mkdir(parents=True, exist_ok=True)
    source = options.work / "encoder.onnx"
    if not source.exists():
        sequences(options.work)
        export(source)
    found = [
        made(name, way, source)
        for name, way in WAYS.items()
        if not options.only or any(part in name for part in options.only)
    ]
    rows = [Row("float32", source), *(row for row in found if row is not None)]
    judge(rows, options.work / "judging.npz", options.threads, options.rounds)
    print(f"\nonnxruntime {ort.__version__}, {options.threads} thread(s), {LENGTH} words\n")
    show(rows)
    if options.json:
        print(json.dumps([asdict(row) | {"path": str(row.path)} for row in rows]))


if __name__ == "__main__":
    main()
