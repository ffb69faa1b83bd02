"""Which chat template a model has: its own once it is here, else the one the catalogue carries for its family."""

from __future__ import annotations

from pathlib import Path

from wizard.contract import Model
from wizard.data.files.templates import source_of, special_tokens
from wizard.data.readers.rendering import Template


def template_of(folder: Path, model: Model, recipes: Path | None = None) -> Template:
    """`folder`: where the model is, if it is here. `recipes`: the catalogue that is searched."""
    file = folder / "tokenizer.json"
    source = source_of(folder) or _carried(model, recipes)
    return Template(source=source, tokens=special_tokens(folder), tokenizer=file if file.is_file() else None)


def _carried(model: Model, recipes: Path | None) -> str | None:
    for name in (model.architecture.family, model.template):
        file = (recipes or Path(__file__).parents[3] / "recipes") / "models" / f"{name}.jinja"
        if name and file.is_file():
            return file.read_text(encoding="utf-8")
    return None
