"""A detector with two outputs through the jobs: from COCO annotations to a compressed file."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime
from onnx import helper
from PIL import Image

from core import messages as m
from core.context import Context
from core.data import open_data
from core.evaluate.detector import COLUMNS, MOST, Detector
from core.evaluate.runner import Runner
from core.jobs import perform
from core.values import Analysis, DataSpec, LayerPlan, Outcome, Plan, Preprocess, Result
from core.workspace import Workspace

SIZE, CELLS, CLASSES, PICTURES = 32, 4, 3, 40
AS_IT_IS = Preprocess(mean=(0.0,), std=(255.0,), layout="NCHW", color="RGB")


def detector() -> onnx.ModelProto:
    """One box in each of 4 × 4 cells: boxes (N, 16, 4), corners in pixels, and scores (N, 16, 3)."""
    rng = np.random.default_rng(0)

    def random(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    corner = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), axis=-1).reshape(-1, 2) * SIZE / CELLS
    weights = {
        "w1": random(12, 3, 8, 8, scale=2.0),
        "b1": np.full(12, 0.1, np.float32),
        "w2": random(4, 12, 1, 1, scale=1.5),
        "w3": random(CLASSES, 12, 1, 1, scale=12.0),
        "bias": np.array([-1, -1.5, -2], np.float32),
        "usual": np.concatenate([corner + 0.5, corner + 7.5], axis=1)[None].astype(np.float32),
        "boxes_shape": np.array([0, 4, -1]),
        "scores_shape": np.array([0, CLASSES, -1]),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], name="stem", strides=[8, 8]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="box_head"),
        helper.make_node("Conv", ["r1", "w3", "bias"], ["c3"], name="score_head"),
        helper.make_node("Reshape", ["c2", "boxes_shape"], ["f2"], name="flat2"),
        helper.make_node("Transpose", ["f2"], ["t2"], name="turn2", perm=[0, 2, 1]),
        helper.make_node("Add", ["t2", "usual"], ["boxes"], name="place"),
        helper.make_node("Reshape", ["c3", "scores_shape"], ["f3"], name="flat3"),
        helper.make_node("Transpose", ["f3"], ["t3"], name="turn3", perm=[0, 2, 1]),
        helper.make_node("Sigmoid", ["t3"], ["scores"], name="sure"),
    ]
    cells = CELLS * CELLS
    shapes: dict[str, list[int | str]] = {"boxes": ["N", cells, 4], "scores": ["N", cells, CLASSES]}
    return networks.model_of(nodes, {"image": ["N", 3, SIZE, SIZE]}, shapes, weights)


def written(folder: Path) -> tuple[Path, Path]:
    """The model, and pictures whose boxes are what it finds, but for one in six."""
    model = networks.written(detector(), folder)
    rng = np.random.default_rng(1)
    (folder / "images").mkdir()
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    read = Detector((0, 1), "pairs", CLASSES, (SIZE, SIZE))
    images, annotations = [], []
    for place in range(PICTURES):
        pixels = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{place}.png")
        images.append({"id": place, "file_name": f"{place}.png", "width": SIZE, "height": SIZE})
        feeds = {"image": (pixels.transpose(2, 0, 1)[None] / 255).astype(np.float32)}
        found = read.read(session.run(None, feeds))[:, : read.judged].reshape(MOST, COLUMNS)
        for x0, y0, x1, y1, score, label in found.tolist():
            if label >= 0 and score > 0.5:
                wrong = rng.random() < 1 / 6
                left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, SIZE), min(y1, SIZE)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": place,
                        "category_id": 10 * (1 + (int(label) + wrong) % CLASSES),
                        "bbox": [left, top, right - left, bottom - top],
                    }
                )
    categories = [{"id": 10 * (1 + label), "name": "abc"[label]} for label in range(CLASSES)]
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return model, path


def test_boxes_are_moved_along_with_their_pictures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (80, 40)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (80, 40)).save(tmp_path / "images" / "b.png")
    document = {
        "images": [{"id": i, "file_name": f"{n}.png", "width": 80, "height": 40} for i, n in enumerate("ab")],
        "annotations": [
            {"image_id": i, "category_id": 2, "bbox": box}
            for i in range(2)
            for box in ([20, 10, 40, 20], [70, 0, 10, 40], [0, 0, 30, 30])
        ],
        "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(document))
    runner = Runner(networks.written(detector(), tmp_path))
    preprocess = Preprocess(resize=32, crop=32, mean=(0.0,), std=(255.0,), layout="NCHW", color="RGB")
    spec = DataSpec(path=str(path), preprocess=preprocess, calibration_count=1, task="detection")
    (batch,) = open_data(spec, runner.inputs, runner.outputs, Context()).batches("judge", 10)
    assert batch.labels is not None
    # 80 × 40 becomes 64 × 32, of which the middle 32 stay: x from 16 to 48; the box at the right end is gone
    assert batch.labels[0].tolist() == [
        [1, 16 - 16, 8, 48 - 16, 24],
        [1, 0, 0, 24 - 16, 24],
    ]


def test_a_detector_is_judged_swept_and_compressed(tmp_path: Path) -> None:
    model, data = written(tmp_path)
    spec = DataSpec(path=str(data), preprocess=AS_IT_IS, calibration_count=8, judge_count=None)
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    info = workspace.data(str(model), spec, Context()).info
    assert (info.kind, info.task, info.class_names) == ("coco", "detection", ("a", "b", "c"))
    outcome = perform(m.Evaluate(model=str(model), data=spec, latency=False), workspace, Context())
    assert isinstance(outcome, Outcome)
    assert outcome.primary is not None
    assert outcome.primary.metric == "box_map"
    # five of six boxes have the right class, found with certainty in between
    assert 50 < outcome.primary.value < 95

    analysis = perform(m.Analyze(model=str(model), data=spec, samples=24), workspace, Context())
    assert isinstance(analysis, Analysis)
    measured = {p.layer_id: p for p in analysis.points if p.weight_bits == 4 and not p.estimate}
    # a head changes one of the two outputs, and is measured all the same
    assert set(measured) == {"stem", "box_head", "score_head"}
    assert all(point.measurement.metric == "box_map" for point in measured.values())
    assert all(point.damage is not None and point.damage > 0 for point in measured.values())

    results = [
        perform(
            m.Compress(model=str(model), data=spec, plan=Plan(defaults=LayerPlan(weight_bits=bits))),
            workspace,
            Context(),
        )
        for bits in (8, 2)
    ]
    mild, harsh = (result.after.primary for result in results if isinstance(result, Result))
    assert mild is not None and harsh is not None
    assert abs(mild.value - outcome.primary.value) < 8
    assert harsh.value < mild.value


def listing() -> onnx.ModelProto:
    """The same with NonMaxSuppression inside: boxes (k, 4), classes from 1 on (k,), scores (k,)."""
    model = detector()
    del model.graph.output[:]
    model.graph.node.extend(
        [
            helper.make_node("Transpose", ["scores"], ["by_class"], name="by_class", perm=[0, 2, 1]),
            helper.make_node(
                "NonMaxSuppression", ["boxes", "by_class", "most", "overlap", "least"], ["picked"], name="nms"
            ),
            helper.make_node("Gather", ["picked", "box_column"], ["box_index"], name="of_box", axis=1),
            helper.make_node("Gather", ["picked", "class_column"], ["class_index"], name="of_class", axis=1),
            helper.make_node("Squeeze", ["boxes", "first"], ["flat_boxes"], name="squeeze"),
            helper.make_node("Gather", ["flat_boxes", "box_index"], ["found"], name="found", axis=0),
            helper.make_node("GatherND", ["by_class", "picked"], ["sure_of"], name="sure_of"),
            helper.make_node("Add", ["class_index", "one"], ["kinds"], name="from_one"),
        ]
    )
    constants = {
        "most": np.array([20]),
        "overlap": np.array([0.6], np.float32),
        "least": np.array([0.05], np.float32),
        "box_column": np.array(2),
        "class_column": np.array(1),
        "first": np.array([0]),
        "one": np.array(1),
    }
    model.graph.initializer.extend(onnx.numpy_helper.from_array(v, n) for n, v in constants.items())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    kinds = onnx.TensorProto
    for name, kind, shape in (
        ("found", kinds.FLOAT, ["k", 4]),
        ("kinds", kinds.INT64, ["k"]),
        ("sure_of", kinds.FLOAT, ["k"]),
    ):
        model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))
    return model


def test_a_detector_whose_boxes_vary_in_number(tmp_path: Path) -> None:
    """Labelled it has the figure of the network without NonMaxSuppression, and is swept and compressed."""
    plain, data = written(tmp_path)
    path = tmp_path / "listing.onnx"
    onnx.save(listing(), path)
    counts = {len(Runner(path).run({"image": noise(seed)})[0]) for seed in range(6)}
    assert len(counts) > 1, "as many boxes as it finds"
    spec = DataSpec(path=str(data), preprocess=AS_IT_IS, calibration_count=8, judge_count=None)
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    figures = [
        perform(m.Evaluate(model=str(model), data=spec, latency=False), workspace, Context())
        for model in (plain, path)
    ]
    assert [figure.primary.metric for figure in figures] == ["box_map", "box_map"]
    assert abs(figures[0].primary.value - figures[1].primary.value) < 3  # only the unlikeliest are left out

    analysis = perform(m.Analyze(model=str(path), data=spec, samples=24), workspace, Context())
    measured = {p.layer_id: p for p in analysis.points if p.weight_bits == 4 and not p.estimate}
    assert set(measured) == {"stem", "box_head", "score_head"}
    assert all(point.damage is not None and point.damage > 0 for point in measured.values())
    plan = Plan(defaults=LayerPlan(weight_bits=8))
    result = perform(m.Compress(model=str(path), data=spec, plan=plan), workspace, Context())
    assert abs(result.after.primary.value - figures[1].primary.value) < 8


def test_lists_that_nobody_has_labelled_are_compared(tmp_path: Path) -> None:
    _, data = written(tmp_path)
    path = tmp_path / "listing.onnx"
    onnx.save(listing(), path)
    spec = DataSpec(
        path=str(data.parent / "images"), preprocess=AS_IT_IS, calibration_count=8, judge_count=16
    )
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    assert workspace.data(str(path), spec, Context()).info.task == "unlabelled"
    losses = []
    for bits in (8, 3):
        plan = Plan(defaults=LayerPlan(weight_bits=bits))
        result = perform(m.Compress(model=str(path), data=spec, plan=plan), workspace, Context())
        assert result.after.primary.metric == "sqnr_db"
        losses.append(result.after.primary.value)
    assert losses[0] > losses[1] > -20
    assert losses[0] > 10


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((1, 3, SIZE, SIZE)).astype(np.float32)
