"""The Netron panel: what its scheme hands out, and the real page in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper
from PySide6.QtCore import Qt

from core.values import Layer, ModelInfo
from gui.engine_client import EngineClient
from gui.netron_page import MODEL_PATH, NetronFiles
from gui.session import Session
from gui.theme import Theme
from gui.views.netron_view import NetronView

ROOT = Path(__file__).resolve().parents[2]


def info(path: Path, nodes: int = 2, size_bytes: int = 1000, layers: tuple[str, ...] = ()) -> ModelInfo:
    return ModelInfo(
        path=str(path),
        name=path.name,
        sha256="0" * 64,
        size_bytes=size_bytes,
        opset=17,
        ir_version=8,
        node_count=nodes,
        layers=tuple(
            Layer(
                id=name,
                label=name,
                op="Gemm",
                kind="Dense",
                weights=("w",),
                shape=(4, 4),
                out_channels=4,
                in_channels=4,
                params=16,
                bytes=64,
            )
            for name in layers
        ),
    )


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """Two named MatMul nodes in a row."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, (4, 4), [0.0] * 16)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="/body/first"),
        helper.make_node("MatMul", ["h", "w"], ["y"], name="second"),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weight])
    path = tmp_path / 'small <b>"model".onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def session(qapp, monkeypatch):
    session = Session(EngineClient())
    session._inspection._timer.timeout.disconnect()
    return session


@pytest.fixture
def view(qtbot, session, qapp):
    view = NetronView(session, Theme(qapp))
    qtbot.addWidget(view)
    return view


# ---------------------------------------------------------------- what the scheme hands out


def test_only_netrons_own_files_and_the_model_are_handed_out(small_model):
    files = NetronFiles()
    assert files.answer(MODEL_PATH) is None  # no model yet
    files.model = small_model
    assert files.answer(MODEL_PATH) == ("application/octet-stream", small_model)
    kind, script = files.answer("/view.js")
    assert kind == "text/javascript"
    assert len(script) > 1000
    for path in (
        "/server.py",
        "/__init__.py",
        "/../netron/server.py",
        "/../../onnx/__init__.py",
        "/../view.js",
        "//etc/passwd",
        "/data/model.onnx.data",
        "/data/other.onnx",
        "/missing.js",
        "/.hidden.js",
        "/",
        "",
    ):
        assert files.answer(path) is None, path


def test_the_page_neither_expires_nor_reports(small_model):
    files = NetronFiles()
    files.model = small_model
    files.title = 'a"><script>alert(1)</script>.onnx'
    page = files.answer("/index.html")[1].decode()
    assert 'name="date"' not in page
    assert page.count('name="version"') == 1
    assert '<meta name="version" content="0.0.0">' in page
    assert '<meta name="type" content="Python">' in page
    assert f'<meta name="file" content="{MODEL_PATH}">' in page
    assert "<script>alert" not in page


def test_the_page_follows_the_windows_theme_not_the_systems():
    files = NetronFiles()
    assert "prefers-color-scheme: dark" not in files.answer("/index.html")[1].decode()
    light = files.answer("/grapher.css")[1]
    files.dark = True
    assert light != files.answer("/grapher.css")[1]
    assert 'href="grapher.css?dark"' in files.answer("/index.html")[1].decode()


# ---------------------------------------------------------------- states without a web engine


def test_nothing_is_loaded_before_the_panel_is_seen(view, session, small_model):
    session._take(info(small_model))
    assert view.web is None
    assert "gui.netron_web" not in sys.modules


def test_a_missing_web_engine_is_one_sentence_and_the_program_goes_on(
    view, session, small_model, qtbot, monkeypatch
):
    # what `import` finds where the package is not installed
    monkeypatch.setenv("QTWEBENGINE_DISABLE_SANDBOX", "1")
    monkeypatch.setitem(sys.modules, "PySide6.QtWebEngineCore", None)
    monkeypatch.delitem(sys.modules, "gui.netron_web", raising=False)
    session._take(info(small_model, layers=("second",)))
    view.show()
    assert view.state == "missing"
    assert "WebEngine" in view.sentence.text()
    assert not view.button.isVisible()
    session.select("second")
    assert session.selection == "second"


def test_where_chromium_has_no_sandbox_it_is_not_loaded_at_all(view, session, small_model, monkeypatch):
    """Chromium would end the whole program, as it does for root."""
    monkeypatch.delenv("QTWEBENGINE_DISABLE_SANDBOX", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delitem(sys.modules, "gui.netron_web", raising=False)
    session._take(info(small_model))
    view.show()
    assert view.state == "unsafe"
    assert "sandbox" in view.sentence.text()
    assert "gui.netron_web" not in sys.modules


def test_many_operations_are_drawn_on_request_only(view, session, small_model, qtbot, monkeypatch):
    monkeypatch.setenv("QTWEBENGINE_DISABLE_SANDBOX", "1")
    monkeypatch.setitem(sys.modules, "PySide6.QtWebEngineCore", None)
    monkeypatch.delitem(sys.modules, "gui.netron_web", raising=False)
    session._take(info(small_model, nodes=1501))
    view.show()
    assert view.state == "large"
    assert re.search("1,?501 operations", view.sentence.text())
    assert view.button.isVisible()
    qtbot.mouseClick(view.button, Qt.MouseButton.LeftButton)
    assert view.state == "missing"  # it was asked for, and there is no engine in this test


def test_a_heavy_file_without_a_light_copy_is_not_read(view, session, small_model):
    session._take(info(small_model, size_bytes=30_000_001))
    view.show()
    assert view.state == "heavy"


def test_without_a_model_it_says_so(view):
    view.show()
    assert view.state == "empty"
    assert "Open a model" in view.sentence.text()


# ---------------------------------------------------------------- the real page, in a process of its own

DRIVER = """
import json, os, signal, sys, time
from pathlib import Path
from gui.netron_page import register_scheme
register_scheme()
from PySide6.QtWidgets import QApplication
application = QApplication([])
from core.values import ModelInfo, Layer
from gui.engine_client import EngineClient
from gui.session import Session
from gui.theme import Theme
from gui.views.netron_view import NetronView
import msgspec
model = msgspec.json.decode(sys.argv[1], type=ModelInfo)
session = Session(EngineClient())
session._inspection._timer.timeout.disconnect()
theme = Theme(application)
view = NetronView(session, theme)
view.resize(640, 480)
view.show()
def until(check, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            print("TIMEOUT", file=sys.stderr)
            os._exit(3)
        application.processEvents()
        time.sleep(0.005)
def ask(code):
    answers = []
    view.web.page().runJavaScript("JSON.stringify(" + code + ")", 1, answers.append)
    until(lambda: answers)
    return json.loads(answers[0])
def inodes(pid):
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found
def family():
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    members = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        if not more:
            return members
        members |= more
report = {}
session._take(model)
"""
DRAWN = """
until(lambda: view.state == "drawn")
"""
ON_REQUEST = """
until(lambda: view.state == "large")
report["before"] = [view.state, view.web is not None]
view.button.click()
"""


def drive(body: str, model: ModelInfo, tmp_path: Path, request: bool = False) -> dict:
    """Run the panel in a fresh process (its web engine must not meet other tests'); return its report."""
    pytest.importorskip("PySide6.QtWebEngineCore", reason="Qt WebEngine is not installed")
    script = tmp_path / "drive.py"
    body = (ON_REQUEST if request else "") + DRAWN + body
    script.write_text(DRIVER + body + "\nview.close()\nprint('REPORT' + json.dumps(report))\n")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    done = subprocess.run(
        [sys.executable, str(script), msgspec.json.encode(model).decode()],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=tmp_path,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("REPORT")]
    assert lines, done.stderr[-3000:]
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(lines[0].removeprefix("REPORT"))


def test_the_graph_is_drawn_without_an_outside_request_and_selection_is_in_step(small_model, tmp_path):
    report = drive(
        """
report["nodes"] = ask("Array.from(document.querySelectorAll('[id^=node-name-]')).map(e => e.id)")
report["title"] = ask("document.title")
tcp = {line.split()[9] for table in ("tcp", "tcp6", "udp", "udp6")
       for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]}
report["sockets"] = sorted(tcp & set().union(*(inodes(pid) for pid in family())))
session.select("second")
until(lambda: ask("document.getElementById('node-name-second').querySelector('.node-border').style.stroke"))
marked = "document.getElementById('node-name-second').querySelector('.node-border').style.stroke"
report["stroke"] = ask(marked)
view.web.page().runJavaScript(
    "document.getElementById('node-name-/body/first')"
    ".dispatchEvent(new MouseEvent('click', {bubbles: true}))", 1)
until(lambda: session.selection == "/body/first")
report["selected"] = session.selection
# whatever tries to leave is stopped
view.web.page().runJavaScript(
    "fetch('https://example.com/x').catch(() => 0); new Image().src = 'http://127.0.0.1:9/y.png';"
    "fetch('file:///etc/passwd').catch(() => 0); window.location = 'https://example.com/z'")
until(lambda: len(view.web.interceptor.blocked) >= 2 or time.sleep(0.2))
report["blocked"] = view.web.interceptor.blocked
report["allowed"] = view.web.interceptor.allowed
report["still"] = view.web.url().toString()
theme.choose("dark")
until(lambda: view.state == "loading")
until(lambda: view.state == "drawn")
""",
        info(small_model, layers=("/body/first", "second")),
        tmp_path,
    )
    assert report["nodes"] == ["node-name-/body/first", "node-name-second"]
    assert report["sockets"] == []
    assert report["stroke"] == "rgb(15, 118, 110)"  # the accent, #0F766E
    assert report["selected"] == "/body/first"
    assert all(url.startswith("secateur-netron://viewer/") for url in report["allowed"])
    assert report["blocked"]
    # nothing but our own attempts was ever stopped: Netron itself asks for nothing outside
    assert all("example.com" in url or "127.0.0.1:9" in url or "passwd" in url for url in report["blocked"])
    assert report["still"].startswith("secateur-netron://viewer/")


def test_row_46_a_crash_of_the_web_process_leaves_a_sentence_and_the_rest_goes_on(small_model, tmp_path):
    """Row 46: the web view crashes; the native view goes on."""
    report = drive(
        """
os.kill(view.web.page().renderProcessPid(), signal.SIGKILL)
until(lambda: view.state == "crashed")
report["sentence"] = view.sentence.text()
report["button"] = view.button.isVisible()
session.select("second")
report["selection"] = session.selection
view.button.click()
until(lambda: view.state == "drawn")
report["again"] = True
""",
        info(small_model, layers=("second",)),
        tmp_path,
    )
    assert "stopped" in report["sentence"]
    assert report["button"]
    assert report["selection"] == "second"
    assert report["again"]


def test_a_real_network_is_drawn(shared_models, tmp_path):
    path = shared_models / "resnet20_cifar10.onnx"
    report = drive(
        "report['count'] = ask(\"document.querySelectorAll('[id^=node-name-]').length\")",
        info(path, nodes=51),
        tmp_path,
    )
    named = sum(bool(node.name) for node in onnx.load(path, load_external_data=False).graph.node)
    assert report["count"] == named


def test_contract_heads_have_the_graphs_colours(small_model, tmp_path):
    """What we rely on in Netron's page: ids by name, heads that take a fill, clicks on any part of a node."""
    report = drive(
        """
from core.values import Measurement, SensitivityPoint
from gui.views.graph_figures import resolve
def head(name, part, style):
    return ask("getComputedStyle(document.getElementById('node-name-%s')"
               ".querySelector('.node-item-type %s')).%s" % (name, part, style))
def settled(expected):
    until(lambda: head("second", "path", "fill") == expected or time.sleep(0.02))
def rgb(color):
    return "rgb(%d, %d, %d)" % color.getRgb()[:3]
until(lambda: view._painted is not None)
report["structure"] = ask(
    "Array.from(document.querySelectorAll('[id^=node-name-]')).map(e => [e.tagName,"
    " e.querySelectorAll('.node-item-type path').length, e.querySelectorAll('.node-item-type text').length,"
    " e.querySelectorAll('path.border, path.node-border').length])")
report["drawn"] = ask("document.body.className")
settled(rgb(theme.color("track")))
report["unknown"] = [head("second", "path", "fill"), head("second", "text", "fill")]
measured = Measurement(metric="top1", value=88.0, count=100, unit="%")
session._take(SensitivityPoint(layer_id="second", sparsity=0.5, measurement=measured, loss=0.5))
share = resolve(session, "sensitivity").shares["second"]
expected = theme.scale_color("damage", share)
settled(rgb(expected))
report["colour"] = [head("second", "path", "fill"), rgb(expected)]
report["ink"] = [head("second", "text", "fill"), rgb(theme.text_on(expected))]
report["other"] = head("/body/first", "path", "fill")
# the graph is painted by another figure: here too
session.set_figure("size")
share = resolve(session, "size").shares["second"]
settled(rgb(theme.scale_color("damage", share)))
report["size"] = [head("second", "path", "fill"), rgb(theme.scale_color("damage", share))]
report["first"] = head("/body/first", "path", "fill")
# a selection outlines and leaves the fill
session.select("second")
until(lambda: ask("document.getElementById('node-name-second').querySelector('.node-border').style.stroke"))
report["fill after selection"] = head("second", "path", "fill")
# a click on the words of the head is a click on the node
view.web.page().runJavaScript(
    "document.getElementById('node-name-/body/first').querySelector('.node-item-type text')"
    ".dispatchEvent(new MouseEvent('click', {bubbles: true}))", 1)
until(lambda: session.selection == "/body/first")
theme.choose("dark")
until(lambda: view.state == "loading")
until(lambda: view.state == "drawn")
settled(rgb(theme.scale_color("damage", share)))
report["edge"] = ask("getComputedStyle(document.querySelector('.edge-path')).stroke")
report["dark"] = [head("second", "path", "fill"), rgb(theme.scale_color("damage", share))]
""",
        info(small_model, layers=("/body/first", "second")),
        tmp_path,
    )
    assert report["structure"] == [["g", 1, 1, 1], ["g", 1, 1, 1]]
    assert "default" in report["drawn"].split()
    assert report["unknown"] == ["rgb(232, 235, 239)", "rgb(91, 103, 116)"]  # track and muted, light
    for name in ("colour", "ink", "size", "dark"):
        shown, expected = report[name]
        assert shown == expected, name
    assert report["other"] == "rgb(232, 235, 239)"
    assert report["colour"] != report["size"]
    assert report["edge"] == "rgb(136, 136, 136)"  # of Netron's dark style, not of the light one left behind
    # both layers are of one size
    assert report["first"] == report["fill after selection"] == report["size"][0]


def test_nobody_paints_before_the_page_is_drawn_or_seen(view, session, small_model):
    painted = []

    class Web:
        def paint(self, colors, other):
            painted.append(colors)

    session._take(info(small_model, layers=("second",)))
    view._web = Web()
    view._paint()
    assert painted == []
    view.state = "drawn"
    view._paint()
    assert painted == []  # nobody looks
    view._web = None


def test_above_1500_nodes_the_copy_without_weights_is_drawn_on_request(session, small_model, tmp_path):
    """A node is no layer: 1,600 in a chain; the light copy stands in for a file of any size."""
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=f"relu{i}") for i in range(1600)]
    inputs = [helper.make_tensor_value_info("v0", TensorProto.FLOAT, (1, 4))]
    outputs = [helper.make_tensor_value_info("v1600", TensorProto.FLOAT, (1, 4))]
    graph = helper.make_graph(nodes, "chain", inputs, outputs)
    path = tmp_path / "light.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    model = info(tmp_path / "heavy.onnx", nodes=1600, size_bytes=600_000_000)
    report = drive(
        """
report["count"] = ask("document.querySelectorAll('[id^=node-name-]').length")
""",
        msgspec.structs.replace(model, light_path=str(path)),
        tmp_path,
        request=True,
    )
    assert report["before"] == ["large", False]
    assert report["count"] == 1600
