from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wizard import strict


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    size: int
    share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    id: str
    name: str
    kind: Literal["oak", "fir"] = "oak"
    tall: bool = False
    pair: tuple[int, int] | None = None
    leaf: Leaf = field(default_factory=lambda: Leaf(size=1))
    leaves: tuple[Leaf, ...] = ()


def problems(text: str) -> list[tuple[str, str, int]]:
    value, found = strict.read(Tree, text, "tree.toml", id="tree")
    assert (value is None) == bool(found)
    return [(p.code, str(p.params.get("key", "")), p.params["line"]) for p in found]


def test_a_good_file_becomes_the_dataclass() -> None:
    text = 'name = "x"\npair = [8, 9]\n[leaf]\nsize = 3\nshare = 1\n[[leaves]]\nsize = 4\n'
    tree, found = strict.read(Tree, text, "tree.toml", id="tree")
    leaf = Leaf(size=3, share=1.0)
    assert (tree, found) == (Tree(id="tree", name="x", pair=(8, 9), leaf=leaf, leaves=(Leaf(size=4),)), ())


def test_every_problem_is_told_with_its_line() -> None:
    text = (
        'nmae = "x"\nkind = "fur"\ntall = 1\n\n[leaf]\nsize = "big"\n\n[[leaves]]\nsize = 1\n\n[[leaves]]\nsiez = 2\n'
    )
    assert sorted(problems(text), key=lambda item: item[2]) == [
        ("toml-unknown-key", "nmae", 1),
        ("toml-missing-key", "", 1),
        ("toml-unknown-word", "kind", 2),
        ("toml-wrong-type", "tall", 3),
        ("toml-wrong-type", "leaf.size", 6),
        ("toml-missing-key", "leaves.1", 11),
        ("toml-unknown-key", "leaves.1.siez", 12),
    ]


def test_the_nearest_spelling_is_offered() -> None:
    _, found = strict.read(Tree, 'nmae = "x"', "tree.toml", id="tree")
    assert found[0].params["nearest"] == "name"


def test_broken_toml_names_the_line() -> None:
    assert problems('name = "x"\ntall = = 1\n') == [("toml-broken", "", 2)]


def test_what_looks_like_keys_inside_a_long_text_is_not_taken_for_keys() -> None:
    lines = strict.lines_of('a = """\nb = 1\n[c]\n"""\nb = 2\n')
    assert lines == {("a",): 1, ("b",): 5}


def test_an_id_may_be_repeated_in_the_file_but_not_changed() -> None:
    assert problems('id = "tree"\nname = "x"') == []
    assert problems('id = "bush"\nname = "x"') == [("toml-unknown-key", "id", 1)]
