"""Everything about a recipe, a model and a machine that is fixed before the knobs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wizard.contract import Board, Catalog, Format, Gpu, Knobs, Machine, Method, Model, Problem, Recipe
from wizard.contract.sharing import generator_cards, least_cards
from wizard.fit.memory.law import Numbers, numbers_of
from wizard.fit.memory.step import Step
from wizard.fit.offering import guessing, inference
from wizard.fit.offering.cards import hands, only, serving
from wizard.fit.offering.correct import Correction, Known, corrected, correction_of
from wizard.fit.offering.engines import CUDA_12_DRIVER, Picks, accelerator, naming, pick
from wizard.fit.offering.flops import step_seconds
from wizard.fit.offering.recipe_step import Asked, Case, asked_of, step_of

NUMBERS = {"fp32": 4, "bf16": 2, "fp16": 2}  # bytes, where a person chooses
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(slots=True)
class Seen:
    """What was found before on one machine, with one catalogue and one choice of engines: cards; for engines alike the
    build and who runs each stage; for a model beside them how it may be served, and what the stages around a training
    take; steps. `brief`: of what no memory here holds nobody asks what it would cost beside."""

    brief: bool = False
    hands: dict[tuple[int, int], tuple[tuple[Gpu, ...], ...]] = field(default_factory=dict)
    engines: dict[tuple[object, ...], tuple[str, Picks, int]] = field(default_factory=dict)  # with a number
    ways: dict[tuple[int, str], tuple[Picks, ...]] = field(default_factory=dict)
    around: dict[tuple[int, str, str], Any] = field(default_factory=dict)
    asked: dict[tuple[int, str, Knobs], Asked] = field(default_factory=dict)
    steps: dict[tuple[int, str, Knobs, str], Step] = field(default_factory=dict)


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
    seen: Seen = field(default_factory=Seen)
    alike: int = 0  # the same for all whose engines are chosen alike on the same cards
    rows: int = 0
    row_tokens: int = 0
    known: Known = field(default_factory=Known)
    draft: Model | None = None  # that is to guess beside the one that is served
    here: frozenset[str] = frozenset()  # ids of models that are fetched and of environments that are built

    @property
    def serves(self) -> bool:
        """Nothing is trained: what has to fit is the server, or where there is none what comes before it."""
        return not self.method.trains

    @property
    def answers(self) -> bool:
        """Whether it is served in the end."""
        return "serve" in self.recipe.engines

    @property
    def guesser(self) -> Model | None:
        """The draft, where the engine that serves knows such."""
        server = self.picks.engines.get("serve", "")
        able = bool(server) and bool(self.gpus) and guessing.knows(self.catalog.engines[server])
        return self.draft if able else None

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
    def format(self) -> Format | None:
        """What the trained model is written as; the catalogue of such a recipe has that one alone."""
        return next(iter(self.catalog.formats.values())) if "quantise" in self.recipe.engines else None

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

    @property
    def method_served(self) -> Method:
        """The weights as the server holds them."""
        return replace(self.method, base=inference.held_as(self.format))  # type: ignore[arg-type]

    def case(self, knobs: Knobs) -> Case:
        return Case(
            model=self.model,
            method=self.method_served if self.serves else self.method,
            knobs=knobs,
            device=self.device,
            board=self.board,
            compute_bytes=NUMBERS.get(knobs.dtype, 2 if self.halves else 4),
            trainer=self.recipe.trainer,
            settings=self.recipe.settings,
            teacher_params=self.teacher,
            card_bytes=self.gpu.total_bytes if self.gpu else 0,
        )

    @property
    def teacher(self) -> int:
        """Parameters of the one that is named; of one that nobody knows, the pupil's at the least."""
        named = self.catalog.models.get(str(self.recipe.settings.get("teacher", "")))
        return named.params if named else self.model.params

    def correction(self, knobs: Knobs) -> Correction | None:
        if not self.known.records and not self.known.simulated:
            return None
        case = self.case(knobs)
        return correction_of(case, step_of(case), self.key, self.known)

    def numbers(self, knobs: Knobs) -> Numbers:
        if self.serves:
            return inference.numbers(self, knobs)
        step = self.step(knobs)
        return corrected(numbers_of(step), self.correction(knobs), step)

    def step(self, knobs: Knobs) -> Step:
        seen, key = self.seen, (self.alike, self.recipe.id, knobs, self.model.id)
        if (found := seen.steps.get(key)) is None:
            case, alike = self.case(knobs), key[:3]
            if alike not in seen.asked:
                seen.asked[alike] = asked_of(case)
            found = seen.steps[key] = step_of(case, seen.asked[alike])
        return found

    def micro_step(self, step: Step, row_tokens: int, parts: int = 1) -> float:
        """Seconds of one micro-batch whose rows have so many tokens; `parts`: cards that read a row together."""
        return step_seconds(step, row_tokens, self.board, self.machine.cpu) / parts


def settle(
    machine: Machine,
    catalog: Catalog,
    recipe: Recipe,
    model: Model,
    forced: Mapping[str, str],
    home_free: int,
    n_gpus: int = 0,
    seen: Seen | None = None,
    given: Mapping[str, Any] | None = None,
) -> tuple[Setting, ...]:
    """Every way to run it here, the first choice first: on these cards or those, and on the CPU where it may be.

    `n_gpus`: training on just so many cards where there are so many. Engines and builds are those of the cards that are
    used. `seen`: for other recipes and models on this machine, with all else the same. `given`:
    rows, row_tokens, known, draft, here.
    """
    seen = seen or Seen()
    carriers = [(source.ref,) for source in model.sources if source.kind == "bundled"]
    alike = (*((stage, *names) for stage, names in recipe.engines.items()), "of", model.modality, *carriers)
    method = catalog.methods[recipe.method]
    shared: dict[str, Any] = {"machine": machine, "catalog": catalog, "recipe": recipe, "model": model}
    shared |= {"method": method, "home_free": home_free, "seen": seen, **(given or {})}
    found: list[Setting] = []
    if "cuda" in recipe.accelerators and (machine.gpus or "cpu" not in recipe.accelerators):
        asked = (least_cards(recipe), n_gpus + generator_cards(recipe) if n_gpus else 0)
        asked = asked if method.trains else (0, 0)
        if asked not in seen.hands:
            seen.hands[asked] = (hands(machine, *asked) if method.trains else serving(machine)) or ((),)
        for cards in seen.hands[asked]:
            key = (*alike, *(gpu.index for gpu in cards))
            if key not in seen.engines:
                seen.engines[key] = (*_picks(recipe, model, only(machine, cards), catalog, forced), len(seen.engines))
            kind, picks, at = seen.engines[key]
            found.append(Setting(device="cuda", gpus=cards, kind=kind, picks=naming(picks, model), alike=at, **shared))
    if "cpu" in recipe.accelerators:
        key = (*alike, "cpu")
        if key not in seen.engines:
            seen.engines[key] = "cpu", pick(recipe, model, machine, catalog, "cpu", forced), len(seen.engines)
        kind, picks, at = seen.engines[key]
        found.append(Setting(device="cpu", gpus=(), kind="cpu", picks=naming(picks, model), alike=at, **shared))
    return tuple(found)


def _picks(
    recipe: Recipe, model: Model, here: Machine, catalog: Catalog, forced: Mapping[str, str]
) -> tuple[str, Picks]:
    kind = accelerator(here)
    if here.gpus and kind == "cpu":
        needed = {"has": here.driver or "-", "needed": str(CUDA_12_DRIVER)}
        return kind, Picks(reason=Problem(code="driver-runs-no-build", params=needed))
    return kind, pick(recipe, model, here, catalog, kind, forced)


def suits(recipe: Recipe, model: Model) -> bool:
    named = {model.id, model.architecture.family}
    sees = "image" in model.modality
    tuned = ("*" in model.tasks or recipe.task in model.tasks) and (sees or recipe.task != "vision")
    tuned = tuned or (recipe.trainer == "none" and bool(model.tasks))
    if model.held:  # what takes any model wants its weights whole
        return (tuned and model.held in recipe.models) or model.id in recipe.models
    taken = "*" in recipe.models or ("yours" in recipe.models and model.yours)
    return (tuned and taken) or any(name in named for name in recipe.models)
