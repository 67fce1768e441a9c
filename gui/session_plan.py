"""The chosen layer, and the plan in force: every edit is a new `Plan`, which Undo can take back."""

from __future__ import annotations

from typing import Any

import msgspec

from core.values import Plan, Preset
from gui.engine_client import EngineClient
from gui.models.choices import without_idle_activations
from gui.plan_command import PlanCommand
from gui.session_looks import LookingSession
from gui.whatif import WhatIf


class PlanningSession(LookingSession):
    _engine: EngineClient
    whatif: WhatIf

    def select(self, layer_id: str | None) -> None:
        if layer_id == self.selection:
            return
        self.selection = layer_id
        self.layer_view = None
        self.layer_view_changed.emit(None)
        self.selection_changed.emit(layer_id)
        self._ask_inspect()
        if layer_id is not None:
            self._turn_to([layer_id])

    def set_layers(self, layer_ids: list[str], label: str, merge: str = "", **settings: Any) -> None:
        """Change these layers' plans as one undoable step. Coupled layers (same group) go along.

        `label` names the step in the undo menu (translated); equal non-empty `merge` keys in a row
        become one step, as for a slider being dragged. A setting of None: back to the default.
        """
        plan = self.plan
        for layer_id in self._coupled(layer_ids):
            plan = plan.with_layer(layer_id, **settings)
        self._push(plan, label, merge)
        self._turn_to(layer_ids)

    def _turn_to(self, layer_ids: list[str]) -> None:
        """What the person looks at or changes is measured next, where a measurement is under way."""
        if self.job is not None and self.job.kind in ("analyze", "plan"):
            self._engine.prefer(self.job.id, layer_ids)

    def reset_layers(self, layer_ids: list[str], label: str) -> None:
        """These layers follow the defaults again."""
        plan = self.plan
        for layer_id in self._coupled(layer_ids):
            plan = plan.without_layer(layer_id)
        self._push(plan, label)

    def set_defaults(self, label: str, merge: str = "", **settings: Any) -> None:
        self._push(self.plan.with_defaults(**settings), label, merge)

    def replace_plan(self, plan: Plan, label: str) -> None:
        self._push(plan, label)

    def use_preset(self, preset: Preset, label: str) -> None:
        """Take a preset's defaults and its steps' settings; the layers' own settings stay."""
        own = {"defaults": preset.defaults, "methods": preset.methods, "order": preset.order}
        self._push(msgspec.structs.replace(self.plan, **own), label)

    def set_parameter(
        self, method: str, name: str, value: str | int | float | bool | None, label: str, merge: str = ""
    ) -> None:
        """Change a parameter of a step. None: back to what the step declares."""
        own = {key: kept for key, kept in self.plan.methods.get(method, {}).items() if key != name}
        if value is not None:
            own[name] = value
        methods = {key: kept for key, kept in self.plan.methods.items() if key != method}
        if own:
            methods[method] = own
        self._push(msgspec.structs.replace(self.plan, methods=methods), label, merge)

    def reset_parameters(self, label: str) -> None:
        self._push(msgspec.structs.replace(self.plan, methods={}, order=()), label)

    def _coupled(self, layer_ids: list[str]) -> list[str]:
        return self.model.coupled(layer_ids) if self.model is not None else []

    def _push(self, plan: Plan, label: str, merge: str = "") -> None:
        plan = without_idle_activations(plan)
        if plan != self.plan:
            self.undo_stack.push(PlanCommand(self, self.plan, plan, label, merge))

    def assign_plan(self, plan: Plan) -> None:
        """Only for the undo commands: make `plan` the plan in force."""
        self.plan = plan
        self.plan_changed.emit(plan)
        self._ask_inspect()
        self.whatif.consider()
