"""Secateur and every peer that installs, on one task: who keeps how much, how small, how fast, at what cost.

    sh bench/peers/setup.sh
    python -m bench.peers --models ../shared/models --data ../shared/data/cifar10 --work build/peers
        [--peers secateur nncf ...] [--networks ...] [--rounds 400] [--limit 5000]

All see the same 256 unlabelled training images, prepared once and written to a file. Each file is made in a
process of its own, in that peer's environment, and kept in --work: an interrupted run goes on. All files
are then judged in one run: top-1, agreement with the original's answers, divergence from them, bytes, bytes
zipped, and the latency of one image on one thread, all files in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.w8a8 import NETWORKS, PREPROCESS, Row, kernels, latency
from core.context import Context
from core.data import open_data
from core.errors import SecateurError
from core.evaluate.judge import Judge
from core.evaluate.size import size_bytes, zipped_bytes
from core.formats import open_model
from core.values import DataSpec

HERE = Path(__file__).parent
PEERS = {
    "secateur": "",
    "onnxruntime": "",
    "nncf": ".venv-nncf",
    "quark": ".venv-quark",
    "aimet": ".venv-aimet",
    "onnx_neural_compressor": ".venv-onnx_neural_compressor",
    "neural_compressor": ".venv-neural_compressor",
}
"""By script: the environment it runs in; without one, this process's own."""
IMAGES = 256
PATIENCE = 1800
"""Seconds that one file may take."""
FINALISTS = 6
"""Peers' files, the fastest, that are timed again beside ours."""


@dataclass
class Made:
    """A file that a peer made, or why it could not; then what it is worth."""

    peer: str
    configuration: str
    path: Path
    error: str = ""
    cost: dict[str, object] = field(default_factory=dict)
    row: Row | None = None
    agreement: float = 0.0
    kl: float = 0.0
    zipped: int = 0

    @property
    def name(self) -> str:
        return f"{self.peer}, {self.configuration}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="folder with the two networks")
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--work", type=Path, required=True, help="where files are kept")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--limit", type=int, default=5000)
    options = parser.parse_args()
    for network in options.networks:
        model = options.models / f"{network}.onnx"
        folder = options.work / network
        folder.mkdir(parents=True, exist_ok=True)
        judge = prepare(model, options, folder / "images.npy")
        files = [made for peer in options.peers for made in make_all(peer, model, folder)]
        judged = judge_all(model, judge, files, folder, options.rounds)
        show(network, judge, judged, [made for made in files if made.error])
        found = standing(judged, judge.feeds(1), options.rounds)
        if found is not None:
            (folder / "standing.json").write_text(json.dumps(found))


def prepare(model: Path, options: argparse.Namespace, images: Path) -> Judge:
    """Write the calibration images as the network wants them; return the judge on the test images."""
    context = Context()
    opened = open_model(model, context)
    spec = DataSpec(
        path=str(options.data / "test"),
        calibration_path=str(options.data / "train"),
        preprocess=PREPROCESS,
        calibration_count=IMAGES,
        judge_count=None,
    )
    data = open_data(spec, opened.info.inputs, opened.info.outputs, context)
    batches = [next(iter(batch.feeds.values())) for batch in data.batches("calibration", 32)]
    np.save(images, np.concatenate(batches))
    return Judge(model, data, context, limit=options.limit)


def make_all(peer: str, model: Path, folder: Path) -> list[Made]:
    """Every configuration of a peer, from the folder where it was made before."""
    python = str(HERE / PEERS[peer] / "bin" / "python") if PEERS[peer] else sys.executable
    script = str(HERE / "peers" / f"with_{peer}.py")
    if not Path(python).exists():
        return [Made(peer, "all", folder, "its environment is missing: sh bench/peers/setup.sh")]
    listed, error = call([python, script, "--list"], folder / f"{peer}.log")
    if error:
        return [Made(peer, "all", folder, error)]
    result = []
    for configuration in json.loads(listed):
        stem = "".join(c if c.isalnum() else "_" for c in f"{peer}_{configuration}")
        made = Made(peer, configuration, folder / f"{stem}.onnx")
        about = folder / f"{stem}.json"
        if not about.exists():
            print(f"making {made.name}", file=sys.stderr, flush=True)
            arguments = ["--model", str(model.resolve()), "--images", str((folder / "images.npy").resolve())]
            command = [python, script, "--make", configuration, *arguments, "--out", str(made.path.resolve())]
            output, made.error = call(command, folder / f"{stem}.log")
            if not made.error and not made.path.exists():
                made.error = "it wrote no file"
            about.write_text(json.dumps({"error": made.error} if made.error else json.loads(output)))
        found = json.loads(about.read_text())
        made.error, made.cost = found.get("error", ""), found
        result.append(made)
    return result


def call(command: list[str], log: Path) -> tuple[str, str]:
    """The line of JSON that a command prints, and the error if it failed; all it said goes into the log."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = str(HERE.parent) if command[0] == sys.executable else ""
    with log.open("w") as stream:
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=environment,
                timeout=PATIENCE,
                cwd=log.parent,  # some leave files where they are started
            )
        except subprocess.TimeoutExpired:
            return "", f"not done after {PATIENCE} s"
        stream.write(done.stdout)
    if done.returncode:
        lines = [line.strip() for line in reversed(log.read_text().splitlines())]
        return "", next((line for line in lines if "Error" in line), f"ended with {done.returncode}")
    # libraries print too, some of them at their very end
    answers = [line for line in done.stdout.splitlines() if line.startswith(('{"', '["'))]
    return (answers[-1], "") if answers else ("", "it said nothing of its result")


def judge_all(model: Path, judge: Judge, files: list[Made], folder: Path, rounds: int) -> list[Made]:
    """Judge what was made; the original comes first. What onnxruntime cannot run becomes an error."""
    original = Made("original", "float32", model, row=Row("original", model))
    judged = [original]
    for made in files:
        if made.error:
            continue
        try:
            kernels(made.path, folder)
        except Exception as error:  # whatever a runtime says of a foreign file
            made.error = f"onnxruntime does not run it: {str(error).splitlines()[0]}"
            continue
        made.row = Row(made.name, made.path)
        judged.append(made)
    context = Context()
    for made in judged:
        assert made.row is not None
        row = made.row
        row.size, made.zipped = size_bytes(made.path), zipped_bytes(made.path, context)
        row.integer, row.float_convs, row.kernels = kernels(made.path, folder)
        try:
            measured = judge.measure(made.path, context)
        except SecateurError as error:
            made.error = str(error)
            continue
        row.top1, row.loss, made.kl = measured.primary.value, measured.loss or 0.0, measured.kl or 0.0
        made.agreement = next(m.value for m in measured.measurements if m.metric == "agreement")
    judged = [made for made in judged if not made.error]
    latency([made.row for made in judged if made.row], judge.feeds(1), rounds, 1)
    return judged


def show(network: str, judge: Judge, judged: list[Made], failed: list[Made]) -> None:
    """The table, best agreement first, what failed and why, and how Secateur stands."""
    base = judged[0].row
    assert base is not None
    print(f"\n### {network}, {base.top1:.2f} % on {judge.count} test images\n")
    print(
        "| made by | top-1, % | lost | agreement, % | KL, nat | size | zipped | integer layers | ms | speed "
        "| processor s to make | MB to make |"
    )
    print("|---|" + "---:|" * 11)
    order = sorted(judged[1:], key=lambda made: (-made.agreement, made.kl))
    for made in [judged[0], *order]:
        row = made.row
        assert row is not None
        seconds, peak = made.cost.get("cpu"), made.cost.get("peak_bytes")
        name = f"**{made.name}**" if made.peer == "secateur" else made.name
        cells = [
            name,
            f"{row.top1:.2f}",
            f"{row.loss:.2f}",
            f"{made.agreement:.2f}",
            f"{made.kl:.4f}",
            f"{row.size / base.size:.3f}",
            f"{made.zipped / judged[0].zipped:.3f}",
            f"{row.integer} of {row.integer + row.float_convs}",
            f"{row.latency_ms:.3f}",
            f"{base.latency_ms / row.latency_ms:.2f}",
            f"{seconds:.1f}" if isinstance(seconds, float) else "",
            f"{peak / 1e6:.0f}" if isinstance(peak, int) else "",
        ]
        print("| " + " | ".join(cells) + " |")
    if failed:
        print("\nWhat did not run:\n")
        for made in failed:
            print(f"- {made.name}: {made.error}")
    versions = {}
    for made in judged:
        versions |= {made.peer: made.cost.get("versions", {})}
    for peer, found in versions.items():
        if isinstance(found, dict) and found:
            print(f"\n{peer}: " + ", ".join(f"{name} {version}" for name, version in found.items()))
    sys.stdout.flush()


def standing(judged: list[Made], feeds: dict[str, np.ndarray], rounds: int) -> dict[str, float | str] | None:
    """Secateur's defaults against the best of the peers at 8 bits.

    The fastest files are timed once more, among themselves: the least of forty medians, which scatter by a
    few percent, is no faster file.
    """
    eight = [made for made in judged[1:] if "W4" not in made.configuration]
    ours = next((made for made in eight if made.peer == "secateur"), None)
    peers = [made for made in eight if made.peer != "secateur"]
    if ours is None or not peers:
        return None
    best = max(peers, key=lambda made: made.agreement)
    peers.sort(key=lambda made: made.row.latency_ms if made.row else np.inf)
    finalists = [ours, *peers[:FINALISTS]]
    latency([made.row for made in finalists if made.row], feeds, 4 * rounds, 1)
    fastest = min(peers[:FINALISTS], key=lambda made: made.row.latency_ms if made.row else np.inf)
    assert ours.row is not None and fastest.row is not None
    found: dict[str, float | str] = {
        "agreement": ours.agreement,
        "best_agreement": best.agreement,
        "best": best.name,
        "lost": ours.row.loss,
        "speed": fastest.row.latency_ms / ours.row.latency_ms,
        "fastest": fastest.name,
    }
    print(
        f"\nAgreement {ours.agreement:.2f} %, best peer {best.agreement:.2f} % ({best.name}): "
        f"{ours.agreement - best.agreement:+.2f} points. Loss {ours.row.loss:.2f} points. Speed "
        f"{found['speed']:.3f} of the fastest peer's file ({fastest.name})."
    )
    return found


if __name__ == "__main__":
    main()
