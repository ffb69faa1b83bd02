"""Prints, for each spec.json named, the settings that TRL's own class makes of its order, as JSON lines."""

import json
import sys
from pathlib import Path

from trl import GRPOConfig, RLOOConfig

from wizard.stages.desk import Bench
from wizard.stages.training import Job
from wizard.stages.training.asking import answer_tokens
from wizard.stages.training.rewarded import settings_of

TOLD = ("loss_type", "importance_sampling_level", "scale_rewards", "epsilon", "epsilon_high", "beta", "num_generations",
        "steps_per_generation", "max_completion_length", "use_vllm", "vllm_mode", "vllm_gpu_memory_utilization",
        "generation_batch_size", "gradient_accumulation_steps", "save_steps")  # fmt: skip
lines = []
for folder in sys.argv[2:]:
    job = Job(bench=Bench(Path(folder)), checkpoints=Path(folder), callbacks=[])
    kind = {"grpo": GRPOConfig, "rloo": RLOOConfig}[job.order.spec["trainer"]]
    made = settings_of(job, kind, answer_tokens(job))
    lines.append(json.dumps({name: getattr(made, name) for name in TOLD if hasattr(made, name)}))
Path(sys.argv[1]).write_text("\n".join(lines))
