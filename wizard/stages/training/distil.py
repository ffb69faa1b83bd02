"""A small model learns from a large one by TRL's DistillationTrainer: it answers, and each token of its answers is
compared with the teacher's distribution (on-policy distillation, GKD, arXiv:2306.13649)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import safety
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.settings import number_type, refused
from wizard.stages.training import asking
from wizard.stages.training.job import Job
from wizard.stages.weights import check_model

if TYPE_CHECKING:
    from trl import DistillationTrainer

OURS = ("teacher",)


def make(job: Job) -> DistillationTrainer:
    from trl import DistillationConfig, DistillationTrainer

    teacher = teacher_at(job)
    with refused():
        answer = asking.answer_tokens(job)
        changes = {**job.changes, **asking.rehearsed(job, answer), "max_completion_length": answer}
        job = replace(job, changes=changes)
        told = job.arguments(DistillationConfig, OURS)
    rows = asking.rows_for(job, answer)
    student = job.model()
    taught_by = teacher_for(job, teacher, student)
    model, peft_config = job.tuned(student)
    made = DistillationTrainer(
        model=model,
        teacher_model=taught_by,
        args=told,
        train_dataset=rows,
        eval_dataset=asking.kept_back_for(job, answer),
        processing_class=job.tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
    made.data_collator = asking.collated
    return made


def teacher_at(job: Job) -> Path:
    """The setting `teacher`: a model's id in our store, or its folder. Raises what is wrong with either."""
    named = str(job.order.spec["settings"].get("teacher") or "")
    if not named:
        raise WizardError("teacher-unnamed", exit_code=ExitCode.FAILED)
    stored = Path(job.order.store) / "models" / named
    folder = stored if stored.is_dir() else Path(named).expanduser()
    if not (folder / "config.json").is_file():
        raise WizardError("teacher-missing", exit_code=ExitCode.FAILED, name=named, path=str(stored))
    check_model(folder)
    safety.check(folder)
    return folder


def teacher_for(job: Job, folder: Path, student: Any) -> Any:
    """Its words must be the student's. It may have more places than there are words, which are cut off."""
    words = job.tokenizer.get_vocab()
    if tokenizer_of(folder).get_vocab() != words:
        raise WizardError("teacher-other-words", exit_code=ExitCode.FAILED, path=str(folder))
    import torch

    teacher = model_of(folder, dtype=getattr(torch, number_type(job.order.spec))).eval().requires_grad_(False)
    size, places = (model.config.get_text_config().vocab_size for model in (student, teacher))
    if places < size:
        raise WizardError("teacher-fewer-words", exit_code=ExitCode.FAILED, path=str(folder), size=size, places=places)
    if places > size:
        teacher.resize_token_embeddings(size)
    return teacher
