"""Model files that must never hurt a user: rows 9, 10, 12-19 and 45 of the list of bad inputs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from model_files import FLOAT, external, opened, refused, small, value, weights, written
from onnx import TensorProto, helper, numpy_helper

from core.errors import EngineError, SecateurError, UnsupportedModelError
from core.evaluate import time_limit
from core.evaluate.runner import Runner
from core.formats import onnx_format, reading
from core.graph.drawing import layout

# ---------------------------------------------------------------- 9 to 13: the graph


def test_row_09_cycle(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["a", "w"], ["y"], name="first"),
        helper.make_node("Add", ["y", "x"], ["a"], name="second"),
    ]
    refused(written(tmp_path, small(nodes=nodes)), "graph", "is invalid", "circle", "'first'")


def test_row_09_cycle_through_a_body(tmp_path: Path) -> None:
    body = helper.make_graph([helper.make_node("Relu", ["late"], ["r"])], "b", [], [value("r", "N", 3)])
    condition = numpy_helper.from_array(np.array(True), "c")
    nodes = [
        helper.make_node("If", ["c"], ["y"], name="choice", then_branch=body, else_branch=body),
        helper.make_node("Relu", ["y"], ["late"]),
    ]
    refused(written(tmp_path, small(nodes=nodes, initializer=[condition])), "is invalid", "circle")


def test_row_09_node_reads_itself(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "y"], ["y"], name="loop")]
    refused(written(tmp_path, small(nodes=nodes, initializer=[])), "circle", "'loop'")


def test_row_09_value_from_nowhere(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "v"], ["y"], name="fc")]
    refused(written(tmp_path, small(nodes=nodes)), "'fc'", "'v'", "nothing makes")


def test_row_09_value_made_twice(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])]
    refused(written(tmp_path, small(nodes=nodes)), "'y'", "made twice")


def with_functions(model: onnx.ModelProto, *functions: onnx.FunctionProto) -> onnx.ModelProto:
    model.functions.extend(functions)
    model.opset_import.append(helper.make_opsetid("own", 1))
    return model


def function(name: str, *calls: str) -> onnx.FunctionProto:
    names = ["a", *(f"v{index}" for index in range(len(calls) - 1)), "b"]
    nodes = [
        helper.make_node(call, [names[i]], [names[i + 1]], domain="own" if call[0] == "f" else "")
        for i, call in enumerate(calls)
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, opsets)


def calling(name: str) -> list[onnx.NodeProto]:
    return [helper.make_node(name, ["x"], ["h"], domain="own"), helper.make_node("MatMul", ["h", "w"], ["y"])]


def test_row_09_function_calls_itself(tmp_path: Path) -> None:
    model = with_functions(small(nodes=calling("f")), function("f", "Relu", "f"))
    refused(written(tmp_path, model), "'f' calls itself")


def test_row_09_functions_call_each_other(tmp_path: Path) -> None:
    model = with_functions(small(nodes=calling("f1")), function("f1", "f2"), function("f2", "f1"))
    refused(written(tmp_path, model), "calls itself")


def test_row_10_functions_that_double(tmp_path: Path) -> None:
    functions = [function(f"f{level}", f"f{level + 1}", f"f{level + 1}") for level in range(40)]
    model = with_functions(small(nodes=calling("f0")), *functions, function("f40", "Relu"))
    refused(written(tmp_path, model), "too large", "100000", kind=UnsupportedModelError)


def test_row_10_harmless_functions_open(tmp_path: Path) -> None:
    model = with_functions(small(nodes=calling("f0")), function("f0", "f1", "Relu"), function("f1", "Abs"))
    result = opened(written(tmp_path, model))
    assert [node.op_type for node in result.model.graph] == ["Abs", "Relu", "MatMul"]


def test_row_11_a_chain_of_200_000_nodes_is_refused_before_any_work_on_it(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["v0"], name="fc")]
    nodes += [helper.make_node("Relu", [f"v{index}"], [f"v{index + 1}"]) for index in range(199_998)]
    nodes.append(helper.make_node("Relu", ["v199998"], ["y"]))
    path = written(tmp_path, small(nodes=nodes))
    refused(path, "too large", "200000 operations", "100000", kind=UnsupportedModelError)


def test_row_11_nodes_in_bodies_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One If of two bodies with three nodes each beside one layer: eight."""
    made = [helper.make_node("Relu", [f"r{index}"], [f"r{index + 1}"]) for index in range(1, 3)]
    body = helper.make_graph([helper.make_node("Relu", ["h"], ["r1"]), *made], "b", [], [value("r3", "N", 3)])
    condition = numpy_helper.from_array(np.array(True), "c")
    matrix = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
        helper.make_node("If", ["c"], ["y"], name="choice", then_branch=body, else_branch=body),
    ]
    path = written(tmp_path, small(nodes=nodes, initializer=[matrix, condition]))
    monkeypatch.setattr(reading, "MOST_NODES", 8)
    assert opened(path).info.layers
    monkeypatch.setattr(reading, "MOST_NODES", 7)
    refused(path, "too large", "8 operations", kind=UnsupportedModelError)


def test_row_12_loop_without_an_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2^62 rounds that each add one."""
    body = helper.make_graph(
        [helper.make_node("Add", ["before", "w0"], ["after"]), helper.make_node("Identity", ["on"], ["go"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            value("before", "N", 3),
        ],
        [helper.make_tensor_value_info("go", TensorProto.BOOL, []), value("after", "N", 3)],
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
        helper.make_node("Loop", ["rounds", "yes", "h"], ["y"], name="endless", body=body),
    ]
    arrays = {"w": np.ones((4, 3), np.float32), "w0": np.ones(1, np.float32)}
    arrays |= {"rounds": np.array(2**62), "yes": np.array(True)}
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    path = written(tmp_path, small(nodes=nodes, initializer=tensors))
    assert opened(path).info.layers
    monkeypatch.setattr(time_limit, "SECONDS", 1.0)
    with pytest.raises(EngineError, match="ran for too long"):
        Runner(path).run({"x": np.zeros((1, 4), np.float32)})


@pytest.mark.parametrize("inside", [False, True], ids=["initializer", "constant-node"])
def test_row_13_constant_larger_than_any_memory(tmp_path: Path, inside: bool) -> None:
    shape = numpy_helper.from_array(np.array([2**17, 2**17], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"], name="flood"),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "sum"], ["y"]),
    ]
    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    if inside:
        nodes.insert(0, helper.make_node("Constant", [], ["shape"], value=shape))
    model = small(nodes=nodes, initializer=[weight] if inside else [weight, shape])
    refused(written(tmp_path, model), "needs 68 GB of memory", "'flood'", kind=UnsupportedModelError)


def test_row_13_constant_that_fits_is_no_fault(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([1, 3], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "zeros"], ["y"]),
    ]
    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    assert opened(written(tmp_path, small(nodes=nodes, initializer=[weight, shape]))).info.layers


# ---------------------------------------------------------------- 14: tensors


def tensor(dims: list[int], data: bytes = b"", data_type: int = FLOAT) -> onnx.TensorProto:
    return onnx.TensorProto(name="encoder.weight", dims=dims, data_type=data_type, raw_data=data)


def typed(dims: list[int], count: int) -> onnx.TensorProto:
    return onnx.TensorProto(name="encoder.weight", dims=dims, data_type=FLOAT, float_data=[1.0] * count)


def fed_by(weight: onnx.TensorProto) -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "encoder.weight"], ["y"], name="fc")]
    return small(weight, nodes=nodes)


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (tensor([-4, 3], bytes(48)), "negative"),
        (tensor([2**62, 2**62], bytes(48)), "larger than any"),
        (tensor([2**63 - 1, 3], bytes(48)), "larger than any"),
        (tensor([4, 3], bytes(47)), "needs 48 bytes, the file holds 47"),
        (tensor([400, 300], bytes(4 * 400 * 300 - 4)), "needs 480000 bytes, the file holds 479996"),
        (tensor([4, 3]), "needs 48 bytes, the file holds 0"),
        (tensor([4, 3], bytes(48), 0), "type"),
        (tensor([4, 3], bytes(48), 99), "type"),
        (tensor([0, 3]), "empty"),
        (
            onnx.TensorProto(name="encoder.weight", dims=[4, 3], data_type=FLOAT, float_data=[1.0] * 11),
            "holds 11",
        ),
    ],
    ids=[
        "negative",
        "overflow",
        "overflow-63",
        "short",
        "long",
        "none",
        "no-type",
        "type-99",
        "zero",
        "typed",
    ],
)
def test_row_14_bad_tensor(tmp_path: Path, weight: onnx.TensorProto, says: str) -> None:
    refused(written(tmp_path, fed_by(weight)), "'encoder.weight'", says)


# ---------------------------------------------------------------- 15: newer versions


def test_row_15_newer_opset(tmp_path: Path) -> None:
    model = small()
    model.opset_import[0].version = 999
    newest = onnx.defs.onnx_opset_version()
    refused(written(tmp_path, model), "opset 999", f"up to {newest}", kind=UnsupportedModelError)


def test_row_15_newer_ir_version(tmp_path: Path) -> None:
    model = small()
    model.ir_version = 4242
    refused(written(tmp_path, model), "4242", f"up to {int(onnx.IR_VERSION)}", kind=UnsupportedModelError)


# ---------------------------------------------------------------- 16: custom operators


@pytest.mark.parametrize(
    ("op", "domain", "shown"),
    [
        ("Frobnicate", "com.example", "com.example::Frobnicate"),
        ("EPContext", "com.microsoft", "EPContext"),
        ("Nonsense", "", "Nonsense"),
    ],
)
def test_row_16_custom_operator(tmp_path: Path, op: str, domain: str, shown: str) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
        helper.make_node(op, ["h"], ["y"], domain=domain, name="own"),
    ]
    model = small(nodes=nodes)
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    result = opened(written(tmp_path, model))
    assert not result.info.compressible
    assert any(shown in str(reason) for reason in result.info.why_not)
    assert [layer.id for layer in result.info.layers] == ["fc"]
    assert [node.id for node in layout(result, "nodes").nodes] == ["input:x", "fc", "own", "output:y"]


def test_row_16_operators_of_onnxruntime_are_no_custom_ones(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
        helper.make_node("Gelu", ["h"], ["y"], domain="com.microsoft"),
    ]
    model = small(nodes=nodes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert opened(written(tmp_path, model)).info.compressible


# ---------------------------------------------------------------- 17: no input, no output


def test_row_17_no_output(tmp_path: Path) -> None:
    refused(written(tmp_path, small(outputs=[])), "no output", kind=UnsupportedModelError)


def test_row_17_no_input(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["w", "v"], ["y"])]
    pair = [numpy_helper.from_array(np.ones((3, 3), np.float32), name) for name in "wv"]
    refused(
        written(tmp_path, small(nodes=nodes, inputs=[], initializer=pair)),
        "no input",
        kind=UnsupportedModelError,
    )


# ---------------------------------------------------------------- 18: names


@pytest.mark.parametrize(
    "name",
    [
        "A" * 2_000_000,
        "/a/" + "b/" * 1_000_000,
        "<script>alert(1)</script><img src=x>",
        "\u202eevil\u202c\u200f",
        "🦊👩‍🔬🎉" * 50,
        "卷积层" * 40,
        "a\n\r\t\0b\x1b[31m",
        ";" * 5000,
    ],
    ids=["2MB", "2MB-path", "html", "right-to-left", "emoji", "chinese", "control", "separators"],
)
def test_row_18_strange_names(tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    result = opened(written(tmp_path, small(name=name)))
    assert time.monotonic() - started < 5
    (layer,) = result.info.layers
    assert layer.id == name
    assert 0 < len(layer.label) <= 60
    assert not set(layer.label) & set("\n\r\t\0\x1b\u202e\u202c\u200f")
    for node in layout(result, "nodes").nodes:
        assert len(node.label) <= 60
        assert len(node.detail) < 1000


def test_row_18_names_of_values_and_tensors(tmp_path: Path) -> None:
    long = "w" * 2_000_000
    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), long)
    nodes = [helper.make_node("MatMul", ["x", long], ["y"])]
    (layer,) = opened(written(tmp_path, small(weight, nodes=nodes))).info.layers
    assert layer.weights == (long,)
    assert len(layer.label) <= 60


def test_row_18_long_names_in_errors(tmp_path: Path) -> None:
    bad = onnx.TensorProto(name="w" * 2_000_000, dims=[-1], data_type=FLOAT)
    refused(written(tmp_path, small(bad)), "…")


# ---------------------------------------------------------------- 19: NaN and infinity


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_row_19_weights_that_are_no_numbers(tmp_path: Path, broken: float) -> None:
    weight = np.ones((4, 3), np.float32)
    weight[1, 2] = weight[3, 0] = broken
    info = opened(written(tmp_path, small(weight, name="encoder/dense"))).info
    (warning,) = info.warnings
    assert "'encoder.dense'" in str(warning)
    assert "2 weights" in str(warning)
    assert info.layers[0].warnings == (warning,)


def test_row_19_infinities_that_cancel(tmp_path: Path) -> None:
    weight = np.ones((4, 3), np.float32)
    weight[0] = np.inf, -np.inf, 1
    assert "2 weights" in str(opened(written(tmp_path, small(weight))).info.warnings[0])


def test_row_19_large_numbers_are_no_fault(tmp_path: Path) -> None:
    assert opened(written(tmp_path, small(np.full((4, 3), 3e38, np.float32)))).info.warnings == ()


# ---------------------------------------------------------------- 45: paths


@pytest.mark.parametrize(
    "name",
    [
        "with  space.onnx",
        "模型 文件.onnx",
        "🦊 model 👩‍🔬.onnx",
        "l" * 245 + ".onnx",
        "no-ending",
        "a'b\"c.onnx",
        "%s{name}.onnx",
    ],
    ids=["space", "chinese", "emoji", "long", "no-ending", "quotes", "braces"],
)
def test_row_45_path(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name.removesuffix(".onnx")
    folder.mkdir()
    weights(folder / "weights.bin")
    result = opened(written(folder, external(), name))
    assert result.source == folder / name
    assert result.info.layers
    (folder / "weights.bin").unlink()
    refused(folder / name, "missing")


def test_row_45_deep_path(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(12):
        folder = folder / ("深" * 60)
    folder.mkdir(parents=True)
    assert opened(written(folder, small())).info.layers


def test_row_45_path_that_no_system_takes(tmp_path: Path) -> None:
    refused(tmp_path / ("x" * 5000), "cannot be read")
    refused(tmp_path / "a\0b", "cannot be read")


def test_row_45_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights(tmp_path / "weights.bin")
    written(tmp_path, external())
    monkeypatch.chdir(tmp_path)
    assert opened(Path("model.onnx")).info.layers


def test_row_45_model_behind_a_symbolic_link_opens(tmp_path: Path) -> None:
    (tmp_path / "link.onnx").symlink_to(written(tmp_path, small()))
    assert opened(tmp_path / "link.onnx").info.layers


def test_limit_of_a_single_file_is_protobufs() -> None:
    assert onnx_format.SIZE_LIMIT_BYTES == 2**31 - 1


# ---------------------------------------------------------------- whatever else may come


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_open_or_are_refused_in_words(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["r"])], "b", [], [value("r", "N", 4)])
    nodes = [
        helper.make_node("If", ["c"], ["h"], then_branch=body, else_branch=body),
        helper.make_node("MatMul", ["h", "w"], ["y"], name="fc"),
    ]
    weight = numpy_helper.from_array(rng.normal(size=(4, 3)).astype(np.float32), "w")
    condition = numpy_helper.from_array(np.array(True), "c")
    whole = bytearray(small(nodes=nodes, initializer=[weight, condition]).SerializeToString())
    for _ in range(100):
        mutated = bytearray(whole)
        for position in rng.integers(0, len(whole), rng.integers(1, 5)):
            mutated[position] = rng.integers(0, 256)
        path = written(tmp_path, bytes(mutated))
        try:
            opened(path)
        except SecateurError as error:
            assert error.what.template and error.why.template and error.next_step.template
