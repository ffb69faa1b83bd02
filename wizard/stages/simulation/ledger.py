"""Every storage that is alive, by what it is for; remembers the largest moment."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512  # PyTorch's allocator hands out multiples


class Ledger(TorchDispatchMode):  # type: ignore[misc]
    """Bytes of storages that operations made while it was active; a storage leaves with its last reference."""

    def __init__(self) -> None:
        super().__init__()
        self.label = "other"
        self.moment = "load"
        self.total = 0
        self.by_label: dict[str, int] = {}
        self.peak = 0
        self.peak_moment = ""
        self.peak_labels: Mapping[str, int] = {}
        self._held: dict[int, tuple[str, int]] = {}
        self._watches: dict[int, Any] = {}

    def forget_peak(self) -> None:
        self.peak, self.peak_labels = 0, {}

    @contextmanager
    def naming(self, label: str, moment: str = "") -> Iterator[None]:
        """What is allocated inside is `label`'s."""
        before = self.label, self.moment
        self.label, self.moment = label, moment or self.moment
        try:
            yield
        finally:
            self.label, self.moment = before

    def rename(self, tensor: torch.Tensor, label: str) -> None:
        key = tensor.untyped_storage()._cdata
        if key in self._held:
            old, size = self._held[key]
            self._held[key] = label, size
            self._count(old, -size)
            self._count(label, size)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self._meet(leaf)
        return made

    def _meet(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._held:
            return
        size = -(-storage.nbytes() // BLOCK) * BLOCK
        again = self.label == "backward" and torch.is_grad_enabled()  # a checkpointed layer's second forward
        label = "recomputed" if again else self.label
        self._held[key] = label, size
        self._watches[key] = weakref.ref(storage, lambda _: self._leave(key))
        self._count(label, size)
        self.total += size
        if self.total > self.peak:
            self.peak, self.peak_moment, self.peak_labels = self.total, self.moment, dict(self.by_label)

    def _leave(self, key: int) -> None:
        self._watches.pop(key, None)
        label, size = self._held.pop(key)
        self._count(label, -size)
        self.total -= size

    def _count(self, label: str, size: int) -> None:
        self.by_label[label] = self.by_label.get(label, 0) + size
