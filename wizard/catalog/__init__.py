"""TOML files become the frozen catalogue: recipes, models, methods, engines, data sets and boards."""

from wizard.catalog.load import load
from wizard.catalog.places import builtin

__all__ = ["builtin", "load"]
