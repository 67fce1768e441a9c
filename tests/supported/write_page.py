"""Makes rows of `docs/supported.md` anew, and says what each kind's test would find wrong.

python tests/supported/write_page.py [NAME ...]
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import traceback
from pathlib import Path

import supported_page as page
import supported_shared
from supported_kinds import KINDS
from test_supported import account_of, check

assert supported_shared, "importing it registers its kinds"


def main(names: list[str]) -> int:
    failed = 0
    for name in names or list(KINDS):
        kind = KINDS[name]
        if kind.shared and not (supported_shared.MODELS / kind.shared).exists():
            print(f"{name}: its file is not on this computer")
            continue
        if kind.needs and importlib.util.find_spec(kind.needs) is None:
            print(f"{name}: the package {kind.needs} is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                saved, account = account_of(kind, Path(folder))
                check(kind, saved, account, Path(folder))
            except Exception:
                traceback.print_exc()
                failed += 1
                continue
            rows = page.read()
            rows[kind.network] = page.row_of(kind, account)
            page.write(rows)
            print(" | ".join(rows[kind.network].cells), *rows[kind.network].remarks, sep="\n    ", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
