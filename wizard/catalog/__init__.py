"""TOML files become the frozen catalogue: recipes, models, methods, engines, data sets and boards."""

from wizard.catalog.load import load, read_models
from wizard.catalog.places import builtin

__all__ = ["builtin", "load", "read_models"]
