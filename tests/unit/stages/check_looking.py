"""Run in the trl environment: a processor of each family, from the files that its models have, and the sides of each.

`python check_looking.py CONFIGS`: a JSON line for each family that sees in configs.jsonl of tests/unit/catalog.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import make_tiny
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

from wizard.errors import WizardError
from wizard.stages.looking import processor_of
from wizard.stages.training.sides import side_of

MARKS = (
    "<image>", "<video>", "<|image|>", "<|video|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>",
    "<|vision_end|>", "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<IMG_CONTEXT>", "<img>", "</img>",
    "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>",
    "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>",
)  # fmt: skip
TOKENIZERS = {
    "gemma3": {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"},
    "internvl": {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
                 "video_token": "<video>"},
}  # fmt: skip
PROCESSORS = {
    "llava": {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
    "llava_next": {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
    "llava_onevision": {"num_image_tokens": 729, "vision_feature_select_strategy": "full"},
}
PICTURES = {"paligemma": {"image_seq_length": 256}}
OF = {"qwen3_vl_moe": "qwen3_vl", "glm4v_moe": "glm4v", "mistral3": "pixtral"}  # whose pictures a family's are


def folder_of(family: str) -> Path:
    folder = Path(tempfile.mkdtemp())
    words = make_tiny.tokenizer()
    words.add_special_tokens({"additional_special_tokens": list(MARKS)})
    words.save_pretrained(folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    own = TOKENIZERS.get(family, {})
    (folder / "tokenizer_config.json").write_text(json.dumps({**told, "extra_special_tokens": own, **own}))
    kind = {"processor_class": PROCESSOR_MAPPING_NAMES[family]}
    images = IMAGE_PROCESSOR_MAPPING_NAMES[OF.get(family, family)]
    seen = {**kind, "image_processor_type": images.get("torchvision") or images["pil"], **PICTURES.get(family, {})}
    (folder / "preprocessor_config.json").write_text(json.dumps(seen))
    (folder / "processor_config.json").write_text(json.dumps({**kind, **PROCESSORS.get(family, {})}))
    (folder / "config.json").write_text(json.dumps({"model_type": family}))
    return folder


def looked(family: str) -> dict:
    """Of a picture and a text in one batch; or why not."""
    try:
        processor = processor_of(folder_of(family))
    except WizardError as error:
        return {"code": error.problem.code, "why": error.problem.params["why"]}
    mark = getattr(processor, "boi_token", None) or getattr(processor, "image_token", "<image>")
    texts, images = [f"{mark}Hi", "Hi"], [[Image.new("RGB", (200, 150), "red")], []]
    made = processor(images=images, text=texts, padding=True, return_tensors="pt", add_special_tokens=False)
    return {"pictures": len(made["pixel_values"]) > 0, "longer": made["attention_mask"].sum(1).tolist()}


def sides(config: dict) -> dict:
    folder = tempfile.mkdtemp()
    (Path(folder) / "config.json").write_text(json.dumps(config))
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder))
    counted = Counter()
    for name, weight in model.named_parameters():
        counted[side_of(name)] += weight.numel()
    return dict(counted)


def main(configs: Path) -> None:
    known: set[str] = set()
    for line in configs.read_text().splitlines():
        entry = json.loads(line)
        family = entry["config"]["model_type"]
        if "vision_config" not in entry["config"] or family in known or family not in PROCESSOR_MAPPING_NAMES:
            continue
        known.add(family)
        print(json.dumps({"family": family, "model": entry["models"][0], **looked(family), **sides(entry["config"])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
