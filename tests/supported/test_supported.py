"""Every kind of network from its framework's file to a verified compressed one, and the page on it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import msgspec
import onnx
import pytest
import supported_page as page
import supported_shared
from supported_journey import COMPRESSED, Account, Saved, travel
from supported_kinds import KINDS, ROOT, Kind
from supported_truth import truth

JOURNEY = Path(__file__).with_name("supported_journey.py")
KNOWN = {
    # counted by hand: 4 means and 4 variances of the scaling, 4·10 + 10, 10·3 + 3
    "mlp": 91,
    # 16·9 + 16, 32·16·9 + 32, 512·96 + 96, 96·48 + 48, 48·10 + 10
    "cnn": 59_194,
    # Simonyan & Zisserman 2015: 138 million
    "vgg16": 138_357_544,
    # He et al. 2016: 0.27 million
    "resnet20": 271_690,
}


def account_of(kind: Kind, folder: Path, apart: bool = True) -> tuple[Saved, Account]:
    """Saved as its framework does, then everything, `apart` in a process of its own.

    Only there its memory is its own; where nobody looks at that, a process costs its imports alone.
    """
    saved = kind.make(folder)
    (folder / "saved.json").write_bytes(msgspec.json.encode(saved))
    if not apart:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return saved, travel(folder)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [sys.executable, str(JOURNEY), str(folder)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return saved, msgspec.json.decode((folder / "account.json").read_bytes(), type=Account)


def check(kind: Kind, saved: Saved, account: Account, folder: Path) -> None:
    """What must hold of every kind; figures are held against ones worked out without the program."""
    assert account.layers and account.params == KNOWN.get(kind.name, account.params)
    if account.difference is not None:
        assert account.difference < 1e-3 and account.asked is not saved.model.endswith((".keras", ".h5"))
    # importance
    have = {score for score, reason in account.scores.items() if not reason}
    assert {"magnitude", "random"} <= have
    # sensitivity: fewer bits hurt more
    expected = saved.layers or sum(account.layers.values()) - len(account.untouchable)
    assert account.swept == expected
    assert account.damages[4] > account.damages[8] >= 0
    # the run
    assert account.metric == kind.metric and account.count > 0
    higher = account.before >= kind.best if kind.metric not in page.COMPARED else True
    assert higher, f"{account.before} before"
    assert account.loss <= kind.loses
    if kind.metric in page.COMPARED:
        assert account.after >= kind.least
    macs = float(saved.plan.methods.get("prune_channels", {}).get("macs", 0))
    if macs and not account.channels_refused:
        assert account.macs[1] <= (1 - macs / 100) * account.macs[0] * 1.001
    assert set(account.bits) <= {8, 32} and account.bits[8] >= sum(account.layers.values()) - len(
        account.untouchable
    )
    if kind.integers:
        assert account.activation_bits.get(8, 0) > 0
    if account.onnx_bytes > 50_000:
        assert account.out_bytes < 0.6 * account.onnx_bytes
    # the file, by others
    compressed = folder / COMPRESSED
    onnx.checker.check_model(onnx.load(compressed), full_check=False)
    known = truth(saved.data, Path(account.model))
    if known is not None:
        assert account.before == pytest.approx(known, abs=1e-3)
        assert account.after == pytest.approx(truth(saved.data, compressed), abs=1e-3)
    for stage, most in kind.memory.items():
        used = account.memory[stage] / account.source_bytes
        assert used <= most, f"{stage}: {used:.2f} × the file"


def cases() -> list[object]:
    assert supported_shared, "importing it registers its kinds"
    marks = [pytest.mark.timeout(1200)]
    return [
        pytest.param(name, marks=[*marks, pytest.mark.slow] if kind.slow else marks)
        for name, kind in KINDS.items()
    ]


@pytest.mark.parametrize("name", cases())
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")
@pytest.mark.usefixtures("briefly")
def test_all_of_the_work_on_a_file_as_it_was_saved(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    if kind.shared and not (supported_shared.MODELS / kind.shared).exists():
        pytest.skip(f"{kind.shared} is not on this machine")
    if kind.needs:
        pytest.importorskip(kind.needs)
    saved, account = account_of(kind, tmp_path, apart=bool(kind.memory))
    check(kind, saved, account, tmp_path)
    differences = page.differences(kind, page.row_of(kind, account), page.read().get(kind.network))
    assert not differences, "make it anew with tests/supported/write_page.py"
