"""The page of kinds is whole, and what is written is read back."""

from __future__ import annotations

from pathlib import Path

import supported_page as page
import supported_shared
from supported_kinds import KINDS

assert supported_shared, "importing it registers its kinds"


def test_every_kind_has_its_row_in_order() -> None:
    rows = page.read()
    assert list(rows) == [kind.network for kind in KINDS.values()]
    for kind in KINDS.values():
        cells = rows[kind.network].cells
        assert len(cells) == len(page.HEAD) and all(cells)
        assert cells[1:3] == (kind.saved_as, kind.samples)
        assert cells[5].startswith(page.FIGURES[kind.metric])


def test_page_is_what_would_be_written(tmp_path: Path) -> None:
    page.write(page.read(), tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page.PAGE.read_text(encoding="utf-8")


def test_another_structure_is_noticed() -> None:
    kind = next(iter(KINDS.values()))
    told = page.read()[kind.network]
    assert page.differences(kind, told, told) == []
    fewer = told._replace(cells=(*told.cells[:3], "1 Dense", *told.cells[4:]))
    assert "layers" in page.differences(kind, fewer, told)[0]
    larger = told._replace(cells=(*told.cells[:7], "1 → 9", *told.cells[8:]))
    assert page.differences(kind, larger, told)
    assert page.differences(kind, told, None)
