"""What really ended in a file: bits and sparsity of each layer, and its card, read from the file alone."""

from core.readback.card import card_bytes, read_card, with_entries
from core.readback.report import read_back

__all__ = ["card_bytes", "read_back", "read_card", "with_entries"]
