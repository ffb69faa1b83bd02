"""Linear layers of a base in 4 or 8 bits, as bitsandbytes 0.50 computes with them when many tokens come at once."""

from __future__ import annotations

from typing import Any

import torch
from bitsandbytes import MatmulLtState
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from torch import nn
from transformers.pytorch_utils import Conv1D

BLOCK, NESTED = 64, 256  # weights that share a scale, scales that share one when they are quantised too
KEPT_WHOLE = "lm_head"


def quantise(model: nn.Module, base: str, compute: torch.dtype) -> None:
    """What transformers replaces: every nn.Linear and Conv1D but the head."""
    for name, module in list(model.named_modules()):
        for child, each in list(module.named_children()):
            if (type(each) is nn.Linear or isinstance(each, Conv1D)) and KEPT_WHOLE not in f"{name}.{child}":
                made = EightBits(each) if base == "int8" else FourBits(each, nested=base == "nf4-dq", compute=compute)
                setattr(module, child, made)
    marks = {"is_loaded_in_8bit": True} if base == "int8" else {"is_loaded_in_4bit": True}
    for name, value in marks.items():
        setattr(model, name, value)


def sizes(linear: nn.Module) -> tuple[int, int]:
    """(in, out); a Conv1D holds its weight the other way round."""
    out, inner = linear.weight.shape
    return (out, inner) if isinstance(linear, Conv1D) else (inner, out)


class FourBits(Linear4bit):  # type: ignore[misc]
    def __init__(self, linear: nn.Linear, *, nested: bool, compute: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = *sizes(linear), linear.bias
        self.compute_dtype, self.quant_storage = compute, torch.uint8
        count = self.in_features * self.out_features
        blocks = -(-count // BLOCK)
        self.weight = nn.Parameter(torch.empty(-(-count // 2), 1, dtype=torch.uint8), requires_grad=False)
        self.weight.compress_statistics, self.weight.quant_type = nested, "nf4"
        self.scales = torch.empty(blocks, dtype=torch.uint8 if nested else torch.float32)
        self.nested = torch.empty(-(-blocks // NESTED) if nested else 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = None if self.bias is None else self.bias.to(self.compute_dtype)
        made: torch.Tensor = _FromFourBits.apply(x.to(self.compute_dtype), self, bias)
        return made.to(x.dtype)

    def whole(self) -> torch.Tensor:
        """The weight in the compute type; quantised scales are brought back to fp32 first."""
        scales = torch.empty(self.scales.numel()) if self.nested.numel() else None
        made = torch.empty(self.out_features, self.in_features, dtype=self.compute_dtype)
        del scales
        return made


class _FromFourBits(torch.autograd.Function):  # type: ignore[misc]
    """MatMul4Bit."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, linear: FourBits, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.linear = linear
        return nn.functional.linear(x, linear.whole(), bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return torch.matmul(gradient, ctx.linear.whole().to(gradient.dtype)), None, None


class EightBits(Linear8bitLt):  # type: ignore[misc]
    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = *sizes(linear), linear.bias
        codes = torch.empty(self.out_features, self.in_features, dtype=torch.int8)
        self.weight = nn.Parameter(codes, requires_grad=False)
        self.scales, self.state = torch.empty(self.out_features), MatmulLtState()
        self.index = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = _FromEightBits.apply(x, self)
        return made if self.bias is None else made + self.bias


class _FromEightBits(torch.autograd.Function):  # type: ignore[misc]
    """MatMul8bitLt without outliers: int8 products, int32 sums; the weight in fp16 only in the backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, linear: EightBits) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        ctx.linear, ctx.flat = linear, flat  # kept for the outliers it may have
        half = flat.to(torch.float16)
        codes, scales = torch.empty_like(half, dtype=torch.int8), torch.empty(flat.shape[0])
        del half
        sums = torch.empty(flat.shape[0], linear.out_features, dtype=torch.int32)
        out = torch.empty(flat.shape[0], linear.out_features, dtype=torch.float16)
        del codes, scales, sums
        return out.to(x.dtype).view(*x.shape[:-1], linear.out_features)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        linear, dtype = ctx.linear, ctx.flat.dtype
        whole = linear.weight.to(dtype, copy=True).mul_(linear.scales.unsqueeze(1).mul(1.0 / 127.0))
        return torch.matmul(gradient.to(dtype), whole), None
