"""Rules that hold over the whole source: who may import whom, translations, sizes, words."""

from __future__ import annotations

import ast
import json
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("core", "gui") for path in (ROOT / folder).rglob("*.py"))
GUI_MAY_IMPORT = {
    "values", "messages", "frames", "errors", "project", "estimate", "predict", "kernel_model", "precision",
    "advice", "language",
}  # fmt: skip
HEAVY = ("torch", "onnx", "onnxruntime", "onnx_ir")
LONGEST = 400


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), name_of(path))


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def modules_after(statement: str) -> set[str]:
    """Top-level names of all modules that a statement leaves in memory, in a fresh process."""
    return set(
        run_python(
            f"import sys; {statement}; print(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
        ).split()
    )


def imported_from_core(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module inside core) of every import, wherever in the file it stands."""
    for node in ast.walk(tree(path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "core"
                else [node.module]
            )
        for name in names:
            if name.startswith("core.") and not name.startswith("core.__"):
                yield node.lineno, name.split(".")[1]


# ---------------------------------------------------------------- imports


def test_window_imports_neither_torch_nor_onnx() -> None:
    assert modules_after("import gui.app").isdisjoint(HEAVY)


def test_jobs_import_no_qt() -> None:
    assert modules_after("import core.jobs").isdisjoint({"PySide6", "shiboken6", "pyqtgraph", "gui"})


def test_command_line_starts_without_qt_or_torch() -> None:
    assert modules_after("import core.cli").isdisjoint({"PySide6", "torch"})


def test_window_asks_numpy_for_nothing_that_it_imports_late() -> None:
    # numpy.unique imports the masked arrays at its first call: 20 to 50 ms in the middle of a picture
    asked = re.compile(
        r"np\.(unique|percentile|quantile|median|ma|random|fft|linalg|polynomial|union1d|setdiff1d|intersect1d)\b"
    )
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in (ROOT / "gui").rglob("*.py")
        for match in asked.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_window_uses_only_the_values_of_core() -> None:
    found = [
        f"{name_of(path)}:{line} imports core.{module}"
        for path in (ROOT / "gui").rglob("*.py")
        for line, module in imported_from_core(path)
        if module not in GUI_MAY_IMPORT
    ]
    assert not found


def test_contract_for_the_window_lists_every_other_module_of_core() -> None:
    """import-linter follows indirect imports as well, but only to the modules that it is told of."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (window,) = [contract for contract in contracts if contract.get("source_modules") == ["gui"]]
    listed = {name for name in window["forbidden_modules"] if name.startswith("core.")}
    modules = {path.stem for path in (ROOT / "core").glob("*.py")} | {
        path.parent.name for path in (ROOT / "core").glob("*/__init__.py")
    }
    # what the allowed modules themselves stand on is harmless too: the standard library, values, wiring
    harmless = GUI_MAY_IMPORT | {"files", "wiring", "__init__", "__main__"}
    assert listed == {f"core.{name}" for name in modules - harmless}


def test_signals_of_this_pyside_survive_many_emits() -> None:
    """PySide6 6.12.0 on Python 3.11 loses references with every emit until the process aborts."""
    code = (
        "from PySide6.QtCore import QObject, Signal\n"
        "class Source(QObject):\n    changed = Signal(object)\n"
        "seen = []\nsource = Source()\nsource.changed.connect(seen.append)\n"
        "for number in range(20_000):\n    source.changed.emit(number)\n"
        "print(len(seen), seen[-1])\n"
    )
    assert run_python(code) == "20000 19999"


# ---------------------------------------------------------------- translations


def templates() -> Iterator[tuple[str, ast.expr]]:
    """(place, first argument) of every call of text(...) and tr(...)."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            if called in ("text", "tr", "values.text", "i18n.tr"):
                yield f"{name_of(path)}:{node.lineno}", node.args[0]


def literals() -> dict[str, str]:
    return {
        node.value: place
        for place, node in templates()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    }


def translations() -> dict[str, str]:
    merged: dict[str, str] = {}
    for path in sorted((ROOT / "gui" / "translations" / "zh_CN").glob("*.json")):
        merged.update(json.loads(path.read_text(encoding="utf-8")))
    return merged


def placeholders(template: str) -> list[str]:
    return sorted({field for _, field, _, _ in string.Formatter().parse(template) if field is not None})


def test_sentences_are_literals() -> None:
    """Anything else could not be collected for translation. gui/i18n.py itself hands templates through."""
    found = [
        place
        for place, node in templates()
        if not place.startswith("gui/i18n.py")
        and not (isinstance(node, ast.Constant) and isinstance(node.value, str))
    ]
    assert not found


def test_every_sentence_is_translated() -> None:
    known = translations()
    assert not {template: place for template, place in literals().items() if not known.get(template)}


def test_translations_keep_the_placeholders() -> None:
    wrong = {
        template: translated
        for template, translated in translations().items()
        if placeholders(template) != placeholders(translated)
    }
    assert not wrong


def test_areas_agree_on_a_translation() -> None:
    """Two areas may hold the same sentence, but not translate it differently: the last would win silently."""
    seen: dict[str, tuple[str, str]] = {}
    for path in sorted((ROOT / "gui" / "translations" / "zh_CN").glob("*.json")):
        for template, translated in json.loads(path.read_text(encoding="utf-8")).items():
            first = seen.setdefault(template, (translated, path.name))
            assert first[0] == translated, f"{template!r} differs in {first[1]} and {path.name}"


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_main_window_only_assembles() -> None:
    """What it decides belongs into session or views."""
    assert len((ROOT / "gui" / "main_window.py").read_text(encoding="utf-8").splitlines()) <= 250


def test_views_know_the_session_and_never_each_other() -> None:
    """Sections and words are parts of a view; what stands by itself, a view or a bar, is nobody's part."""
    alone = re.compile(r"^gui\.views\.(?:\w+_view|\w+_bar)$")
    views = [path for path in SOURCES if path.parent == ROOT / "gui" / "views"]
    found = [
        f"{name_of(path)}:{node.lineno} imports {node.module}"
        for path in views
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and (node.module == "gui.main_window" or alone.search(node.module))
    ]
    assert views
    assert not found


def test_nothing_is_unpickled() -> None:
    """Models and data are untrusted: no pickle, no eval, in either process."""
    forbidden = re.compile(r"\b(?:import pickle|from pickle|allow_pickle=True|weights_only=False)\b")
    assert not [name_of(path) for path in SOURCES if forbidden.search(path.read_text(encoding="utf-8"))]


def test_no_place_of_this_machine_is_written_down() -> None:
    """Paths of a developer's machine mean nothing to a user."""
    found = [
        name_of(path)
        for pattern in ("*.py", "*.md", "*.toml", "*.sh", "*.json")
        for folder in (
            ROOT,
            *(ROOT / name for name in ("core", "gui", "resources", "packaging", "docs", "bench")),
        )
        for path in (folder.glob(pattern) if folder == ROOT else folder.rglob(pattern))
        if not any(part.startswith(".venv") for part in path.relative_to(ROOT).parts)
        and re.search(r"(?<![\w.])/(?:root|work|home/\w+)/", path.read_text(encoding="utf-8"))
    ]
    assert not found
