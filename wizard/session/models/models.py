"""Every question about models, and every order: what `models ...` and the screens call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import fit
from wizard import plan as planning
from wizard.contract import Method, Model, Problem
from wizard.errors import WizardError
from wizard.session import estimating, naming
from wizard.session.jobs import Progress, unheard
from wizard.session.models import adopting, fetching, searching, shelf, tokens
from wizard.session.models.adopting import Added, Draft
from wizard.session.models.searching import Found
from wizard.session.models.shelf import Held

if TYPE_CHECKING:
    from wizard.session.desk import Desk

SHOWN_LEN = 1024  # tokens that the smallest card is told for


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`file`: of the person's catalogue; `cards`: method -> GiB of the smallest card, 0 where no card holds it."""

    model: Model
    held: tuple[Held, ...]
    file: Path | None
    cards: Mapping[str, int]


class Models:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._drafts: dict[str, Draft] = {}  # read from a hub or a folder and not kept yet

    def search(self, words: str, progress: Progress = unheard) -> Found:
        return searching.search(self._desk, words, progress)

    def named(self, name: str, progress: Progress = unheard) -> str:
        """The id of a model, or a family. What the catalogue lacks is read from a hub or a folder, and from then on is
        offered like any other."""
        catalog, path = self._desk.catalog(), Path(name).expanduser()
        if model := naming.called(catalog, name):
            return model.id
        families = {each.architecture.family for each in catalog.models.values()}
        if name not in families and (path / "config.json").is_file():
            return self._from_folder(path)
        if name not in families and adopting.is_ref(name) and not naming.likely(catalog, name):
            return self._adopted(adopting.from_hub(self._desk, name, progress))
        if name not in families and (path.is_dir() or name.startswith(adopting.PATHLIKE)):
            raise adopting.no_model_in(path)
        return naming.wanted(catalog, name)

    def may_ask(self, name: str) -> bool:
        """Whether a hub or a folder may tell of it what the catalogue does not."""
        elsewhere = adopting.is_ref(name) or (Path(name).expanduser() / "config.json").is_file()
        return elsewhere and not naming.called(self._desk.catalog(), name)

    def _from_folder(self, path: Path) -> str:
        known = naming.called(self._desk.catalog(), str(path.resolve()))
        return known.id if known else self._adopted(adopting.from_folder(path))

    def _adopted(self, drafted: Draft) -> str:
        model = drafted.model
        if (other := self._desk.catalog().models.get(model.id)) and other.sources != model.sources:
            raise WizardError("model-id-taken", id=model.id, path=str(self._file(model) or other.title))
        self._drafts[model.id] = drafted
        self._desk.take_in(model)
        return model.id

    def one(self, name: str, progress: Progress = unheard) -> Model:
        id = self.named(name, progress)  # which may add it to the catalogue
        found = self._desk.catalog().models.get(id)
        if not found:  # a family
            raise naming.unknown(self._desk.catalog(), name)
        return found

    def show(self, name: str, progress: Progress = unheard) -> Shown:
        model = self.one(name, progress)
        here = {each.id: each for each in shelf.held(self._desk.home)}
        known = [each for each in self._desk.catalog().methods.values() if each.trains]
        methods = [each for each in known if (each.base == model.held if model.held else each.id in fit.PLAIN)]
        cards = {method.id: gib for method in methods if (gib := smallest_card(model, method)) is not None}
        return Shown(model=model, held=tuple(shelf.of(here, model.id)), file=self._file(model), cards=cards)

    def _file(self, model: Model) -> Path | None:
        path = self._desk.home.catalog / "models" / f"{model.id}.toml"
        return path if model.yours and path.is_file() else None

    def add(self, name: str, progress: Progress = unheard) -> Added:
        model = self.one(name, progress)
        return self.keep(model.id) or Added(model=model, path=self._file(model), new=False)

    def keep(self, id: str) -> Added | None:
        """Of one that was read in this process: its file, so that other processes know it too."""
        drafted = self._drafts.get(id)
        return adopting.keep(self._desk, drafted) if drafted else None

    def download(
        self, name: str, hub: str, progress: Progress, tell: Callable[[dict[str, Any]], None]
    ) -> tuple[Model, Path, dict[str, Any]]:
        model = self.one(name, progress)
        if model.own_code:
            raise WizardError("model-own-code", model=model.id)
        path, told = fetching.download(self._desk, model, hub, progress, tell)
        self.keep(model.id)
        return model, path, told

    def here(self, name: str) -> Held:
        """One in the store, by any of its names, or by that of its folder; of a model of which only other revisions
        are here, the first of them."""
        model = naming.called(self._desk.catalog(), name) or naming.likely(self._desk.catalog(), name)
        held = {each.id: each for each in shelf.held(self._desk.home)}
        id = model.id if model else planning.id_of(name)
        found = held.get(name) or next(iter(shelf.of(held, id)), None)
        if not found:
            raise WizardError("model-not-here", name=name, nearest=fit.nearest(name, held))
        return found

    def folder(self, model: Model) -> Path:
        """Where its files are, once they are here."""
        own = next((source.ref for source in model.sources if source.kind == "path"), "")
        return Path(own) if own else self._desk.home.models / model.id

    def remove(self, held: Held) -> int:
        return shelf.remove(self._desk.home, held)

    def token_for(self, problem: Problem) -> tokens.Wanted | None:
        """The hub whose token may mend it."""
        hub = tokens.refusing(problem)
        return tokens.wanted(hub, problem, self._desk.catalog()) if hub else None

    def keep_token(self, hub: str, token: str) -> None:
        tokens.keep(self._desk.home, hub, token)


def smallest_card(model: Model, method: Method) -> int | None:
    """In GiB, for rows of `SHOWN_LEN` tokens one at a time; None where the method cannot be used on it."""
    word = "full" if method.trainable == "all" else "dora" if method.dora else "lora"
    name = f"q{word}-{method.base}" if method.quantised else word
    case = {"method": name, "seq_len": min(SHOWN_LEN, model.max_len)}
    try:
        step = fit.step_for(model.architecture, case, params=model.params, longest=model.max_len)
    except WizardError:
        return None
    return estimating.card_gib(fit.estimated(step, {}))
