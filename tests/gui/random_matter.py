"""What somebody who does anything presses, writes and opens."""

from __future__ import annotations

import random
from pathlib import Path

from PySide6.QtCore import Qt

from gui import samples

KEYS = (
    Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right,
    Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_F2,
    Qt.Key.Key_F3, Qt.Key.Key_Menu, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0, Qt.Key.Key_1,
    Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_F, Qt.Key.Key_V, Qt.Key.Key_X, Qt.Key.Key_Z, Qt.Key.Key_Slash,
)  # fmt: skip
WORDS = (
    "", " ", "0", "-1", "1e999", "nan", "50", "0.5", "1,5", "7:3", "2:4", "conv", "[", "(", "*", "\\", "%s",
    "{n}", "⟦", "中文", "😀", "٣", "a" * 400, "0, 0, 0", "1/0", "<b>x</b>", "'; drop", "\t",
    "99999999999999999999",
)  # fmt: skip


def make_files(folder: Path, chance: random.Random) -> list[Path]:
    """What is opened, dropped and chosen: good files, others, and one that is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    garbage = folder / "garbage.onnx"
    garbage.write_bytes(chance.randbytes(3000))
    empty = folder / "empty.csv"
    empty.write_bytes(b"")
    table = folder / "numbers.csv"
    table.write_text("a,b,c\n" + "\n".join(f"{i},{i * i},x{i % 3}" for i in range(40)))
    project = folder / "broken.secateur"
    project.write_bytes(b"SQLite format 3\0" + chance.randbytes(2000))
    known = samples.samples()[::2]  # digits and iris
    good = [Path(samples.model_path(sample)) for sample in known]
    data = [Path(samples.data_spec(sample).path) for sample in known]
    pictures = sorted(data[0].rglob("*.png"))[:1]
    return [*good, *good, *data, *pictures, garbage, empty, table, project, folder / "nothing.onnx"]
