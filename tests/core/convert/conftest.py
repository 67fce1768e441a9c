"""Makes `foreign_files` importable, and its fixtures known."""

from foreign_files import cache, code

__all__ = ["cache", "code"]
