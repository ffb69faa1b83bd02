"""Run in the trl environment: sizes and tokens of pictures against transformers' own processors."""

import ast
import json
import random
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import transformers
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.glm4v.image_processing_pil_glm4v import smart_resize as glm_resize
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor
from transformers.models.pixtral.image_processing_pil_pixtral import get_resize_output_image_size
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from wizard.data.shape.seeing import BUDGET
from wizard.data.shape.sight import NEXT, SIGHTS, UP_TO_SIX

LIMITS = {"qwen2-vl": (28, 3136), "qwen3-vl": (32, 65536)}
PROCESSORS = {
    "qwen2-vl": Qwen2VLImageProcessorPil(size={"shortest_edge": 3136, "longest_edge": BUDGET}),
    "qwen3-vl": Qwen2VLImageProcessorPil(patch_size=16, size={"shortest_edge": 65536, "longest_edge": BUDGET}),
    "glm4.1v": Glm4vImageProcessorPil(size={"shortest_edge": 112 * 112, "longest_edge": 2 * BUDGET}),
    "internvl3": GotOcr2ImageProcessorPil(
        size={"height": 448, "width": 448}, crop_to_patches=True, min_patches=1, max_patches=12
    ),
    "idefics3": Idefics3ImageProcessorPil(),
    "smolvlm": Idefics3ImageProcessorPil(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}),
}


def features(kind, side, cells, grids, **more):
    """A processor without its tokenizer: only its arithmetic is asked."""
    made = object.__new__(kind)
    pinpoints = [[rows * side, columns * side] for columns, rows in grids]
    vars(made).update(image_processor=SimpleNamespace(image_grid_pinpoints=pinpoints), patch_size=side // cells, **more)
    return lambda height, width: made._get_number_of_features(height, width, side, side)


NEXT_TOKENS = features(LlavaNextProcessor, 336, 24, NEXT, num_additional_image_tokens=0)
ONE_TOKENS = features(
    LlavaOnevisionProcessor, 384, 27, UP_TO_SIX, num_image_tokens=729, vision_aspect_ratio="anyres_max_9"
)


def by_rows(longest, step):
    def count(height, width):
        size = get_resize_output_image_size(np.zeros((height, width, 3), np.uint8), (longest,) * 2, (step,) * 2)
        return (size[1] // step + 1) * (size[0] // step)

    return count


def by_split(family, each):
    def count(height, width):
        _, rows, columns = PROCESSORS[family].get_number_of_image_patches(height, width)
        return each + 3 + rows * ((each + 2) * columns + 1)

    return count


def by_patches(family, each):
    return lambda height, width: int(PROCESSORS[family].get_number_of_image_patches(height, width, {}) * each)


THEIRS = {
    "qwen2-vl": by_patches("qwen2-vl", 1 / 4),
    "qwen3-vl": by_patches("qwen3-vl", 1 / 4),
    "glm4.1v": by_patches("glm4.1v", 1 / 4),
    "internvl3": by_patches("internvl3", 256),
    "idefics3": by_split("idefics3", 169),
    "smolvlm": by_split("smolvlm", 64),
    "llava1.6": NEXT_TOKENS,
    "llava-onevision": ONE_TOKENS,
    "pixtral": by_rows(1024, 16),
    "mistral-small-3.1": by_rows(1540, 28),
}


def llama4():
    """Its processor is written with torchvision alone, which is not here: two functions of it are taken out."""
    source = (Path(transformers.__file__).parent / "models" / "llama4" / "image_processing_llama4.py").read_text()
    wanted = ("get_factors", "find_supported_resolutions", "get_best_fit")
    parts = [part for part in ast.parse(source).body if getattr(part, "name", "") in wanted]
    names = {
        "torch": torch,
        "defaultdict": defaultdict,
        "lru_cache": lambda **_: lambda made: made,
        "SizeDict": SimpleNamespace,
    }
    exec(compile(ast.Module(parts, []), "llama4", "exec"), names)
    canvases = torch.tensor(names["find_supported_resolutions"](16, SimpleNamespace(height=336, width=336)))

    def count(height, width):
        rows, columns = (int(side) // 336 for side in names["get_best_fit"]((height, width), canvases))
        return 144 + (rows * columns * 145 if rows * columns > 1 else 0)

    return count


THEIRS["llama4"] = llama4()


def sizes(count):
    draw = random.Random(7)
    for _ in range(count):
        width = draw.choice([draw.randint(1, 40), draw.randint(40, 1500), draw.randint(1500, 6000)])
        yield width, max(1, min(6000, int(width * draw.choice([1, 0.5, 0.75, 4 / 3, 16 / 9, draw.uniform(0.02, 50)]))))
    yield from [(1024, 1024), (336, 336), (448, 448), (28, 28), (27, 28), (1540, 1540), (2048, 512), (1, 1), (1, 150)]


def main() -> None:
    different, compared = [], 0
    for width, height in sizes(1500):
        for family, theirs in THEIRS.items():
            compared += 1
            ours = SIGHTS[family].rule.tokens(width, height)
            if ours != theirs(height, width):
                different.append([family, width, height, ours, theirs(height, width)])
        for family, (step, least) in LIMITS.items():
            wide, high = SIGHTS[family].rule.size(width, height)
            asked = smart_resize(height, width, step, least, BUDGET)
            again = smart_resize(high, wide, step, least, 1 << 24)
            fed = SIGHTS[family].rule.file(width, height)
            kept = smart_resize(fed[1], fed[0], step, least, 1 << 24)
            if kept != (high, wide) or asked != (high, wide) or again != (high, wide):
                different.append([family, "size", width, height, wide, high, *asked])
        wide, high = SIGHTS["glm4.1v"].rule.size(width, height)
        if glm_resize(2, high, wide) != (high, wide):
            different.append(["glm4.1v", "size", width, height, wide, high])
    json.dump({"compared": compared, "families": list(THEIRS), "different": different[:20]}, sys.stdout)


if __name__ == "__main__":
    main()
