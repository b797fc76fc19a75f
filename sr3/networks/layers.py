"""Dropout, norm and attention, with slow training kernels avoided.

In float32, under torch.compile and in inference these are PyTorch's own operations. In a
half-precision training step of the small preset on the CPU, drawing the dropout mask from 16 random
bits an element saved 6 % of the step, attention in plain matrix multiplications 3 %, and group norm
by batch norm's kernels 7 %.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def slow_here(x: Tensor) -> bool:
    """Whether PyTorch's training kernels for `x` are the slow ones."""
    half = x.dtype in (torch.bfloat16, torch.float16)
    return x.device.type == "cpu" and half and not torch.compiler.is_compiling()


class Dropout(nn.Dropout):
    """Dropout of images; on the CPU its rate is a multiple of 2 ** -16."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and self.p and slow_here(x)):
            return F.dropout(x, self.p, self.training)
        draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.int16)[: x.numel()] >= round(self.p * 2**16) - 2**15
        factor = x.new_tensor(1 / (1 - self.p))
        mask = torch.where(kept, factor, x.new_zeros(()))
        if x.is_contiguous(memory_format=torch.channels_last):
            return x * mask.as_strided(x.shape, x.stride())
        return x * mask.view(x.shape)


def _affine(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """(x - mean) / sqrt(var) * weight + bias, all (B, C) and float32 but for x and the result."""
    out = torch.empty_like(x)
    none = mean.new_empty(0)
    norm = torch.ops.aten.native_batch_norm.out
    for *rows, result in zip(
        torch.split(x, 1), weight, bias, mean, var, torch.split(out, 1), strict=True
    ):
        norm(*rows, False, 0.0, 0.0, out=result, save_mean=none, save_invstd=none)
    return out


class _PictureNorm(torch.autograd.Function):
    """Group norm of channels_last pictures from batch norm's kernels, one picture at a time.

    PyTorch's group norm walks such a layout badly: its backward takes up to ten times an addition.
    Batch norm's kernels for it are fast, work in float32, and a picture fits in the cache.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        batch, channels = x.shape[:2]
        ctx.shape = batch, groups, channels // groups
        if x[0, 0].numel() >= 1024:  # there PyTorch's forward is the fast one
            size = batch, channels, x[0, 0].numel()
            out, mean, rstd = torch.native_group_norm(x, weight, bias, *size, groups, eps)
            mean, var = _widen(mean, ctx.shape), _widen(rstd**-2, ctx.shape)
        else:
            unused = torch.zeros_like(weight)  # running moments make the new ones float32
            moments = [
                torch.batch_norm_update_stats(i, unused, unused, 0.0) for i in torch.split(x, 1)
            ]
            means, variances = (torch.stack(m).view(ctx.shape) for m in zip(*moments, strict=True))
            center = means.mean(2)
            spread = (variances + (means - center[..., None]).square()).mean(2)
            mean, var = _widen(center, ctx.shape), _widen(spread + eps, ctx.shape)
            out = _affine(x, weight.expand(batch, -1), bias.expand(batch, -1), mean, var)
        ctx.save_for_backward(x, weight, mean, var)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, var = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        slopes, sums = [], []
        for g, i, m, v in zip(torch.split(gradient, 1), torch.split(x, 1), mean, var, strict=True):
            _, *parts = torch.ops.aten.native_batch_norm_backward(
                g, i, weight, m, v, None, None, False, 0.0, [False, True, True]
            )
            slopes.append(parts[0])
            sums.append(parts[1])
        slope, total = torch.stack(slopes), torch.stack(sums)
        rstd = var.rsqrt()
        scale = -rstd / (x[0].numel() // ctx.shape[1])
        by_slope, by_total = (
            scale * _widen((weight * part).view(ctx.shape).sum(2), ctx.shape)
            for part in (slope, total)
        )
        out = _affine(x, by_slope, by_total, mean, var)
        out.addcmul_(gradient, (rstd * weight)[..., None, None].to(x.dtype))
        return out, slope.sum(0), total.sum(0), None, None


def _widen(values: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """(B, groups) -> (B, channels)."""
    return values.view(*shape[:2], 1).expand(shape).flatten(1)


class GroupNorm(nn.GroupNorm):
    """Group norm that stays in half precision where its input is, with statistics in float32.

    Under CUDA's autocast PyTorch's own would return float32 and double the memory traffic of all
    that follows. On the CPU it does not, and takes float32 weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        if (
            slow_here(x)
            and torch.is_grad_enabled()
            and self.weight.dtype == torch.float32
            and x.is_contiguous(memory_format=torch.channels_last)
        ):
            args = x, self.weight, self.bias, self.num_groups, self.eps
            out: Tensor = _PictureNorm.apply(*args)  # type: ignore[no-untyped-call]
            return out
        if x.device.type == "cpu" or x.dtype == self.weight.dtype:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            return F.group_norm(x, self.num_groups, weight, bias, self.eps)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v of (B, heads, tokens, d)."""
    if slow_here(q) and torch.is_grad_enabled():
        scaled = q * q.shape[-1] ** -0.5
        return torch.softmax(scaled @ k.transpose(-1, -2), dim=-1).to(q.dtype) @ v
    return F.scaled_dot_product_attention(q, k, v)
