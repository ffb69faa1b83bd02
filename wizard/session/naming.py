"""A model of the catalogue by what people call it: its id or a hub's, in capitals or not."""

from __future__ import annotations

from collections.abc import Iterable

from wizard import fit
from wizard.contract import Catalog, Model
from wizard.errors import WizardError


def called(catalog: Catalog, name: str) -> Model | None:
    """To the letter."""
    return next((model for model in catalog.models.values() if name in _names(model)), None)


def likely(catalog: Catalog, name: str) -> Model | None:
    plain = name.casefold()
    return next((m for m in catalog.models.values() if plain in (each.casefold() for each in _names(m))), None)


def wanted(catalog: Catalog, name: str) -> str:
    """The id of one model, or a family with all of its models. Raises model-own-code where none of them can be had."""
    found = named(catalog, name)
    meant = [model for model in catalog.models.values() if found in (model.id, model.architecture.family)]
    if meant and all(model.own_code for model in meant):
        raise WizardError("model-own-code", model=found)
    return found


def named(catalog: Catalog, name: str) -> str:
    families = {model.architecture.family for model in catalog.models.values()}
    if name in catalog.models or name in families:
        return name
    model = called(catalog, name) or likely(catalog, name)
    if not model and name.casefold() not in families:
        raise unknown(catalog, name, families)
    return model.id if model else name.casefold()


def unknown(catalog: Catalog, name: str, families: Iterable[str] = ()) -> WizardError:
    near = fit.nearest(name.rpartition("/")[2].casefold(), [*catalog.models, *sorted(families)])
    return WizardError("unknown-model", name=name, nearest=near)


def _names(model: Model) -> tuple[str, ...]:
    return (model.id, *(source.ref for source in model.sources))
