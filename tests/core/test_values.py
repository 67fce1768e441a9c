import msgspec
import numpy as np
import pytest

from core.values import FLOAT_BITS, Array, LayerPlan, Plan, digest, text


def test_a_layer_follows_the_defaults_until_it_differs():
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=8, activation_bits=8))
    assert plan.layer("a").sparsity == 0.5
    changed = plan.with_layer("a", sparsity=0.25)
    assert (changed.layer("a").sparsity, changed.layer("a").weight_bits) == (0.25, 8)
    assert plan.layer("a").sparsity == 0.5, "the first plan is untouched"
    # the exception holds what was set and nothing else: new defaults still reach the rest
    assert changed.with_defaults(weight_bits=4).layer("a") == LayerPlan(
        sparsity=0.25,
        pattern="unstructured",
        weight_bits=4,
        clusters=0,
        activation_bits=8,
        granularity="channel",
        block_size=32,
        symmetric=True,
        keep=False,
    )


def test_a_kept_layer_is_left_alone_whatever_the_defaults_say():
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=4)).with_layer("a", keep=True, sparsity=0.9)
    assert not plan.changes("a")
    assert plan.layer("a").weight_bits == FLOAT_BITS
    assert plan.changes("b")


def test_setting_back_to_the_default_removes_the_exception():
    plan = Plan().with_layer("a", sparsity=0.5).with_layer("a", sparsity=None)
    assert plan == Plan()


def test_a_layers_own_share_beats_the_defaults_threshold():
    plan = Plan(defaults=LayerPlan(threshold=0.1)).with_layer("a", sparsity=0.5)
    assert plan.layer("a").threshold is None
    assert plan.layer("b").threshold == 0.1


def test_a_plan_survives_msgpack_and_json():
    plan = Plan(defaults=LayerPlan(weight_bits=8), methods={"calibrate": {"method": "mse"}}).with_layer(
        "层", threshold=0.5
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=Plan) == plan
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_the_digest_follows_content_not_order():
    left = Plan().with_layer("a", sparsity=0.5).with_layer("b", sparsity=0.25)
    right = Plan().with_layer("b", sparsity=0.25).with_layer("a", sparsity=0.5)
    assert digest(left) == digest(right)
    assert digest(left) != digest(left.with_layer("a", sparsity=0.51))


def test_arrays_cross_unchanged():
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(Array.of(values).numpy(), values)


def test_text_fills_in_its_parameters():
    sentence = text("{n} layers of {name}", n=3, name="net")
    assert str(sentence) == "3 layers of net"
    assert sentence.template == "{n} layers of {name}"


def test_values_do_not_change():
    with pytest.raises(AttributeError):
        Plan().defaults = LayerPlan()


def test_the_settings_of_many_layers_come_once_each():
    plan = Plan(defaults=LayerPlan(weight_bits=8))
    assert plan.settings_of([]) == set()
    assert plan.settings_of(["a", "b"]) == {plan.layer("a")}
    changed = plan.with_layer("a", weight_bits=4).with_layer("b", weight_bits=4)
    assert changed.settings_of(["a", "b"]) == {changed.layer("a")}
    assert changed.settings_of(iter(["a", "b", "c"])) == {changed.layer("a"), plan.layer("c")}
