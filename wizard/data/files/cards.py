"""What a data set's folder says of itself: its card (README.md), or the state that `save_to_disk` left."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from typing import Any

from wizard.data.files.splits import by_split
from wizard.data.files.tree import Tree
from wizard.data.shape.fault import DataFault

Splits = dict[str, list[str]]


def saved(tree: Tree) -> Splits:
    """split -> files, of a folder that `datasets` saved; empty where it is none."""
    if "dataset_dict.json" in tree.names:
        splits = _object(tree.text("dataset_dict.json")).get("splits")
        names = [str(name) for name in splits] if isinstance(splits, list) else []
        return {name: files for name in names if (files := _saved(tree, f"{name}/"))}
    return {"train": files} if (files := _saved(tree, "")) else {}


def _saved(tree: Tree, place: str) -> list[str]:
    listed = _object(tree.text(f"{place}state.json")).get("_data_files")
    if not isinstance(listed, list):
        return []
    files = [place + str(each["filename"]) for each in listed if isinstance(each, Mapping) and "filename" in each]
    if missing := next((name for name in files if name not in tree.names), ""):
        raise DataFault("data-part-missing", file=missing)
    return files


def carded(tree: Tree, subset: str) -> Splits:
    """split -> files, as the card's `configs` say; empty where it says nothing of files."""
    configs = configs_of(tree.text("README.md"))
    if not configs:
        return {}
    config = _named(configs, subset)
    place = str(config.get("data_dir") or "").strip("/")
    splits: Splits = {}
    for split, patterns in _patterns(config.get("data_files")):
        full = [f"{place}/{pattern}" if place else pattern for pattern in patterns]
        splits.setdefault(split, []).extend(_matching(tree.names, full))
    if not splits and place:
        return by_split(name for name in tree.names if name.startswith(f"{place}/"))
    return {split: files for split, files in splits.items() if files}  # a snapshot need not be whole


def configs_of(card: str) -> list[Mapping[str, Any]]:
    """Of the YAML between two lines of dashes at its beginning; none where that is no YAML."""
    found = re.match(r"\ufeff?---\r?\n(.*?)\r?\n---\s*(\r?\n|$)", card, re.DOTALL)
    if not found:
        return []
    import yaml

    try:
        told = yaml.load(found[1], Loader=_loader(yaml))
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    configs = told.get("configs") if isinstance(told, Mapping) else None
    listed = configs if isinstance(configs, list) else []
    return [each for each in listed if isinstance(each, Mapping) and (each.get("data_files") or each.get("data_dir"))]


def _loader(yaml: Any) -> Any:
    """Without aliases: a few lines of them can stand for more than the memory holds."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

    return Loader


def _named(configs: Sequence[Mapping[str, Any]], subset: str) -> Mapping[str, Any]:
    names = {str(config.get("config_name", "default")): config for config in configs}
    if subset:
        if subset not in names:
            raise DataFault("data-subset-unknown", subset=subset, known=", ".join(names))
        return names[subset]
    default = next((config for config in configs if config.get("default") is True), names.get("default"))
    if default is None and len(names) > 1:
        raise DataFault("data-subset-needed", known=", ".join(names))
    return default or configs[0]


def _patterns(data_files: Any) -> list[tuple[str, list[str]]]:
    if isinstance(data_files, str):
        return [("train", [data_files])]
    if isinstance(data_files, Mapping):
        return [(str(split), _texts(paths)) for split, paths in data_files.items()]
    listed = data_files if isinstance(data_files, list) else []
    plain = [each for each in listed if isinstance(each, str)]
    told = [(str(each.get("split", "train")), _texts(each.get("path"))) for each in listed if isinstance(each, Mapping)]
    return [*([("train", plain)] if plain else []), *told]


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []


def _matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """`*` within a folder, `**` across folders."""
    found: dict[str, None] = {}
    for pattern in patterns:
        pieces = [translate(piece)[4:-3].replace(".*", "[^/]*") for piece in pattern.removeprefix("./").split("**")]
        expression = re.compile(".*".join(pieces))
        found |= dict.fromkeys(name for name in names if expression.fullmatch(name))
    return list(found)


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
