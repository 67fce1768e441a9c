"""Honest remarks on a finished run: what did not get better, and why."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluate.processor import saturates
from core.methods.resolve import IN_BRANCH, IN_FLOAT, NBITS, Step
from core.values import FLOAT_BITS, HALF_BITS, LayerReport, Outcome, Text, stored_bits, text

NOISE = 0.05
"""Share of a median latency within which two files count as equally fast."""


def run_notes(
    steps: Sequence[Step],
    layers: Sequence[LayerReport],
    before: Outcome,
    after: Outcome,
    compensated: int = 0,
    slower: Sequence[Text] = (),
    gain: tuple[float, float] | None = None,
) -> tuple[Text, ...]:
    """The remarks, most important first. `steps` are those that change a layer.

    `compensated`: in how many of them the other weights or the bias were adjusted. `slower`: what
    `slower_notes` says. `gain`: the distance of held-out answers from the original's before and after that.
    """
    notes = [*slower, *_speed(steps, layers, bool(slower)), *_size(steps, before, after)]
    if compensated:
        notes.append(
            text(
                "{count} of {total} layers were adjusted on calibration samples, without labels.",
                count=compensated,
                total=len(steps),
            )
        )
    if gain is not None:
        notes.append(_gain(*gain))
    at_end = sum(1 for step in steps if step.at_end)
    if at_end:
        notes.append(
            text("{count} layers at the ends compute in float: more exact there, and as fast.", count=at_end)
        )
    if any(step.prunes for step in steps):
        notes.append(text("Zeros make nothing faster in onnxruntime; they only make zipped files smaller."))
    notes += _overflow(steps)
    for bits in sorted({step.weight_bits for step in steps} - {2, 4, 8, HALF_BITS, FLOAT_BITS}):
        notes.append(
            text(
                "No type of {bits} bits can be used: these weights take {stored} bits each in the file.",
                bits=bits,
                stored=stored_bits(bits),
            )
        )
    if any(stored_bits(step.weight_bits) < 8 and step.kernel != NBITS for step in steps):
        notes.append(
            text("Weights below 8 bits save space only: onnxruntime widens them to 8 or 32 bits on loading.")
        )
    meant = {step.layer.id for step in steps if step.at_end}
    left_out = sum(1 for layer in layers if layer.note is not None and layer.layer_id not in meant)
    if left_out:
        notes.append(
            text(
                "{count} layers could not follow the plan in full; the layer table says why.", count=left_out
            )
        )
    if not after.measurements:
        notes.append(text("The accuracy was not measured: there is no data."))
    return tuple(notes)


def _gain(before: float, after: float) -> Text:
    first, last = (float(f"{value:.3g}") for value in (before, after))
    if after < before:
        return text(
            "Held-out answers came nearer to the original's by it: distance {before}, then {after}.",
            before=first,
            after=last,
        )
    return text(
        "Adjusting layers would not have helped (distance {before}, then {after}): they are as rounded.",
        before=first,
        after=last,
    )


def _overflow(steps: Sequence[Step]) -> list[Text]:
    """What processors without VNNI do to 8-bit weights beside 8-bit activations."""
    full = [step for step in steps if step.weight_bits == step.activation_bits == 8 and not step.reduced]
    reduced = sum(1 for step in steps if step.reduced and step.weight_bits == 8)
    if reduced:
        return [
            text(
                "In {count} layers neighbouring weights are kept small together: this processor has no VNNI, "
                "and its 8-bit products would overflow.",
                count=reduced,
            )
        ]
    if any(not step.exact for step in full) and saturates():
        return [
            text(
                "8-bit products overflow on this processor (no VNNI), which costs accuracy here; choose "
                "weights that do not overflow to avoid it."
            )
        ]
    return []


def is_slower(before: Outcome, after: Outcome) -> bool:
    """Whether the compressed file takes longer than the original, beyond what measuring scatters."""
    if before.latency is None or after.latency is None:
        return False
    return after.latency.median_ms > (1 + NOISE) * before.latency.median_ms


def slower_notes(before: Outcome, after: Outcome, causes: Sequence[Text]) -> tuple[Text, ...]:
    """That it is slower than the original, by how much, and why; () if it is not."""
    if before.latency is None or after.latency is None or not is_slower(before, after):
        return ()
    ratio = after.latency.median_ms / max(before.latency.median_ms, 1e-9)
    if not causes:
        causes = (text("No single part of it stands out: everything takes a little longer."),)
    return (
        text("It is slower than the original: {ratio} times the time of one run.", ratio=round(ratio, 2)),
        *causes,
    )


def _speed(steps: Sequence[Step], layers: Sequence[LayerReport], slower: bool) -> list[Text]:
    integer = sum(1 for layer in layers if layer.activation_bits == 8)
    blocks = sum(1 for step in steps if step.kernel == NBITS)
    notes = []
    if slower and blocks:
        notes.append(
            text(
                "Products of many rows are faster in float here than in blocks (MatMulNBits): choose "
                "to compute in blocks only where that is faster."
            )
        )
    if any(layer.activation_bits == 16 for layer in layers):
        notes.append(
            text(
                "onnxruntime has no kernels for 16-bit activations: it converts them and computes in float, "
                "which is slower. Such a file is for accelerators that compute with 16 bits."
            )
        )
    elif blocks:
        notes.append(
            text(
                "{blocks} of {total} layers compute with their blocks as they are stored (MatMulNBits); only "
                "onnxruntime reads such a file.",
                blocks=blocks,
                total=len(layers),
            )
        )
    elif all(step.weight_bits in (HALF_BITS, FLOAT_BITS) for step in steps):
        if any(step.weight_bits == HALF_BITS for step in steps):
            notes.append(text("float16 weights save space only: onnxruntime widens them on loading."))
    elif not integer and any(step.clusters for step in steps):
        notes.append(text("Shared values save space only: onnxruntime looks them up on loading."))
    elif not integer and any(step.note in (IN_FLOAT, IN_BRANCH) for step in steps):
        # the plan asks for integer activations already
        notes.append(
            text(
                "Only the weights are integers: that saves space, not time. onnxruntime computes these "
                "layers in float whatever the plan says."
            )
        )
    elif not integer and any(step.weight_bits != FLOAT_BITS for step in steps):
        notes.append(
            text(
                "Only the weights are integers: that saves space, not time. 8-bit activations make it faster."
            )
        )
    return notes


def _size(steps: Sequence[Step], before: Outcome, after: Outcome) -> list[Text]:
    if after.size_bytes < 0.98 * before.size_bytes:
        return []
    if all(step.weight_bits == FLOAT_BITS for step in steps):
        return [
            text("The file is not smaller: a zero takes as much room as any other number until it is zipped.")
        ]
    return [text("The file is not smaller: its layers are so small that the scales outweigh what is saved.")]
