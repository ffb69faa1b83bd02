"""Run in the trl environment: which of our known words TRL's own source does not have. One JSON object."""

import json
from importlib.util import find_spec
from pathlib import Path

from wizard.contract.trainers import LEVELS, LOSSES

FILES = {
    "sft": "sft_trainer.py",
    "vision": "sft_trainer.py",
    "dpo": "dpo_trainer.py",
    "kto": "kto_trainer.py",
    "grpo": "grpo_trainer.py",
    "cpo": "cpo_trainer.py",
}
trl = Path(find_spec("trl").origin).parent
known = {**LOSSES, "grpo": (*LOSSES["grpo"], *LEVELS)}
missing = {}
for trainer, words in known.items():
    text = "".join(file.read_text() for file in trl.rglob(FILES[trainer]))
    missing[trainer] = [word for word in words if f'"{word}"' not in text and f"'{word}'" not in text]
print(json.dumps(missing))
