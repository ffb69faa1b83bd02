"""What a card's kernels do where tensors without storage would show something else: attention, the fused head, sums.

Tensors are said to be on the CPU, which every build of PyTorch knows; nothing is computed and nothing is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from wizard.contract import FLASH_WIDEST
from wizard.stages.simulation.ledger import Ledger

aten = torch.ops.aten
BIAS_STEP = 16  # memory-efficient attention wants rows of its bias aligned


class Kernels(TorchDispatchMode):  # type: ignore[misc]
    """Operations that a card does in other memory.

    - autograd adds a second gradient to the first in place when nobody else holds it, but never for a subclass;
    - a boolean mask picks the rows that are true: here all of them, the most it can be.
    """

    def __init__(self) -> None:
        super().__init__()
        self.learning = False
        self.alone: tuple[int, int] | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is aten.add.Tensor and not kwargs and not torch.is_grad_enabled() and self._owned(*args):
            return aten.add_.Tensor(*args)
        if func in MASKED and _is_mask(args[1]):
            return MASKED[func](args[0], args[1][0])
        return func(*args, **kwargs)

    def learn(self) -> None:
        """How many hold a gradient that only autograd's buffer has: found in a sum that is known to be such."""
        leaf = torch.empty(2, 2, requires_grad=True)
        middle = leaf * 1.0
        self.learning = True
        (middle.sin() + middle.cos()).sum().backward()
        self.learning = False

    def _owned(self, first: Any, second: Any) -> bool:
        if not (isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)):
            return False
        if self.learning:
            self.alone = holders(first)
        return first.shape == second.shape and first.dtype == second.dtype and holders(first) == self.alone


def holders(tensor: torch.Tensor) -> tuple[int, int]:
    return tensor._use_count(), torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)


def _is_mask(indices: Any) -> bool:
    return len(indices) == 1 and indices[0] is not None and indices[0].dtype == torch.bool


def _picked(source: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return aten.clone.default(source).view(mask.numel(), *source.shape[mask.dim() :])


MASKED: dict[Any, Any] = {
    aten.index.Tensor: _picked,
    aten.index_put.default: lambda source, mask: aten.clone.default(source),
    aten.index_put_.default: lambda source, mask: source,
    aten._index_put_impl_.default: lambda source, mask: source,
}


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """As PyTorch chooses on a card: FlashAttention without a mask and with heads of one width, else the other one."""
    if attn_mask is None and key.shape[-1] == value.shape[-1] <= FLASH_WIDEST:
        found = aten._scaled_dot_product_flash_attention(query, key, value, dropout_p, is_causal, scale=scale)
    else:
        if enable_gqa:
            key, value = (each.repeat_interleave(query.shape[1] // each.shape[1], 1) for each in (key, value))
        bias = None if attn_mask is None else _bias(attn_mask, query, key)
        found = aten._scaled_dot_product_efficient_attention(
            query, key, value, bias, True, dropout_p, is_causal, scale=scale
        )
    made: torch.Tensor = found[0]
    return made


def _bias(mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask, 0.0)
    if mask.shape[-1] % BIAS_STEP:
        mask = torch.nn.functional.pad(mask, (0, -mask.shape[-1] % BIAS_STEP))[..., : key.shape[-2]]
    return mask.expand(query.shape[0], query.shape[1], query.shape[-2], key.shape[-2])


def _take_over(parameter: torch.Tensor, converted: torch.Tensor) -> None:
    """What `Module.to` does to ordinary tensors; subclasses it would swap, which FakeTensorMode forbids."""
    if converted is not parameter:
        parameter.data = converted.data


def _drop(x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """A card's kernel keeps a mask of one byte a number."""
    return torch.native_dropout(x, p, True)[0] if training and p > 0 else x


class _Nothing:
    """A kernel that writes into what it is given."""

    def __getitem__(self, grid: Any) -> Any:
        return lambda *args, **kwargs: None


# ATen/autocast_mode.h: these get fp32 copies of what they take; those give fp32 unless a type was asked for.
TAKING_FP32 = ("layer_norm", "pow.Tensor_Scalar", "rsqrt", "exp")
GIVING_FP32 = ("softmax.int", "log_softmax.int", "sum", "cumsum")


@contextmanager
def autocast_as_on_a_card() -> Iterator[None]:
    """A card's autocast runs these in fp32; a CPU's leaves them as they are."""
    library = torch.library.Library("aten", "IMPL")
    mine = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)

    def widened(name: str) -> Any:
        packet, _, overload = name.partition(".")
        operation = getattr(getattr(aten, packet), overload or "default")
        giving = name in GIVING_FP32

        def kernel(x: Any, *args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(mine):
                if not giving:
                    return operation(*map(_wide, (x, *args)), **kwargs)
                asked = [each for each in (*args, kwargs.get("dtype")) if isinstance(each, torch.dtype)]
                dims = [each for each in args if isinstance(each, int)]
                return operation(x, *dims, dtype=asked[0] if asked else torch.float32 if _half(x) else None)

        return kernel

    for name in (*TAKING_FP32, *GIVING_FP32):
        library.impl(name, widened(name), "AutocastCPU")
    try:
        yield
    finally:
        library._destroy()


def _wide(value: Any) -> Any:
    return value.float() if _half(value) else value


def _half(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16, torch.float16)


@contextmanager
def tensors_without_storage() -> Iterator[Ledger]:
    """Models that are built and run inside take no memory; what they would take is in the ledger."""
    with ExitStack() as stack:
        for patched in _patches():
            stack.enter_context(patched)
        stack.enter_context(autocast_as_on_a_card())
        stack.enter_context(FakeTensorMode())
        ledger = stack.enter_context(Ledger())
        stack.enter_context(Kernels()).learn()
        yield ledger


def _patches() -> Iterator[Any]:
    from peft.tuners.boft.layer import BOFTLayer
    from transformers import masking_utils
    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    yield patch.object(torch.utils, "swap_tensors", _take_over)
    asked = torch.is_autocast_enabled
    yield patch.object(torch, "is_autocast_enabled", lambda device_type="cpu": asked("cpu"))
    yield patch.object(torch.nn.functional, "scaled_dot_product_attention", attend)
    yield patch.object(torch.nn.functional, "dropout", _drop)
    yield patch.object(BOFTLayer, "perm2mat", lambda self, indices: torch.zeros(len(indices), len(indices)))
    yield patch.object(masking_utils, "find_packed_sequence_indices", lambda position_ids: None)
    yield patch.object(utils, "_use_triton", lambda device: True)
    yield patch.object(chunked_logprob, "_use_triton", lambda device: True)
    yield patch.object(chunked_logprob, "_forward_kernel", _Nothing())
    yield patch.object(chunked_logprob, "_backward_kernel", _Nothing())
    yield patch.object(chunked_logprob, "_addmm_fp32", lambda total, a, b: None)
    yield patch.object(chunked_logprob, "triton", SimpleNamespace(cdiv=lambda a, b: -(-a // b)), create=True)
