"""Each rule of advice on the least that it needs: when it speaks, what it says, and what its click does."""

from __future__ import annotations

import msgspec
import pytest

from core.advice import RULES, advise
from core.advice.facts import Facts
from core.advice.hindrance import blocked, culprit, slower, who_is_to_blame
from core.advice.more import not_analyzed, spare_layers, training
from core.advice.network import depthwise, transformer
from core.advice.samples import hardly_any_data, no_data, no_labels
from core.advice.target import float_activations, smaller_download, zeros_for_speed
from core.values import (
    DamageLink,
    DataInfo,
    DataSpec,
    GiveBack,
    Layer,
    LayerPlan,
    Measurement,
    ModelInfo,
    Outcome,
    Plan,
    PlanMeasured,
    Result,
    SensitivityPoint,
    digest,
    text,
)

EIGHT = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8))
FOUR = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8))
HALF = Plan(defaults=LayerPlan(sparsity=0.5))
LINK = DamageLink(damages=(0.0, 0.01, 1.0), losses=(0.0, 0.5, 20.0), spreads=(0.1, 0.1, 1.0))


def layer(name: str, size: int = 1000, kind: str = "Conv 3×3", op: str = "Conv", **more: object) -> Layer:
    return Layer(
        id=name, label=name, op=op, kind=kind, weights=(f"{name}.w",), shape=(4, 4), out_channels=4,
        in_channels=4, params=size // 4, bytes=size, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def model(*layers: Layer) -> ModelInfo:
    chosen = layers or (layer("a"), layer("b"))
    return ModelInfo(
        path="m.onnx", name="m.onnx", sha256="m", size_bytes=5000, opset=17, ir_version=8, layers=chosen
    )


def data(task: str = "classification", count: int = 256) -> DataInfo:
    return DataInfo(
        spec=DataSpec(path="d"), sha256="d", kind="arrays", task=task, sample_count=2000,  # type: ignore[arg-type]
        calibration_count=count, judge_count=1000,
    )  # fmt: skip


def measured(plan: Plan, loss: float = 2.0, damage: float = 0.04) -> PlanMeasured:
    return PlanMeasured(plan=plan, outcome=Outcome(), loss=loss, damage=damage)


def back(name: str, damage: float, plan: Plan) -> GiveBack:
    return GiveBack(plan_key=digest(plan), layers=(name,), points=0.5, damage=damage, count=1000)


def point(name: str, damage: float, estimate: bool = False) -> SensitivityPoint:
    accuracy = Measurement(metric="top1", value=90.0, estimate=estimate)
    return SensitivityPoint(
        layer_id=name, weight_bits=4, measurement=accuracy, loss=0.1, damage=damage,
        damage_low=damage, damage_high=damage,
    )  # fmt: skip


def test_without_samples_the_first_advice_is_to_choose_some() -> None:
    found = advise(Facts(model(), EIGHT))
    assert found[0].name == "no_data" and found[0].command == "data" and found[0].plan is None
    assert no_data(Facts(model(), EIGHT, data())) is None


def test_hardly_any_data_stays_at_eight_bits() -> None:
    facts = Facts(model(), FOUR.with_layer("a", sparsity=0.5), data(count=20))
    found = hardly_any_data(facts)
    assert found is not None and found.plan is not None and "20 samples" in str(found.evidence)
    own = found.plan.layer("a")
    assert (own.weight_bits, own.activation_bits, own.zeros) == (8, 8, 0.0)
    assert hardly_any_data(changed(facts, data=data(count=66))) is None
    assert hardly_any_data(changed(facts, plan=EIGHT)) is None


def changed(facts: Facts, **changes: object) -> Facts:
    """`facts` with some of them replaced."""
    from dataclasses import replace

    return replace(facts, **changes)  # type: ignore[arg-type]


def test_missing_labels_are_no_reason_to_stay_at_eight_bits() -> None:
    found = no_labels(Facts(model(), EIGHT, data("unlabelled")))
    assert found is not None and found.plan is not None and found.plan.layer("a").weight_bits == 4
    assert no_labels(Facts(model(), EIGHT, data())) is None
    assert no_labels(Facts(model(), FOUR, data("unlabelled"))) is None


def test_depthwise_layers_get_shares_of_their_own() -> None:
    network = model(layer("dw", 100, kind="Depthwise 3×3"), layer("pw", 900))
    found = depthwise(Facts(network, FOUR, data()))
    assert found is not None and found.plan is not None and found.plan.methods["allocate"]["on"] is True
    assert "hold 10 %" in str(found.evidence)
    # measured here: 0.03 against 0.01 at four bits
    points = {"dw": (point("dw", 0.03),), "pw": (point("pw", 0.01),)}
    weights = Plan(defaults=LayerPlan(weight_bits=4))
    own = depthwise(Facts(network, weights, data(), points=points))
    assert own is not None and "3.0 times" in str(own.evidence)
    assert depthwise(Facts(network, found.plan, data())) is None
    assert depthwise(Facts(network, EIGHT, data())) is None
    assert depthwise(Facts(model(), FOUR, data())) is None


def test_matrix_products_get_blocks() -> None:
    network = model(layer("q", 600, op="MatMul"), layer("c", 400))
    found = transformer(Facts(network, EIGHT, data()))
    assert found is not None and found.plan is not None and "60 %" in str(found.evidence)
    own = found.plan.layer("q")
    assert (own.weight_bits, own.activation_bits, own.granularity) == (4, 32, "block")
    assert transformer(Facts(network, found.plan, data())) is None
    assert transformer(Facts(network, EIGHT, data(), profile="accelerator")) is None
    assert transformer(Facts(model(), EIGHT, data())) is None


def test_for_speed_channels_go_instead_of_weights() -> None:
    found = zeros_for_speed(Facts(model(), HALF.with_layer("a", sparsity=0.9), data()))
    assert found is not None and found.plan is not None and "2 layers" in str(found.evidence)
    assert found.plan.methods["prune_channels"]["macs"] == 50.0
    assert found.plan.layer("a").zeros == found.plan.layer("b").zeros == 0
    assert zeros_for_speed(Facts(model(), HALF, data(), profile="download")) is None
    assert zeros_for_speed(Facts(model(), FOUR, data())) is None


def test_integers_need_both_sides() -> None:
    alone = Plan(defaults=LayerPlan(weight_bits=8)).with_layer("a", weight_bits=4, activation_bits=32)
    found = float_activations(Facts(model(), alone, data()))
    assert found is not None and found.plan is not None
    assert found.plan.layer("a").activation_bits == 8 and found.plan.layer("a").weight_bits == 4
    assert float_activations(Facts(model(), EIGHT, data())) is None
    assert float_activations(Facts(model(), alone)) is None  # ranges come from samples
    assert float_activations(Facts(model(), alone, data(), profile="download")) is None


def test_a_small_download_has_zeros_and_few_bits() -> None:
    found = smaller_download(Facts(model(), EIGHT, data(), profile="download"))
    assert found is not None and found.plan is not None
    assert (found.plan.layer("a").zeros, found.plan.layer("a").weight_bits) == (0.5, 4)
    assert smaller_download(Facts(model(), EIGHT, data())) is None
    assert smaller_download(Facts(model(), HALF, data(), profile="download")) is None


def test_what_cannot_be_compressed_is_named_with_its_reason() -> None:
    stuck = layer("lookup", 400, prunable=False, quantizable=False, why_not=(text("It is computed."),))
    found = blocked(Facts(model(stuck, layer("a", 600)), EIGHT, data()))
    assert found is not None and "40 %" in str(found.text) and str(found.evidence) == "It is computed."
    assert found.layer_id == "lookup" and found.plan is None
    small = msgspec.structs.replace(stuck, bytes=50)
    assert blocked(Facts(model(small, layer("a", 950)), EIGHT, data())) is None


def test_the_layer_that_costs_most_gets_eight_bits() -> None:
    facts = Facts(model(), FOUR, data(), measured=measured(FOUR), blame=(back("b", 0.02, FOUR),))
    found = culprit(facts)
    assert found is not None and found.plan is not None and "50 %" in str(found.evidence)
    assert found.plan.layer("b").weight_bits == 8 and found.plan.layer("a").weight_bits == 4
    assert culprit(changed(facts, blame=(back("b", 0.005, FOUR),))) is None
    eight = changed(facts, plan=EIGHT, measured=measured(EIGHT), blame=(back("b", 0.02, EIGHT),))
    assert culprit(eight) is None  # nothing milder but the original: that is `rescue`'s


def test_a_loss_asks_who_is_to_blame_once() -> None:
    facts = Facts(model(), FOUR, data(), measured=measured(FOUR))
    found = who_is_to_blame(facts)
    assert found is not None and found.command == "blame" and "2.0 points" in str(found.evidence)
    assert who_is_to_blame(changed(facts, blame=(back("b", 0.02, FOUR),))) is None
    assert who_is_to_blame(changed(facts, measured=measured(FOUR, 0.4))) is None


def test_a_slower_file_keeps_activations_in_float() -> None:
    why = text("It takes 1.3 times as long: conversions.")
    ran = Result(artefact="f", sha256="f", plan=FOUR, before=Outcome(), after=Outcome(), slower=(why,))
    found = slower(Facts(model(), FOUR, data(), result=ran))
    assert found is not None and found.plan is not None and found.evidence == why
    assert found.plan.layer("a").activation_bits == 32 and found.plan.layer("a").weight_bits == 4
    assert slower(Facts(model(), FOUR, data())) is None


def test_analysis_is_advised_until_there_is_one() -> None:
    found = not_analyzed(Facts(model(), EIGHT, data()))
    assert found is not None and found.command == "analyze"
    assert not_analyzed(Facts(model(), EIGHT, data(), points={"a": (point("a", 0.1),)})) is None


def test_layers_that_were_measured_to_bear_four_bits_get_them() -> None:
    # the link gives 50 points a nat up to 0.01: 0.2 points are 0.004 nats
    points = {"a": (point("a", 0.001),), "b": (point("b", 0.002),), "c": (point("c", 0.003),)}
    network = model(layer("a"), layer("b"), layer("c"), layer("d"))
    found = spare_layers(Facts(network, EIGHT, data(), points=points, link=LINK))
    assert found is not None and found.plan is not None
    assert [found.plan.layer(name).weight_bits for name in "abcd"] == [4, 4, 8, 8]
    assert found.plan.layer("a").activation_bits == 8
    assert "2 layers with 50 %" in str(found.text) and "0.15 points" in str(found.evidence)
    guessed = {"a": (point("a", 0.001, estimate=True),)}
    assert spare_layers(Facts(network, EIGHT, data(), points=guessed, link=LINK)) is None
    assert spare_layers(Facts(network, FOUR, data(), points=points, link=LINK)) is None


def test_training_is_advised_where_labels_and_a_loss_are() -> None:
    facts = Facts(model(), FOUR, data(), measured=measured(FOUR))
    found = training(facts)
    assert found is not None and found.plan is not None
    assert found.plan.methods["finetune"]["seconds"] == 300.0
    assert training(changed(facts, data=data("unlabelled"))) is None
    assert training(changed(facts, plan=found.plan)) is None


def test_the_most_useful_come_first_and_none_twice() -> None:
    network = model(layer("dw", 100, kind="Depthwise 3×3"), layer("pw", 900))
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=4))
    facts = Facts(network, plan, data(), measured=measured(plan), blame=(back("dw", 0.02, plan),))
    found = advise(facts)
    weights = [advice.weight for advice in found]
    assert 3 <= len(found) <= 5 and weights == sorted(weights, reverse=True)
    assert len({advice.name for advice in found}) == len(found)
    assert all(advice.plan != plan for advice in found)
    assert len(RULES) == len({rule.__name__ for rule in RULES})
    # whatever is advised can be followed to its end
    for _ in range(10):
        onward = next((advice for advice in advise(facts) if advice.plan is not None), None)
        if onward is None:
            break
        facts = changed(facts, plan=onward.plan, measured=None, blame=())
    else:
        pytest.fail("advice goes round in circles")
