"""Batches shared out to as many processes as there are cores; what they make comes back in the order it went."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context

from wizard.errors import ExitCode, WizardError
from wizard.stages.preparing.batches import Batch, Done, Maker

ALONE = 4  # batches: starting others takes as long as these
MOST = 16

_maker: Maker | None = None


def made(maker: Maker, batches: Iterator[Batch], log: str) -> Iterator[Done]:
    """Flat memory: a few batches a process are on their way at a time."""
    yield from map(maker.make, islice(batches, ALONE))
    first = next(batches, None)
    if first is None:
        return
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are enough
    processes = min(MOST, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (maker,)) as pool:
        waiting: deque[Future[Done]] = deque([pool.submit(_make, first)])
        try:
            for batch in batches:
                waiting.append(pool.submit(_make, batch))
                if len(waiting) > 3 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:  # one was killed, as the system does when memory is short
            raise WizardError("out-of-memory", exit_code=ExitCode.FAILED, stage="prepare", log=log) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(maker: Maker) -> None:
    global _maker
    _maker = maker


def _make(batch: Batch) -> Done:
    assert _maker is not None
    return _maker.make(batch)
