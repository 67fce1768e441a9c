"""How many inputs a network takes, and of what sizes, before anything of it has run."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from foreign_files import agree, converted, network, question, save_script, texts

from core.convert.conversion import origin_of
from core.convert.sizes import for_inputs
from core.values import InputSize, sizes_line, sizes_of


class Mean(torch.nn.Module):
    """The mean of what the mask leaves of the tokens."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = torch.nn.Embedding(50, 8), torch.nn.Linear(8, 3)

    def forward(self, ids, mask):
        return self.head((self.embedding(ids) * mask.unsqueeze(-1)).mean(1))


@pytest.mark.parametrize(
    ("guess", "names", "wanted"),
    [
        ("1×16:int64", ["input_ids", "mask", "type_ids"], "1×16:int64; 1×16:int64; 1×16:int64"),
        ("1×384", ["input_ids", "attention_mask"], "1×16:int64; 1×16:int64"),
        ("1×16:int64", ["tokens", "lengths"], "1×16:int64; 1:int64"),
        ("1×3×224×224", ["x"], "1×3×224×224"),
        ("1×3×224×224", ["left", "right"], "1×3×224×224; 1×3×224×224"),
        ("1×4", [], "1×4"),
    ],
)  # fmt: skip
def test_names_of_the_inputs_complete_the_guess(guess: str, names: list[str], wanted: str) -> None:
    assert sizes_line(for_inputs(sizes_of(guess) or (), names)) == wanted


def test_a_mask_needs_no_size_of_its_own(tmp_path: Path, cache: Path, code: Path) -> None:
    net = network("Tagger")
    torch.save(net.state_dict(), tmp_path / "tagger.pth")
    model = converted(tmp_path / "tagger.pth", cache, trusted=True, architecture=str(code), network="Tagger")
    origin = origin_of(model, cache)
    assert origin is not None and sizes_line(origin.recipe.inputs) == "1×16:int64; 1×16:int64"
    ids, mask = texts(3)
    agree(model, net, ids, mask.long())


def test_a_script_says_by_its_code_how_many_inputs_there_are(tmp_path: Path, cache: Path) -> None:
    save_script(network("Tagger"), tmp_path / "tagger.pt")
    asked = question(tmp_path / "tagger.pt", cache)
    assert asked.input_names == ("ids", "mask") and not asked.traced
    assert sizes_line(asked.inputs) == "1×16:int64; 1×16:int64"


def test_a_traced_program_keeps_the_sizes_of_its_inputs(tmp_path: Path, cache: Path) -> None:
    """Two samples when it was traced; one is what shows most, and it takes any number."""
    torch.manual_seed(0)
    net = Mean().eval()
    ids, mask = texts(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net, (ids, mask)).save(str(tmp_path / "tagger.pt"))
    asked = question(tmp_path / "tagger.pt", cache)
    assert asked.traced and asked.input_names == ("ids", "mask")
    assert asked.inputs == (InputSize((2, 9), "int64"), InputSize((2, 9)))
    model = converted(tmp_path / "tagger.pt", cache, trusted=True)
    origin = origin_of(model, cache)
    assert origin is not None and not origin.fixed_batch
    assert sizes_line(origin.recipe.inputs) == "1×9:int64; 1×9"
    agree(model, net, *texts(4))
