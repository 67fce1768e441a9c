"""LSTM, GRU and RNN, step by step, so that every activation and option of ONNX can be followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, optional
from core.gradients.operators._registry import operator
from core.gradients.operators.indexing import reversed_steps

Activation = Callable[["torch.Tensor"], "torch.Tensor"]
State = tuple["torch.Tensor", ...]


@dataclass(frozen=True)
class _Direction:
    """The weights of one direction: w (gates·hidden, in), r (gates·hidden, hidden), both biases."""

    w: torch.Tensor
    r: torch.Tensor
    w_bias: torch.Tensor | None
    r_bias: torch.Tensor | None
    peephole: torch.Tensor | None
    activations: Sequence[Activation]
    clip: Activation


Step = Callable[["torch.Tensor", State, _Direction], State]


@operator("LSTM")
def lstm(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    forget_is_rest = bool(attributes.int("input_forget", 0))

    def step(x: torch.Tensor, state: State, direction: _Direction) -> State:
        h, c = state
        f, g, last = direction.activations
        gates = x + F.linear(h, direction.r, direction.r_bias)
        i, o, forget, cell = gates.chunk(4, -1)
        if direction.peephole is not None:
            peep_i, peep_o, peep_f = direction.peephole.chunk(3)
            i, forget = i + peep_i * c, forget + peep_f * c
        i = f(direction.clip(i))
        forget = 1 - i if forget_is_rest else f(direction.clip(forget))
        c = forget * c + i * g(direction.clip(cell))
        if direction.peephole is not None:
            o = o + peep_o * c
        return f(direction.clip(o)) * last(c), c

    return _run(inputs, attributes, step, 4, ("Sigmoid", "Tanh", "Tanh"), 2)


@operator("GRU")
def gru(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    reset_last = bool(attributes.int("linear_before_reset", 0))

    def step(x: torch.Tensor, state: State, direction: _Direction) -> State:
        (h,) = state
        f, g = direction.activations
        size = h.shape[-1]
        xz, xr, xh = x.chunk(3, -1)
        bias = direction.r_bias
        zr = F.linear(h, direction.r[: 2 * size], None if bias is None else bias[: 2 * size])
        z = f(direction.clip(xz + zr[..., :size]))
        r = f(direction.clip(xr + zr[..., size:]))
        last_bias = None if bias is None else bias[2 * size :]
        if reset_last:
            inner = r * F.linear(h, direction.r[2 * size :], last_bias)
        else:
            inner = F.linear(r * h, direction.r[2 * size :], last_bias)
        candidate = g(direction.clip(xh + inner))
        return ((1 - z) * candidate + z * h,)

    return _run(inputs, attributes, step, 3, ("Sigmoid", "Tanh"), 1)


@operator("RNN")
def rnn(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    def step(x: torch.Tensor, state: State, direction: _Direction) -> State:
        (h,) = state
        total = x + F.linear(h, direction.r, direction.r_bias)
        return (direction.activations[0](direction.clip(total)),)

    return _run(inputs, attributes, step, 1, ("Tanh",), 1)


def _run(
    inputs: Inputs, attributes: Attributes, step: Step, gates: int, usual: Sequence[str], states: int
) -> tuple[torch.Tensor, ...]:
    """Run all directions. Returns Y (time, directions, batch, hidden), Y_h and, for an LSTM, Y_c."""
    x, w = need(inputs, 0), need(inputs, 1)
    r, bias, lengths = need(inputs, 2), optional(inputs, 3), optional(inputs, 4)
    samples_first = bool(attributes.int("layout", 0))
    x = x.transpose(0, 1) if samples_first else x
    count, hidden = w.shape[0], r.shape[-1]
    direction = attributes.string("direction", "forward")
    initial = [optional(inputs, 5 + index) for index in range(states)]
    outputs, finals = [], []
    for number in range(count):
        weights = _Direction(
            w[number],
            r[number],
            None if bias is None else bias[number, : gates * hidden],
            None if bias is None else bias[number, gates * hidden :],
            _peephole(inputs, number) if states == 2 else None,
            _activations(attributes, number, usual),
            _clip(attributes),
        )
        start = []
        for value in initial:
            if value is not None and samples_first:
                value = value.transpose(0, 1)
            start.append(x.new_zeros(x.shape[1], hidden) if value is None else value[number])
        backwards = direction == "reverse" or number == 1
        y, final = _direction(x, tuple(start), weights, step, lengths, backwards)
        outputs.append(y)
        finals.append(final)
    whole = torch.stack(outputs, 1)
    ends = [torch.stack([final[index] for final in finals]) for index in range(states)]
    if samples_first:
        return (whole.permute(2, 0, 1, 3), *(end.transpose(0, 1) for end in ends))
    return (whole, *ends)


def _direction(
    x: torch.Tensor,
    state: State,
    weights: _Direction,
    step: Step,
    lengths: torch.Tensor | None,
    backwards: bool,
) -> tuple[torch.Tensor, State]:
    x = reversed_steps(x, lengths) if backwards else x
    prepared = F.linear(x, weights.w, weights.w_bias)
    outputs = []
    for time in range(len(prepared)):
        after = step(prepared[time], state, weights)
        shown = after[0]
        if lengths is not None:
            # a sample that has ended keeps its state and answers zero
            running = (time < lengths)[:, None]
            after = tuple(torch.where(running, new, old) for new, old in zip(after, state, strict=True))
            shown = torch.where(running, shown, torch.zeros_like(shown))
        state = after
        outputs.append(shown)
    y = torch.stack(outputs) if outputs else x.new_zeros(0, *state[0].shape)
    return reversed_steps(y, lengths) if backwards else y, state


def _peephole(inputs: Inputs, number: int) -> torch.Tensor | None:
    value = optional(inputs, 7)
    return None if value is None else value[number]


def _clip(attributes: Attributes) -> Activation:
    if "clip" not in attributes:
        return lambda x: x
    limit = attributes.float("clip", 0.0)
    return lambda x: x.clamp(-limit, limit)


def _activations(attributes: Attributes, number: int, usual: Sequence[str]) -> list[Activation]:
    """This direction's activation functions; alpha and beta are dealt out to those that take them."""
    names = list(attributes.values.get("activations") or list(usual) * 2)
    alphas, betas = attributes.floats("activation_alpha") or [], attributes.floats("activation_beta") or []
    made: list[Activation] = []
    for name in names:
        kind = name.lower()
        if kind not in _DEFAULTS:
            raise NotConvertible(f"its activation function '{name}' is not known")
        alpha, beta = _DEFAULTS[kind]
        if alpha is not None and alphas:
            alpha = alphas.pop(0)
        if beta is not None and betas:
            beta = betas.pop(0)
        made.append(_activation(kind, alpha or 0.0, beta or 0.0))
    each = len(usual)
    return made[number * each : (number + 1) * each]


_DEFAULTS: dict[str, tuple[float | None, float | None]] = {
    "relu": (None, None),
    "tanh": (None, None),
    "sigmoid": (None, None),
    "softsign": (None, None),
    "softplus": (None, None),
    "affine": (1.0, 0.0),
    "leakyrelu": (0.01, None),
    "thresholdedrelu": (1.0, None),
    "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5),
    "elu": (1.0, None),
}


def _activation(kind: str, alpha: float, beta: float) -> Activation:
    functions: dict[str, Activation] = {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softsign": F.softsign,
        "softplus": F.softplus,
        "affine": lambda x: alpha * x + beta,
        "leakyrelu": lambda x: F.leaky_relu(x, alpha),
        "thresholdedrelu": lambda x: torch.where(x > alpha, x, torch.zeros_like(x)),
        "scaledtanh": lambda x: alpha * torch.tanh(beta * x),
        "hardsigmoid": lambda x: torch.clamp(alpha * x + beta, 0.0, 1.0),
        "elu": lambda x: F.elu(x, alpha),
    }
    return functions[kind]
