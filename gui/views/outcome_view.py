"""The bottom bar: size, time and accuracy, before and after; measured, or marked as an estimate."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.values import FLOAT_BITS, Measurement, Outcome
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.job import Job
from gui.models.blame_words import blame_sentence
from gui.session import Session
from gui.theme import Theme
from gui.widgets.figure_block import UNKNOWN, FigureBlock, Figures
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating

NOTABLE = 1.05
"""A ratio below this is no gain worth a coloured badge."""


class OutcomeView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.size_block = FigureBlock(theme)
        self.time_block = FigureBlock(theme)
        self.accuracy_block = FigureBlock(theme)
        self.size_block.explain("zipped")
        self.time_block.explain("latency")
        self.accuracy_block.explain("accuracy", "confidence_interval")
        self._state = QLabel()
        explain(self._state, "estimate")
        self._state.setProperty("heading", True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.remark = QLabel()
        self.remark.setProperty("small", True)
        self.remark.setTextFormat(Qt.TextFormat.PlainText)
        self.remark.setWordWrap(True)
        self.remark.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        last = QVBoxLayout()
        last.setSpacing(2)
        last.addWidget(self._state)
        last.addWidget(self.remark, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(22, 10, 22, 10)
        row.setSpacing(24)
        row.addWidget(self.size_block, 10)
        row.addWidget(self.time_block, 11)
        row.addWidget(self.accuracy_block, 11)
        row.addLayout(last, 8)
        for signal in (
            session.model_changed,
            session.data_changed,
            session.plan_changed,
            session.baseline_changed,
            session.timings_changed,
            session.latency_table_changed,
            session.points_changed,
            session.result_changed,
            session.exported,
            session.plan_measured_changed,
            session.blame.changed,
        ):
            signal.connect(self.refresh)
        self._working = ""
        session.job_changed.connect(self._on_job)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Outcome"))
        self.refresh()

    def sizeHint(self) -> QSize:
        return QSize(900, 88)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The three figures keep one size: all are compact as soon as one has to be."""
        blocks = (self.size_block, self.time_block, self.accuracy_block)
        compact = not all(block.fits() for block in blocks)
        for block in blocks:
            block.set_compact(compact)

    # ------------------------------------------------------------ content

    def refresh(self, _value: object = None) -> None:
        session = self._session
        if session.model is None:
            for block in (self.size_block, self.time_block, self.accuracy_block):
                block.show_figures(Figures())
            self._state.setText("")
            self.remark.setText("")
            return
        if session.result_is_current:
            before, after = session.result.before, session.result.after
            if session.last_export is not None:  # with its card
                after = msgspec.structs.replace(after, size_bytes=session.last_export.size_bytes)
        elif session.plan_is_measured:
            measured = session.plan_measured
            before, after = session.baseline, measured.outcome
            if before is not None and measured.original is not None:  # timed in turns with it
                before = msgspec.structs.replace(before, latency=measured.original)
        else:
            before, after = session.baseline, session.estimate()
        self._show_size(before, after)
        self._show_time(before, after)
        self._show_accuracy(before, after)
        self._fit()
        self._state.setText(self._how_sure(after))
        self.remark.setText(self._remark(before, after))
        self.remark.setToolTip(plain_tip("\n".join(self._notes())))

    def _how_sure(self, after: Outcome) -> str:
        if after.estimate:
            return tr("Estimate, before the run")
        return tr("Measured") if self._session.result_is_current else tr("Measured, before the run")

    def _show_size(self, before: Outcome | None, after: Outcome) -> None:
        old = before.size_bytes if before and before.size_bytes else self._session.model.size_bytes
        ratio = old / after.size_bytes if after.size_bytes else 1.0
        lines = []
        if after.zipped_bytes:
            zipped = tr("zipped about {size}") if after.estimate else tr("zipped {size}")
            lines.append(zipped.format(size=fmt.size(after.zipped_bytes)))
        self.size_block.show_figures(
            Figures(
                title=tr("Size on disk"),
                before=fmt.size(old),
                after=fmt.size(after.size_bytes),
                badge=_ratio_text(ratio, tr("{n}× smaller"), tr("{n}× larger")),
                tone=_tone(ratio),
                below=" · ".join(lines),
                estimate=after.estimate,
            )
        )

    def _show_time(self, before: Outcome | None, after: Outcome) -> None:
        old = before.latency if before else None
        new = after.latency
        threads = (new or old).threads if (new or old) else 0
        title = (
            tr("Time per sample, this computer, {n} threads").format(n=threads)
            if threads
            else tr("Time per sample, this computer")
        )
        short = tr("Time per sample")
        if old is None:
            missing = self._when_measured()
            self.time_block.show_figures(Figures(title=title, after=UNKNOWN, below=missing))
            return
        if new is None:
            missing = tr("after: measured when you press Analyze or Run")
            self.time_block.show_figures(
                Figures(
                    title=title,
                    short=short,
                    before=fmt.milliseconds(old.median_ms),
                    after=UNKNOWN,
                    below=missing,
                )
            )
            return
        ratio = old.median_ms / new.median_ms if new.median_ms else 1.0
        below = (
            self._time_evidence()
            if after.estimate
            else tr("median of {n} runs, 90 % within {low} to {high}").format(
                n=fmt.count(new.runs), low=fmt.milliseconds(new.low_ms), high=fmt.milliseconds(new.high_ms)
            )
        )
        self.time_block.show_figures(
            Figures(
                title=title,
                short=short,
                before=fmt.milliseconds(old.median_ms),
                after=fmt.milliseconds(new.median_ms),
                badge=_ratio_text(ratio, tr("{n}× faster"), tr("{n}× slower")),
                tone=_tone(ratio),
                below=below,
                estimate=after.estimate,
            )
        )

    def _time_evidence(self) -> str:
        if self._session.kernels_are_timed:
            return tr("estimate from operations timed on this computer")
        return tr("estimate from the layers' times")

    def _show_accuracy(self, before: Outcome | None, after: Outcome) -> None:
        old = before.primary if before else None
        new = after.primary
        expected = fmt.metric_expected(self._session.data)
        title = fmt.metric_name(old.metric) if old else expected
        if old is None:
            missing = tr("choose data to judge it") if self._session.data is None else self._when_measured()
            self.accuracy_block.show_figures(Figures(title=title, after=UNKNOWN, below=missing))
            return
        if new is None:
            self.accuracy_block.show_figures(
                Figures(
                    title=title,
                    before=fmt.measured(old),
                    after=UNKNOWN,
                    below=self._how_to_know(),
                )
            )
            return
        below = tr("original: {evidence}").format(evidence=_evidence(old)) if new.estimate else _evidence(new)
        if new.estimate and new.low is not None and new.high is not None:
            low, high = (fmt.measured(msgspec.structs.replace(new, value=end)) for end in (new.low, new.high))
            below = tr("likely {low} to {high}").format(low=low, high=high)
        if new.estimate and self._session.run_points:
            last = self._session.run_points[-1].measurement
            below = _evidence(last, tr("last run: {value}").format(value=fmt.measured(last)))
        self.accuracy_block.show_figures(
            Figures(
                title=title,
                before=fmt.measured(old),
                after=fmt.measured(new),
                badge=tr("estimate") if new.estimate else tr("measured"),
                tone="neutral" if new.estimate else "good",
                below=below,
                estimate=new.estimate,
            )
        )

    # ------------------------------------------------------------ honesty

    def _on_job(self, job: Job | None) -> None:
        """Told of every step of the work; only its beginning and its end say something else here."""
        kind = job.kind if job is not None else ""
        if kind != self._working:
            self._working = kind
            self.refresh()

    def _when_measured(self) -> str:
        """When a figure comes that nobody knows yet."""
        if self._working == "compress":
            return tr("measured at the end of this run")
        if self._working in ("analyze", "plan"):
            return tr("being measured")
        return tr("measured when you press Analyze or Run")

    def _how_to_know(self) -> str:
        """How to get an accuracy where nothing says it yet."""
        session = self._session
        if session.plan.trains:
            return tr("training: only a run can tell")
        if session.plan.restructures and session.link is not None:
            return tr("the network itself changes: measured in a moment")
        return tr("press Analyze for an estimate, or Run to measure")

    def _notes(self) -> list[str]:
        if not self._session.result_is_current:
            return []
        return [tr_text(note) for note in self._session.result.notes]

    def _remark(self, before: Outcome | None, after: Outcome) -> str:
        """The one sentence that keeps the figures honest."""
        notes = self._notes()
        if notes:
            return notes[0]
        session = self._session
        blamed = blame_sentence(session)
        if blamed:
            return blamed
        able = (layer.id for layer in session.model.layers if layer.prunable or layer.quantizable)
        plans = session.plan.settings_of(able)
        zeros = any(plan.zeros > 0 or plan.threshold for plan in plans)
        fewer = any((plan.weight_bits or FLOAT_BITS) < FLOAT_BITS for plan in plans)
        whole = any((plan.activation_bits or FLOAT_BITS) == 8 for plan in plans)
        if zeros and not fewer:
            return tr(
                "Zeros alone only make the zipped file smaller. Fewer bits make the file itself smaller, "
                "and faster."
            )
        if fewer and not whole:
            return tr("Fewer bits for weights make the file smaller; faster only with 8-bit activations too.")
        if zeros:
            return tr("Zeros shrink the zipped file; computing in 8 bits makes it faster.")
        if not fewer:
            return tr("Nothing is changed yet. Lower the bits or raise the sparsity of a layer.")
        if not after.estimate:
            return ""
        if session.data is None:
            return tr("Choose data, then press Run to measure it.")
        return tr("Press Run to measure it.")


def _ratio_text(ratio: float, better: str, worse: str) -> str:
    """'2.3× faster', '1.2× slower', or that nothing changed."""
    if ratio >= 1.005:
        return better.format(n=fmt.number(ratio, 1 if ratio >= NOTABLE else 2))
    if ratio <= 0.995:
        return worse.format(n=fmt.number(1 / ratio, 1 if 1 / ratio >= NOTABLE else 2))
    return tr("unchanged")


def _tone(ratio: float) -> str:
    return "good" if ratio >= NOTABLE else "attention" if ratio <= 1 / NOTABLE else "neutral"


def _evidence(measurement: Measurement, prefix: str = "") -> str:
    """'± 0.8 on 1,000 samples'."""
    parts = [prefix, fmt.interval(measurement)]
    if measurement.count:
        parts.append(tr("on {n} samples").format(n=fmt.count(measurement.count)))
    return " ".join(part for part in parts if part)
