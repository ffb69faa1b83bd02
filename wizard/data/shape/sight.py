"""The families that see pictures: how each cuts one up, and how each speaks of places in it.

Numbers are those of the models' preprocessor_config.json and of transformers' processors; forms of places are those of
the models' own cookbooks as ms-swift writes them (template/templates/{qwen,internvl}.py, the default for families that
name none), GLM's of its README, PaliGemma's of big_vision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from wizard.data.shape.seeing import AnyResolution, Canvases, Fixed, Grid, Rows, Size, Slices, Split, Tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """`scale`: what both sides of a picture count as; 0: the pixels of the picture as the model sees it."""

    scale: int = 1000
    ref: str = "{}"
    box: str = "[{}]"  # around the points
    point: str = "({},{})"
    between: str = ","
    down_first: bool = False  # y before x
    digits: int = 0  # numbers are written with leading zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    rule: Fixed
    marks: int = 0  # tokens that the chat template or the processor puts around a picture
    places: Places = Places()


MARKED = Places(ref="<|object_ref_start|>{}<|object_ref_end|>", box="<|box_start|>{}<|box_end|>")
PIXELS = Places(scale=0, ref=MARKED.ref, box=MARKED.box)
BOXED = Places(ref="<ref>{}</ref>", box="<box>[[{}]]</box>", point="{}, {}", between=", ")
LISTED = Places(box="[{}]", point="{}, {}", between=", ")
ENCLOSED = Places(box="<|begin_of_box|>[{}]<|end_of_box|>", point="{}, {}", between=", ")
LOCATED = Places(scale=1023, box="{}", point="<loc{}><loc{}>", between="", down_first=True, digits=4)

NEXT = ((2, 1), (1, 2), (2, 2), (1, 3), (3, 1))  # columns, rows: image_grid_pinpoints, in the order of the file
UP_TO_SIX = tuple((columns, rows) for rows, columns in product(range(1, 7), repeat=2))

QWEN2 = Grid(28, 56 * 56, 16384 * 28 * 28)
QWEN3 = Grid(32, 256 * 256, 16384 * 32 * 32)
GLM = Grid(28, 112 * 112 // 2, 15000 * 28 * 28 // 2, True)  # its limits count two frames
SIGHTS: Mapping[str, Sight] = {
    "gemma3-vision": Sight(rule=Fixed(256), marks=4),
    "glm4.1v": Sight(rule=GLM, marks=2, places=ENCLOSED),
    "glm4.5v": Sight(rule=GLM, marks=2, places=ENCLOSED),
    "idefics3": Sight(rule=Split(169, 364, 4 * 364)),
    "internvl3": Sight(rule=Tiles(256, 448, 12), marks=2, places=BOXED),
    "llama3.2-vision": Sight(rule=Fixed(1)),  # its pictures are read beside the text, not in it
    "llama4": Sight(rule=Canvases(144, 336, 16), marks=3),
    "llava-onevision": Sight(rule=AnyResolution(729, 27, 384, UP_TO_SIX, 9)),
    "llava1.5": Sight(rule=Fixed(576)),
    "llava1.6": Sight(rule=AnyResolution(576, 24, 336, NEXT)),
    "minicpm-v": Sight(rule=Slices(64, 448, 9), marks=2),
    "mistral-small-3.1": Sight(rule=Rows(28, 1540)),
    "paligemma": Sight(rule=Fixed(256), places=LOCATED),
    "pixtral": Sight(rule=Rows(16, 1024)),
    "qwen2-vl": Sight(rule=QWEN2, marks=2, places=MARKED),
    "qwen2.5-vl": Sight(rule=QWEN2, marks=2, places=PIXELS),
    "qwen3-vl": Sight(rule=QWEN3, marks=2, places=MARKED),
    "smolvlm": Sight(rule=Split(64, 512, 4 * 512)),
}
# Families that see as another does, and model_type of config.json (family_of) for models that are in no catalogue.
SAME: Mapping[str, str] = {
    "gemma3": "gemma3-vision",
    "glm46v": "glm4.5v",
    "glm4v": "glm4.1v",
    "glm4v_moe": "glm4.5v",
    "internvl": "internvl3",
    "internvl3.5": "internvl3",
    "llava": "llava1.5",
    "llava_next": "llava1.6",
    "llava_onevision": "llava-onevision",
    "medgemma": "gemma3-vision",
    "minicpmv": "minicpm-v",
    "ministral-3": "mistral-small-3.1",
    "mistral3": "mistral-small-3.1",
    "mllama": "llama3.2-vision",
    "qwen2_5_vl": "qwen2.5-vl",
    "qwen2_vl": "qwen2-vl",
    "qwen3.5": "qwen3-vl",
    "qwen3.6": "qwen3-vl",
    "qwen3_5": "qwen3-vl",
    "qwen3_5_moe": "qwen3-vl",
    "qwen3_vl": "qwen3-vl",
    "qwen3_vl_moe": "qwen3-vl",
}


UNKNOWN = Sight(rule=Fixed(0))


def sight_of(family: str) -> Sight:
    """By the catalogue's family or transformers' model_type; UNKNOWN for one that is not listed."""
    return SIGHTS.get(SAME.get(family, family), UNKNOWN)


def family_of(config: Mapping[str, Any]) -> str:
    """The name to ask for a model of which only config.json is at hand; two names of transformers' mean two each."""
    kind, tower = str(config.get("model_type", "")), config.get("vision_config")
    if kind == "llava" and isinstance(tower, Mapping) and tower.get("model_type") == "pixtral":
        return "pixtral"
    if kind == "idefics3" and config.get("scale_factor") == 4:
        return "smolvlm"
    return kind


def image_tokens(family: str, width: int, height: int) -> int:
    """What a picture of so many pixels takes of a row, its marks included; 0 for a family that is not known.

    Raises ValueError where a side is not positive.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width}x{height} pixels")
    sight = sight_of(family)
    return sight.rule.tokens(width, height) + sight.marks


def seen_size(family: str, width: int, height: int) -> Size:
    """(width, height) in which this family sees a picture of this size."""
    return sight_of(family).rule.size(width, height)
