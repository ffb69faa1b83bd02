"""Sequences that cards share, gone on from in mid-epoch: DeepSpeed's reader of their rows counts no epochs and cannot
skip what was learnt, and transformers 5.23 asks it for both."""

from __future__ import annotations

from typing import Any


def keep_place(trainer: Any) -> None:
    """Of a trainer that has not begun. Where nothing is shared it changes nothing."""
    from transformers import trainer as library

    if (reads := getattr(trainer.accelerator, "deepspeed_ulysses_dl_adapter", None)) is None:
        return
    skips = library.skip_first_batches

    def shared(rows: Any, model: Any) -> Any:
        reader = reads(rows, model)
        return reader if reader is rows else placed(reader, rows)

    def skipped(rows: Any, number: int = 0) -> Any:
        if not hasattr(rows, "learnt"):
            return skips(rows, number)
        rows.learnt = number
        return rows

    trainer.accelerator.deepspeed_ulysses_dl_adapter = shared
    library.skip_first_batches = skipped


def placed(reader: Any, rows: Any) -> Any:
    """`reader.learnt`: batches that the next epoch to begin leaves out."""

    def set_epoch(epoch: int) -> None:
        rows.set_epoch(epoch)
        reader.iter = iter(rows)
        reader.micro_batches.clear()
        for _ in range(reader.learnt):
            next(reader)
        reader.learnt = 0

    reader.learnt, reader.set_epoch = 0, set_epoch
    return reader
