"""Better and worse answers by TRL's DPOTrainer (arXiv:2305.18290), which takes the ids that the prepare stage made.

IPO (arXiv:2310.12036), hinge and robust are its `loss_type`s.
"""

from __future__ import annotations

from typing import Any

from trl import DPOConfig, DPOTrainer

from wizard.stages.training.job import Job
from wizard.stages.training.ready import Ready, asked_ahead, learner, reference


class Trainer(Ready, DPOTrainer):  # type: ignore[misc]
    pass


def make(job: Job) -> Any:
    told = job.arguments(DPOConfig, max_length=int(job.order.knobs["seq_len"]))
    tokenizer, rows = job.tokenizer, job.train_rows()
    asked_ahead(job, told, rows)
    model, peft_config = job.tuned(learner(job))
    return Trainer(
        model=model,
        ref_model=reference(job, told, peft_config),
        args=told,
        train_dataset=rows,
        eval_dataset=job.validation_rows(),
        processing_class=tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
