"""The account of an exported file as a page: whole, true, in the language asked for, and harmless."""

from __future__ import annotations

import html.parser
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import networks
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from runs import Data, Watch

from core.cli import main
from core.compress import compress
from core.context import Context
from core.data import open_data
from core.evaluate.judge import Judge
from core.export import export
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.report import Account, Told, card_of, report_html, report_json
from core.report.pictures import ranges
from core.report.snippet import snippet
from core.report.words import Words, points, signed
from core.values import (
    Answer,
    Array,
    ChangedSample,
    ClassChange,
    Comparison,
    DataInfo,
    DataSpec,
    LayerPlan,
    MarkedBox,
    Marks,
    Measurement,
    ModelInfo,
    Origin,
    Outcome,
    Plan,
    Preprocess,
    Recipe,
    Result,
    SensitivityPoint,
    TensorInfo,
    class_name,
    text,
)

PLAN = Plan(defaults=LayerPlan(weight_bits=8, sparsity=0.25))
EXPECTED = Outcome(
    measurements=(Measurement(metric="top1", value=12.34, unit="%", estimate=True),), estimate=True
)


TOLD = Told()


class Page(html.parser.HTMLParser):
    """What a browser would make of it: text, tags, attributes; fails on what is not closed in order."""

    VOID = ("meta", "img", "wbr")

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.words, self.tags, self.attributes = [], [], []
        self._open: list[str] = []
        self.feed(content.decode("utf-8"))
        self.close()
        assert not self._open, self._open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            # a name goes on behind a place where it may be broken
            if self.tags[-1:] == ["wbr"] and self.words:
                self.words[-1] += data
            else:
                self.words.append(data)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenedModel, Data, Result, Watch]:
    folder = tmp_path_factory.mktemp("report")
    opened = open_model(networks.written(networks.cnn(), folder), Context())
    feeds = {opened.info.inputs[0].name: networks.pictures(60)}
    data = Data(feeds, np.arange(60) % 4, "classification", ("cat", "dog", "<i>eel</i>", "fox"))
    watch = Watch()
    result = compress(opened, data, Judge(opened.source, data, watch), PLAN, folder / "work", None, watch)
    return opened, data, result, watch


def account_of(judged: tuple[OpenedModel, Data, Result, Watch], told: Told = TOLD) -> Account:
    opened, data, result, _ = judged
    card = card_of(result, opened, data.info)
    return Account(result, opened, "small.onnx", "f" * 64, card, result.layers, data.info, told)


def test_it_says_what_was_done_what_it_cost_and_how_sure_that_is(judged) -> None:
    opened, _, result, watch = judged
    page = Page(report_html(account_of(judged, Told(points=tuple(watch.points)))))
    first, last = result.before.primary, result.after.primary
    assert first is not None and last is not None
    assert f"{first.value:.2f} % → {last.value:.2f} %" in page.text
    assert f"measured on 60 samples; 95 % interval {last.low:.2f} to {last.high:.2f} %" in page.text
    low, high = points(result.loss_low), points(result.loss_high)
    assert f"{points(result.loss)} points, with 95 % certainty between {low} and {high}" in page.text
    for layer in result.layers:
        assert layer.label in page.text
    assert page.text.count("8-bit weights") == 3
    assert opened.info.sha256 in page.text and "f" * 64 in page.text
    # each layer's cost is what the loss grew by when its turn came
    costs = np.diff([0.0, *(point.loss for point in watch.points)])
    for cost in costs:
        assert signed(-cost) in page.text
    assert "judged on 60" in page.text


def test_an_estimate_never_looks_like_a_measurement(judged) -> None:
    layer = judged[0].info.layers[0]
    measured = Measurement(metric="top1", value=80.0, unit="%", count=60)
    points = (
        SensitivityPoint(layer_id=layer.id, weight_bits=8, measurement=measured, loss=1.5),
        SensitivityPoint(layer_id=layer.id, sparsity=0.5, measurement=measured, loss=4.0),
    )
    content = report_html(account_of(judged, Told(alone=points, expected=EXPECTED))).decode()
    # at 25 % zeros and 8 bits nothing was measured: 1.5 and half of 4.0, dashed
    assert re.search(r'<span class="estimate"[^>]*>≈ −3.50</span>', content)
    assert '<circle class="guess"' in content and "≈ 12.34" in content
    plain = report_html(account_of(judged)).decode()
    assert 'class="estimate"' not in plain and 'class="guess"' not in plain


@pytest.mark.parametrize(("unit", "last"), [("%", 100.0), ("dB", 105.0)])
def test_no_share_is_more_than_all_of_it(unit: str, last: float) -> None:
    one = Measurement(metric="any", value=99.0, unit=unit, count=60, low=90.0, high=106.0)
    drawing = ranges((("before", one), ("after", one)))
    ticks = [float(found) for found in re.findall(r'middle">([0-9.]+)</text>', drawing)]
    assert ticks[-1] == last and 95.0 in ticks


def test_it_stands_alone_and_loads_nothing(judged) -> None:
    page = Page(report_html(account_of(judged)))
    assert {"script", "link", "iframe", "object"}.isdisjoint(page.tags)
    assert not [one for one in page.attributes if one[1] in ("src", "href") or one[1].startswith("on")]
    content = report_html(account_of(judged)).decode()
    assert "prefers-color-scheme: dark" in content and "@media print" in content
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", content)


def test_what_got_worse_is_shown_with_the_pictures_inside(judged) -> None:
    def one(name: str, lost: float, low: float) -> ClassChange:
        return ClassChange(
            name=name, count=15, before=80.0, before_low=60.0, before_high=90.0, after=80.0 - lost,
            after_low=50.0, after_high=90.0, lost=lost, lost_low=low, lost_high=lost + 4,
        )  # fmt: skip

    sample = ChangedSample(
        index=7, label="<cat>", before="cat", before_share=0.61, after="dog", after_share=0.5,
        change=0.4, kind="broken", picture_png=b"png",
    )  # fmt: skip
    comparison = Comparison(
        sha256="s", done=60, total=60, labelled=True, changed=9, broken=6, mended=2,
        classes=(one("cat", 1.0, -2.0), one("dog", 8.0, 3.0)), samples=(sample,),
    )  # fmt: skip
    content = report_html(account_of(judged, Told(comparison=comparison)))
    page = Page(content)
    assert "9 of 60 answers changed · 6 to wrong, 2 to right" in page.text
    assert page.text.index("8.00 (3.00 … 12.00)") < page.text.index("1.00 (−2.00 … 5.00)")
    assert b"<strong>8.00 (3.00" in content and b"<strong>1.00" not in content
    assert "<cat> cat 61 % → dog 50 %" in page.text
    assert ("img", "src", "data:image/png;base64,cG5n") in page.attributes
    assert "What changed" not in Page(report_html(account_of(judged))).text
    four, half_sky = class_name((), 4), (Answer(name="sky", share=0.5),)
    unnamed = msgspec.structs.replace(sample, label=four, before=four, after_parts=half_sky)
    told = Told(comparison=msgspec.structs.replace(comparison, samples=(unnamed,)), language="zh_CN")
    assert "类别 4 类别 4 (61 %) → sky 50.0 %" in Page(report_html(account_of(judged, told))).text
    overlaps = msgspec.structs.replace(comparison, classes_by="iou", quantiles=(0.1, 0.2, 0.3))
    page = Page(report_html(account_of(judged, Told(comparison=overlaps))))
    assert "share of the area of both (IoU)" in page.text and "to wrong" not in page.text
    assert "Pictures original compressed points lost, 95 % dog 15 80.0 % 72.0 % 8.00" in page.text


def test_areas_and_boxes_are_drawn_over_the_picture_before_and_after(judged) -> None:
    stream = io.BytesIO()
    Image.new("L", (8, 4)).save(stream, "PNG")
    areas = Marks(areas=Array.of(np.array([[0, 1], [2, 2]], np.uint8)))
    box = MarkedBox(left=0.25, top=0.5, right=1.0, bottom=1.0, number=1, name="<cat>", share=0.87)
    sample = ChangedSample(
        index=7, picture_png=stream.getvalue(), before_marks=areas, after_marks=Marks(boxes=(box,))
    )
    comparison = Comparison(sha256="s", done=6, total=6, labelled=False, samples=(sample,))
    content = report_html(account_of(judged, Told(comparison=comparison)))
    page = Page(content)
    assert page.tags.count("image") == 2
    # class 1 is the upper right quarter, class 2 the lower half
    assert ("path", "d", "M4 0h4v2H4z") in page.attributes and ("path", "d", "M0 2h8v2H0z") in page.attributes
    sides = {name: value for tag, name, value in page.attributes if tag == "rect" and name in "xywidtheight"}
    assert (sides["x"], sides["y"], sides["width"], sides["height"]) == ("2.0", "2.0", "6.0", "2.0")
    assert "<cat> 87 %" in page.text


def test_times_are_written_as_people_write_them(judged) -> None:
    account = account_of(judged)
    made = msgspec.structs.replace(account.card, made="2026-11-26T17:43:49+00:00")
    for seconds, said, chinese in ((196.9, "3 min 17 s", "3 分 17 秒"), (9.24, "9.2 s", "9.2 秒")):
        result = msgspec.structs.replace(account.result, seconds=seconds)
        told = replace(account, card=made, result=result)
        page = Page(report_html(told))
        assert f"The run took {said} Made with" in page.text and "2026-11-26 17:43 UTC" in page.text
        own = replace(told, told=Told(language="zh_CN"))
        assert f"运行用时 {chinese}" in Page(report_html(own)).text


def test_it_is_written_in_chinese(judged) -> None:
    content = report_html(account_of(judged, Told(language="zh_CN", expected=EXPECTED)))
    page = Page(content)
    assert b'<html lang="zh-CN">' in content
    assert "如何运行此文件" in page.text and "8 位权重" in page.text
    english = Page(report_html(account_of(judged, Told(expected=EXPECTED))))
    for sentence in ("What was done to each layer", "On which data", "How to run the file", "Size on disk"):
        assert sentence in english.text and sentence not in page.text


def test_row_18_names_stay_plain_text(judged) -> None:
    opened, data, result, watch = judged
    evil = '"><script>alert(1)</script>\u202egnp\u0007'
    layers = tuple(msgspec.structs.replace(one, label=evil, note=text(evil[:2])) for one in result.layers)
    result = msgspec.structs.replace(result, notes=(text("{x}", x=evil),), layers=layers)
    info = msgspec.structs.replace(data.info, class_names=(evil, "b", "c", "d"))
    card = msgspec.structs.replace(card_of(result, opened, info), source=evil)
    content = report_html(
        Account(result, opened, evil, evil, card, layers, info, Told(points=tuple(watch.points)))
    )
    page = Page(content)
    assert "script" not in page.tags and "\u202e" not in content.decode()
    assert "<script>alert(1)</script>" in page.text
    # in the lines of code a name is a literal
    compile(_code_text(content), "snippet", "exec")


def _code_text(content: bytes) -> str:
    return html.unescape(re.search(r"<pre><code>(.*?)</code>", content.decode(), re.DOTALL)[1])


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(resize=(8, 8), mean=(10.0, 20.0, 30.0), std=(50.0,), layout="NCHW", color="RGB"),
        Preprocess(resize=10, crop=8, std=(255.0,), layout="NCHW", color="BGR"),
    ],
)
def test_the_lines_of_code_run_and_prepare_as_for_judging(
    tmp_path: Path, preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet is executed; what it feeds is what the data set fed."""
    model = networks.written(networks.cnn(), tmp_path, "it's.onnx")
    opened = open_model(model, Context())
    folder = tmp_path / "data"
    rng = np.random.default_rng(3)
    for label in ("one", "two", "three", "four"):
        (folder / label).mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (13, 17, 3), np.uint8)).save(folder / label / "0.png")
    spec = DataSpec(path=str(folder), preprocess=preprocess, calibration_count=0)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    batch = next(iter(data.batches("judge", 1)))
    label = data.info.class_names[int(batch.labels[0])]
    Image.open(folder / label / "0.png").save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(compile(snippet("it's.onnx", opened.info, data.info), "snippet", "exec"), found)
    name = opened.info.inputs[0].name
    np.testing.assert_allclose(found["feeds"][name], batch.feeds[name], atol=1e-5)
    wanted = onnxruntime.InferenceSession(str(model)).run(None, batch.feeds)[0]
    np.testing.assert_allclose(found["answers"], wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "dtype", "maps"),
    [
        ((None, 2, 2, 3), "float32", [[[9, 9, -1], [9, 9, 9]], [[0, 0, 0], [0, 0, 0]]]),
        ((None, 2, 3, 2), "float32", [[[9, 0], [9, 0], [-1, 0]], [[9, 0], [9, 0], [9, 0]]]),
        ((None, 1, 2, 3), "float32", [[[-5, -5, 3], [-5, -5, -5]]]),
        ((None, 1, 2, 3), "float32", [[[0.1, 0.2, 0.75], [0.5, 0, 0]]]),
        ((None, 2, 3), "int64", [[[0, 0, 1], [0, 0, 0]]]),
    ],
)
def test_areas_are_read_from_scores_of_each_class_of_one_and_from_classes(
    shape: tuple[int | None, ...],
    dtype: str,
    maps: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of six places is a tree in whatever form the answer is."""
    answer = np.array([maps[0]] if len(shape) == 3 else [maps], dtype)
    kept = onnx.numpy_helper.from_array(answer, "kept")
    output = onnx.helper.make_tensor_value_info("y", kept.data_type, answer.shape)
    node = onnx.helper.make_node("Identity", ["kept"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [], [output], [kept])
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9),
        tmp_path / "small.onnx",
    )
    monkeypatch.chdir(tmp_path)
    model = ModelInfo(
        path="", name="", sha256="", size_bytes=0, opset=17, ir_version=9,
        outputs=(TensorInfo(name="y", dtype=dtype, shape=shape),),
    )  # fmt: skip
    data = DataInfo(
        spec=DataSpec(path="masks"), sha256="", kind="", task="segmentation", sample_count=1,
        calibration_count=0, judge_count=1, class_names=("sky", "tree"),
    )  # fmt: skip
    exec(compile(snippet("small.onnx", model, data), "snippet", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["sky 83.3% of the picture", "tree 16.7% of the picture"]


def test_lines_for_requests_read_one_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is stacked along its second axis, and a request may lack the batch."""
    nodes = [
        onnx.helper.make_node("ReduceSum", ["state", "axes"], ["sums"], keepdims=0),
        onnx.helper.make_node("Add", ["x", "sums"], ["moved"]),
        onnx.helper.make_node("Mul", ["moved", "rate"], ["y"]),
    ]
    inputs = {"x": ["N", "T"], "state": [2, "N", "T"], "rate": []}
    model = networks.model_of(nodes, inputs, {"y": ["N", "T"]}, {"axes": np.array([0])})
    opened = open_model(networks.written(model, tmp_path, "small.onnx"), Context())
    x, state = np.array([1.0, 2.0], np.float32), np.array([[1.0, 1.0], [0.5, 0.25]], np.float32)
    (tmp_path / "r").mkdir()
    for place in range(3):
        np.savez(tmp_path / "r" / f"{place}.npz", x=x, state=state, rate=np.array(2.0))
    spec = DataSpec(path=str(tmp_path / "r"), calibration_count=1)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    np.savez(tmp_path / "request.npz", x=x, state=state, rate=np.array(2.0))
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(compile(snippet("small.onnx", opened.info, data.info), "snippet", "exec"), found)
    assert found["answers"].tolist() == [[5.0, 6.5]]


def test_words_write_signs_and_what_they_cannot_name() -> None:
    assert (signed(0.4), signed(-0.404), signed(-0.001)) == ("+0.40", "−0.40", "0.00")
    words = Words("zh_CN")
    assert words.name("a<b") == "<bdi>a&lt;b</bdi>"
    assert (
        words(None) == "" and words(text("no such sentence <{x}>", x="&")) == "no such sentence &lt;&amp;&gt;"
    )


def test_export_writes_a_page_where_the_name_asks_for_one(judged, tmp_path: Path) -> None:
    opened, data, result, _ = judged
    reports = (tmp_path / "r.html", tmp_path / "r.json")
    exported = export(result, tmp_path / "out.onnx", opened, data, Context(), reports)
    page = Page(reports[0].read_bytes())
    assert exported.report_path == str(reports[0])
    assert exported.sha256 in page.text
    assert json.loads(reports[1].read_text("utf-8"))["exported"]["sha256"] == exported.sha256


def test_a_project_tells_of_its_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = networks.written(networks.cnn(), tmp_path)
    np.savez(tmp_path / "data.npz", x=networks.pictures(60), y=np.arange(60) % 4)
    project, page = str(tmp_path / "p.secateur"), tmp_path / "again.html"
    given = ["compress", str(model), "--data", str(tmp_path / "data.npz"), "--calibration-count", "20"]
    given += ["--weight-bits", "8", "--activation-bits", "32", "--each-layer", "--quiet"]
    assert main([*given, "--out", str(tmp_path / "o.onnx"), "--project", project]) == 0
    assert main(["report", project, "--out", str(page), "--language", "zh_CN"]) == 0
    shown = Page(page.read_bytes())
    assert "个回答中有" not in shown.text, "nobody looked at what changed"
    assert "运行过程" in shown.text and "data.npz" in shown.text
    assert main([*given, "--out", str(tmp_path / "o.onnx"), "--project", project, "--report", str(page)]) == 0
    assert "answers changed" in Page(page.read_bytes()).text
    assert main(["report", project, "--out", str(page), "--language", "zh_CN"]) == 0
    assert "回答" in Page(page.read_bytes()).text
    assert main(["report", project, "--run", "9", "--out", str(page)]) == 2
    assert "no such finished run" in capsys.readouterr().err


def test_it_says_what_a_converted_model_was_made_from(judged) -> None:
    account = account_of(judged)
    assert "Converted from" not in Page(report_html(account)).text
    assert json.loads(report_json(account))["converted_from"] is None
    origin = Origin(
        path="/home/me/net.pt2", name="net.pt2", sha256="e" * 64, size_bytes=2000, kind="torch_program",
        label=text("PyTorch program (.pt2)"), recipe=Recipe(trusted=True), difference=2.5e-7, reach=3.0,
        samples=5, written_by="PyTorch <script>", frameworks="PyTorch 2.12.0",
    )  # fmt: skip
    opened = account.opened
    info = msgspec.structs.replace(opened.info, origin=origin)
    account = replace(account, opened=replace(opened, info=info))
    page = Page(report_html(account))
    for told in ("net.pt2 (PyTorch program (.pt2)), 2.00 kB", "e" * 64, "2.5e-07", "PyTorch 2.12.0"):
        assert told in page.text
    assert "PyTorch <script>" in page.text and "script" not in page.tags
    told = json.loads(report_json(account))["converted_from"]
    assert (told["name"], told["converted_with"], told["largest_difference"]) == (
        "net.pt2", "PyTorch 2.12.0", 2.5e-7,
    )  # fmt: skip
    assert "/home/me" not in report_html(account).decode()


def test_names_break_between_their_parts_and_sentences_have_their_languages_marks() -> None:
    english, chinese = Words("en"), Words("zh_CN")
    assert english.layer("encoder.0.conv_in<b>") == ("<bdi>encoder.<wbr>0.<wbr>conv_<wbr>in&lt;b&gt;</bdi>")
    assert english.sentence("Accuracy", "", "measured") == "Accuracy, measured."
    assert chinese.sentence("准确率", "在 8 个样本上测得") == "准确率，在 8 个样本上测得。"
    assert chinese.listed(["8 位权重", "11 % 零"]) == "8 位权重、11 % 零"
