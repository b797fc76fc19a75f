"""Dropout, norm and attention, with slow training kernels avoided.

In float32, under torch.compile and in inference these are PyTorch's own operations. In a
half-precision training step of the small preset on the CPU, drawing the dropout mask from 16 random
bits an element saved 6 % of the step, and attention in plain matrix multiplications 3 %. Group norm
and SiLU were tried as one autograd function too, and were slower.
"""

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


class GroupNorm(nn.GroupNorm):
    """Group norm that stays in half precision where its input is, with statistics in float32.

    Under CUDA's autocast PyTorch's own would return float32 and double the memory traffic of all
    that follows. On the CPU it does not, and takes float32 weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" or x.dtype == self.weight.dtype:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            return F.group_norm(x, self.num_groups, weight, bias, self.eps)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v of (B, heads, tokens, d)."""
    if slow_here(q) and torch.is_grad_enabled():
        return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1).to(q.dtype) @ v
    return F.scaled_dot_product_attention(q, k, v)
