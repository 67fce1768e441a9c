"""Makes `networks`, the small models and data that these tests share, importable; times briefly."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _briefly(briefly: None) -> None:
    """Tests of how something is timed say for how long themselves."""
