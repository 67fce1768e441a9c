"""What really ended in a file: bits and sparsity of each layer, read from the file and nothing else."""

from core.readback.report import read_back

__all__ = ["read_back"]
