"""Nothing pays for torch before something is computed with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_asking_what_is_missing_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "import core.gradients.finetune, core.gradients.saliency, core.gradients.verify\n"
        "import onnx_ir as ir\n"
        "from core.gradients.convert import missing_operators\n"
        "from onnx import helper\n"
        "node = helper.make_node('Relu', ['x'], ['y'])\n"
        "graph = helper.make_graph([node], 'g', [], [])\n"
        "print(missing_operators(ir.serde.deserialize_model(helper.make_model(graph))))\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["()", "False"], done.stderr
