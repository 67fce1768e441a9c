"""A refusal by the words that a person reads: what, why and what next."""

import contextlib
import re

import pytest


@contextlib.contextmanager
def refused(kind, words):
    """Expects `kind`, with `words` (a pattern) in its three sentences."""
    with pytest.raises(kind) as caught:
        yield caught
    said = caught.value.one_line()
    assert re.search(words, said), said
    for part in (caught.value.what, caught.value.why, caught.value.next_step):
        assert part.template, said
