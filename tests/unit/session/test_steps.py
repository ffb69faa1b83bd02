from dataclasses import replace

from wizard.session import Desk, goals


def test_goals_that_learn_from_own_data_are_those_with_a_recipe_that_brings_none(desk: Desk) -> None:
    catalog = desk.catalog()
    assert goals(catalog)[0] == "identity"
    assert goals(catalog, own=True)[0] == "sft"
    bundled = {name: recipe for name, recipe in catalog.recipes.items() if recipe.datasets}
    assert goals(replace(catalog, recipes=bundled), own=True) == ()
