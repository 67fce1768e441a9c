"""How layers are looked at: score, position of the kernel, colours; and what is seen of the chosen one."""

from __future__ import annotations

from core.values import LayerView
from gui.models.against import Against
from gui.session_opened import OpenedSession


class LookingSession(OpenedSession):
    def set_score(self, score: str) -> None:
        if score != self.score:
            self.score = score
            self.score_changed.emit(score)
            self._ask_inspect()

    def set_kernel_position(self, position: int | None) -> None:
        """Which position of the kernel the heatmap shows; None: all summed."""
        if position != self.kernel_position:
            self.kernel_position = position
            self._ask_inspect()

    def set_figure(self, figure: str, against: Against | None = None) -> None:
        """What colours the layers: a name of `graph_figures.FIGURES`, or its difference to another plan's."""
        if (figure, against) != (self.figure, self.against):
            self.figure, self.against = figure, against
            self.figure_changed.emit(figure)

    def _ask_inspect(self) -> None:
        self._inspection.look(self)

    def _on_inspected(self, view: LayerView) -> None:
        if view.layer_id == self.selection:
            self.layer_view = view
            self.layer_view_changed.emit(view)
