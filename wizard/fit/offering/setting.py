"""Everything about a recipe, a model and a machine that is fixed before the knobs are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from wizard.contract import Board, Catalog, Gpu, Knobs, Machine, Method, Model, Problem, Recipe
from wizard.fit.memory.law import Numbers, numbers_of
from wizard.fit.offering.correct import Correction, Known, corrected, correction_of
from wizard.fit.offering.engines import Picks, accelerator, pick
from wizard.fit.offering.flops import step_seconds
from wizard.fit.offering.recipe_step import Case, step_of

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    machine: Machine
    catalog: Catalog
    recipe: Recipe
    model: Model
    method: Method
    device: str  # cpu cuda
    gpus: tuple[Gpu, ...]  # those used, the one with the least room first
    kind: str  # accelerator
    picks: Picks
    home_free: int
    rows: int = 0
    row_tokens: int = 0
    known: Known = field(default_factory=Known)
    here: frozenset[str] = frozenset()  # ids of models that are fetched and of environments that are built

    @property
    def gpu(self) -> Gpu | None:
        return self.gpus[0] if self.gpus else None

    @property
    def board(self) -> Board | None:
        return self.catalog.boards.get(self.gpu.profile or "") if self.gpu else None

    @property
    def built(self) -> set[str]:
        """Engines whose environment for this machine is here."""
        pythons = {name: version.replace(".", "") for name, version in self.picks.pythons.items()}
        return {name for name, python in pythons.items() if f"{name}-{self.kind}-py{python}" in self.here}

    @property
    def capacity(self) -> int:
        """Free now: on a card, of the smallest of several; a card that has no memory of its own shares the RAM."""
        if self.device == "cpu":
            return self.machine.ram_free_bytes
        if self.gpu is None:
            return 0
        return min(self.gpu.free_bytes, self.machine.ram_free_bytes) if self.gpu.unified else self.gpu.free_bytes

    @property
    def unused(self) -> int:
        """Free if no other program held anything of the card; RAM is never without others."""
        if self.gpu is None or self.gpu.unified:
            return self.capacity
        return max(self.capacity, self.gpu.total_bytes - (self.gpu.reserved_bytes or 0))

    @property
    def halves(self) -> bool:
        return self.device == "cuda" or bool(BF16_FLAGS & set(self.machine.cpu.flags))

    @property
    def key(self) -> Mapping[str, str]:
        """What a rehearsal's measurement has to share with this case to say anything about it."""
        return {
            "model": self.model.id,
            "method": self.method.id,
            "board": (self.gpu.profile or self.gpu.name) if self.gpu else self.device,
            "engine": self.picks.engines.get("train", ""),
            "accelerator": self.kind,
        }

    def case(self, knobs: Knobs) -> Case:
        return Case(
            model=self.model,
            method=self.method,
            knobs=knobs,
            device=self.device,
            board=self.board,
            compute_bytes=2 if self.halves else 4,
        )

    def correction(self, knobs: Knobs) -> Correction | None:
        if not self.known.records and not self.known.simulated:
            return None
        case = self.case(knobs)
        return correction_of(case, step_of(case), self.key, self.known)

    def numbers(self, knobs: Knobs) -> Numbers:
        step = step_of(self.case(knobs))
        return corrected(numbers_of(step), self.correction(knobs), step)

    def micro_step(self, knobs: Knobs, row_tokens: int) -> float:
        """Seconds of one micro-batch whose rows have so many tokens."""
        return step_seconds(step_of(self.case(knobs)), row_tokens, self.board, self.machine.cpu)


def settle(
    machine: Machine, catalog: Catalog, recipe: Recipe, model: Model, forced: Mapping[str, str], home_free: int
) -> Setting:
    """The card where there is one and an engine can use it, else the CPU where the recipe allows it."""
    cards, kind = cards_for(machine, recipe), accelerator(machine)
    use_card = "cuda" in recipe.accelerators and (bool(machine.gpus) or "cpu" not in recipe.accelerators)
    if use_card and machine.gpus and kind == "cpu":
        picks = Picks(reason=Problem(code="driver-runs-no-build", params={"has": machine.driver or "-"}))
    else:
        picks = pick(recipe, model, machine, catalog, kind if use_card else "cpu", forced)
    if use_card and machine.gpus and picks.reason and "cpu" in recipe.accelerators:
        told = picks.reason
        picks = pick(recipe, model, machine, catalog, "cpu", forced)
        picks = replace(picks, notes=(told, *picks.notes))
        use_card = False
    return Setting(
        machine=machine,
        catalog=catalog,
        recipe=recipe,
        model=model,
        method=catalog.methods[recipe.method],
        device="cuda" if use_card else "cpu",
        gpus=cards if use_card else (),
        kind=kind if use_card else "cpu",
        picks=picks,
        home_free=home_free,
    )


def cards_for(machine: Machine, recipe: Recipe) -> tuple[Gpu, ...]:
    """The roomiest card; all that can work together for a recipe that shares a model out, the least room first."""
    if recipe.knobs.n_gpus <= 1:
        best = max(machine.gpus, key=lambda gpu: gpu.free_bytes, default=None)
        return (best,) if best else ()
    return max(_teams(machine), key=lambda team: len(team) * team[0].free_bytes, default=())


def _teams(machine: Machine) -> Iterator[tuple[Gpu, ...]]:
    """Cards of one capability, the n roomiest of them; slices of a card have no way to one another."""
    whole = [gpu for gpu in machine.gpus if not gpu.mig]
    for capability in {gpu.compute_capability for gpu in whole}:
        alike = sorted((gpu for gpu in whole if gpu.compute_capability == capability), key=lambda gpu: -gpu.free_bytes)
        for count in range(1, len(alike) + 1):
            yield tuple(reversed(alike[:count]))
