"""`docs/supported.md`: written from the accounts of the tests, read back to see that it still is true.

A row says what the test of its kind saw. Figures depend on the computer, so of a page that is there only the
structure is held against a new account: which networks there are, how they are saved and judged, which layers
they have, how much smaller they become, and what cannot be done.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from supported_journey import Account
from supported_kinds import KINDS, ROOT, Kind

PAGE = ROOT / "docs" / "supported.md"
MARK, REMARKS = "| network |", "## What is left out, and why"
UNITS = {"": "", "%": " %", "dB": " dB"}
FIGURES = {
    "top1": "right answers",
    "miou": "mean overlap of the classes' pixels",
    "box_map": "mAP, 50 to 95 %",
    "cosine": "cosine with the original's answers",
    "agreement": "same answer as the original",
    "sqnr_db": "signal to noise, against the original's answers",
}
COMPARED = ("cosine", "agreement", "sqnr_db")
HEAD = (
    "network",
    "saved as",
    "samples",
    "layers",
    "numbers",
    "judged by (samples)",
    "before → after",
    "MB → MB",
    "work left, %",
    "opened in, s",
    "peak of memory, MB",
)

INTRODUCTION = """# Kinds of networks

Each row is a test (`tests/supported`): a network is trained or drawn, saved by its own framework, and goes as
that file through everything that the program does. It is turned into ONNX and verified where it is none, its
layers are listed, every importance score is measured on every layer, then the layers' sensitivity; channels,
zeros and bits are taken in one run, and the result is exported, opened by a program that knows nothing of the
run, and judged again. No file is put together by hand. `python tests/supported/write_page.py [NAME ...]`
makes rows anew; the tests hold the page against what they see, except for figures, which are of one computer.

- **judged by**: on samples that were neither trained on nor calibrated with. Where there are no labels,
  answers are held against the original's.
- **work left**: multiply-accumulates, of the original's. 100: no channels were taken.
- **opened in**: from the file to all layers and the drawn graph. In brackets what a conversion took, once.
- **peak of memory**: of the engine over all stages. It has 160 MB before it opens anything, and takes 220 MB
  more once gradients are asked for. In brackets that of the process that converts.
- Of VGG16, the encoder and the larger files of others some layers are scored and swept, spread over the
  network, so that the tests end in time; the run takes them all.

"""


class Row(NamedTuple):
    """What the page says of a kind."""

    cells: tuple[str, ...]
    remarks: tuple[str, ...]


def row_of(kind: Kind, account: Account) -> Row:
    layers = ", ".join(f"{count} {name}" for name, count in sorted(account.layers.items()))
    unit = UNITS.get(account.unit, f" {account.unit}")
    digits = 1 if account.unit in ("dB", "%") else 3
    after = f"{account.after:.{digits}f}{unit}"
    before = "–" if account.metric in COMPARED else f"{account.before:.{digits}f}{unit}"
    first = account.seconds.get("convert", 0.0)
    opened = f"{account.seconds['open']:.1f}" + (f" ({first:.0f})" if first else "")
    peak = max(account.memory[name] for name in account.memory if name != "convert")
    memory = f"{peak / 1e6:.0f}"
    if account.memory.get("convert") and account.difference is not None:
        memory += f" ({account.memory['convert'] / 1e6:.0f})"
    before_macs, after_macs = account.macs
    work = f"{100 * after_macs / before_macs:.0f}" if after_macs and before_macs else "100"
    cells = (
        kind.network,
        kind.saved_as,
        kind.samples,
        layers,
        f"{account.params:,}",
        f"{FIGURES[account.metric]} ({account.count})",
        f"{before} → {after}",
        f"{megabytes(account.onnx_bytes)} → {megabytes(account.out_bytes)}",
        work,
        opened,
        memory,
    )
    remarks = remarks_of(account)
    if kind.memory:
        by_stage = (f"{name} {account.memory[name] / account.source_bytes:.1f}" for name in kind.memory)
        remarks += (
            f"peak of memory in multiples of the file, one stage after the other: {', '.join(by_stage)}.",
        )
    return Row(cells, remarks)


def megabytes(size: int) -> str:
    return f"{size / 1e6:.{0 if size >= 1e8 else 1 if size >= 1e7 else 2 if size >= 1e5 else 3}f}"


def remarks_of(account: Account) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for label, reason in account.refused.items():
        found.setdefault(reason, []).append(label)
    told = [f"{named(labels)}: {reason}" for reason, labels in found.items()]
    without: dict[str, list[str]] = {}
    for score, reason in account.scores.items():
        # what every exporter merges, and what only networks with a ReLU have, says nothing of the kind
        if reason and score not in ("batch_norm", "zeros"):
            without.setdefault(reason, []).append(score)
    told += [
        f"importance {', '.join(f'`{one}`' for one in names)} of some layers: {reason}"
        for reason, names in without.items()
    ]
    if account.channels_refused:
        told.append(f"channels: {account.channels_refused}")
    return tuple(told)


def named(labels: list[str]) -> str:
    return f"`{labels[0]}`" if len(labels) == 1 else f"{len(labels)} layers, such as `{labels[0]}`"


# ---------------------------------------------------------------- the file


def read(page: Path = PAGE) -> dict[str, Row]:
    """The rows by network; none of a page that is not there."""
    if not page.exists():
        return {}
    lines = page.read_text(encoding="utf-8").splitlines()
    cells: dict[str, tuple[str, ...]] = {}
    remarks: dict[str, list[str]] = {}
    inside = False
    for line in lines:
        if line.startswith(MARK):
            inside = True
        elif inside and line.startswith("| ") and not line.startswith("|-"):
            parts = tuple(part.strip() for part in line.strip("|").split(" | "))
            cells[parts[0]] = parts
        elif line.startswith("- **") and "**: " in line and REMARKS in lines[: lines.index(line)]:
            network, _, remark = line.removeprefix("- **").partition("**: ")
            remarks.setdefault(network, []).append(remark)
    return {network: Row(own, tuple(remarks.get(network, ()))) for network, own in cells.items()}


def write(rows: dict[str, Row], page: Path = PAGE) -> None:
    """All rows, in the order of the kinds; what is no kind any more goes."""
    ordered = [(kind, rows[kind.network]) for kind in KINDS.values() if kind.network in rows]
    lines = [INTRODUCTION.rstrip(), "", "| " + " | ".join(HEAD) + " |"]
    lines.append("|" + "|".join("---" if place < 7 else "---:" for place in range(len(HEAD))) + "|")
    lines += ["| " + " | ".join(row.cells) + " |" for _, row in ordered]
    lines += ["", REMARKS, "", *FIXED.splitlines(), ""]
    lines += [f"- **{kind.network}**: {remark}" for kind, row in ordered for remark in row.remarks]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


FIXED = """Of a VGG16 no stage takes more than three times its file, one after the other in one process:
opening, judging, scores with gradients, the sweep, a run with channels, whose network lies beside the one
that is open, the export and reading back. A run that is taken up again takes 2.9 times where channels went
by magnitude, which leaves the dense layers as large as they were. How: `docs/architecture.md`, *Large
networks*.
A state dict of 2.3 GB and the same weights as safetensors, with the class that they belong to, were
converted in 223 and 210 s beside other work: 5.4 GB in the converting process, 3.0 in the engine, which
found the largest difference to be 8e-8 on answers of up to 0.04. The ONNX file has each weight in a
file beside it.
Networks above 2 GiB have their weights in files beside them, as one file cannot hold them, which the program
says. `bench/above_two_gib.py` opens one of 2.4 GB in 2.9 s, makes it 8 bits in 194 s (3.4 times its weights
in memory at most; exported in 24 s as one file of 604 MB) and takes half of its weights in 150 s (2.1 times;
20 s, 2.4 GB in two files), nothing else running on two cores.

The score `batch_norm` needs a batch normalisation that was not merged, `zeros` an activation that sets values
to zero: both are left out here."""


def differences(kind: Kind, seen: Row, told: Row | None) -> list[str]:
    """In what the page's row is not of the structure that was seen now."""
    if told is None or len(told.cells) != len(HEAD):
        return [f"docs/supported.md has no whole row '{kind.network}'"]
    found = []
    for place, name in enumerate(HEAD[:6]):
        if told.cells[place] != seen.cells[place]:
            found.append(f"{name}: the page says '{told.cells[place]}', seen is '{seen.cells[place]}'")
    for place, most in ((7, 0.15), (8, 0.5)):
        name = HEAD[place]
        pairs = zip(numbers(told.cells[place]), numbers(seen.cells[place]), strict=True)
        if any(abs(one - other) > most * max(one, other, 0.01) for one, other in pairs):
            found.append(f"{name}: the page says {told.cells[place]}, seen is {seen.cells[place]}")
    if plain(told.remarks) != plain(seen.remarks):
        found.append(f"remarks: the page says {told.remarks}, seen is {seen.remarks}")
    return found


def plain(remarks: tuple[str, ...]) -> list[str]:
    """Without figures of memory."""
    return [remark.partition(" in multiples")[0] for remark in remarks]


def numbers(cell: str) -> list[float]:
    return [float(part) for part in cell.split(" → ")]
