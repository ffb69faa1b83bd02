"""Run in the trl environment: rows with pictures through a real processor, TRL's collator and a model of two layers.

`python check_pictures.py FOLDER model`: writes the model, with its processor. `python check_pictures.py FOLDER ROWS`:
what the collator makes of these rows, as JSON.
"""

import json
import sys
from pathlib import Path

import make_tiny
import torch
from datasets import Dataset
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlamaConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CUTS = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
MARKS = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *CUTS]


def processor() -> Idefics3Processor:
    words = make_tiny.tokenizer()
    words.add_special_tokens({"additional_special_tokens": MARKS})
    words.add_tokens(["\n\n"])  # one token, as in the vocabularies of such models
    return Idefics3Processor(Idefics3ImageProcessorPil(), words, image_seq_len=169, chat_template=TEMPLATE)


def write(folder: Path) -> None:
    made = processor()
    words: PreTrainedTokenizerFast = made.tokenizer
    torch.manual_seed(1)
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        pad_token_id=words.pad_token_id,
    )
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Idefics3Config(
        text_config=text,
        vision_config={**tower, "image_size": 364, "patch_size": 14},
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    made.save_pretrained(folder)


def collated(folder: Path, rows: Path) -> None:
    made, words = processor(), make_tiny.tokenizer()
    model = Idefics3ForConditionalGeneration.from_pretrained(folder)
    collate = DataCollatorForVisionLanguageModeling(made, completion_only_loss=True)
    told = []
    for row in Dataset.from_file(str(rows)):
        batch = collate([{name: row[name] for name in ("images", "prompt", "completion")}])
        with torch.inference_mode():
            loss = model(**batch).loss.item() if not told else 0.0
        learnt = batch["labels"][0][batch["labels"][0] >= 0].tolist()
        pictures = batch["pixel_values"].shape[1] if "pixel_values" in batch else 0
        length = batch["input_ids"].shape[1]
        told.append({"tokens": length, "learnt": words.decode(learnt), "cuts": pictures, "loss": loss, "row": row})
    print(json.dumps(told))


if __name__ == "__main__":
    folder, rows = Path(sys.argv[1]), sys.argv[2]
    write(folder) if rows == "model" else collated(folder, Path(rows))
