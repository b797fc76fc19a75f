"""The network of the public SR3 re-implementation (Janspiry, Apache-2.0), written from its facts.

DDPM's U-Net: plain residual blocks, strided convolutions down, nearest up, one attention head at
chosen sides and in the middle, no scaled skips. The noise level comes in as WaveGrad's embedding of
sqrt(gamma), which adds a bias to each block. Modules bear the names that its checkpoints use.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr3.networks.unet import UNetConfig


@dataclass(frozen=True)
class PublicConfig(UNetConfig):
    """Shape of the network.

    Attributes:
        groups: of every group norm.
        affine: whether the noise level scales the features too, not only adds to them.
    """

    groups: int = 32
    affine: bool = False


def root_embedding(root_gamma: Tensor, dim: int) -> Tensor:
    """(B,) sqrt(gamma) -> (B, dim): sines, then cosines, of frequencies 1 down to 1e-4."""
    steps = torch.arange(dim // 2, dtype=root_gamma.dtype, device=root_gamma.device) / (dim // 2)
    phase = root_gamma[:, None] * torch.exp(-math.log(1e4) * steps)[None]
    return torch.cat([phase.sin(), phase.cos()], dim=1)


def _norm_and_conv(channels: int, out_channels: int, groups: int) -> nn.Sequential:
    norm = nn.GroupNorm(groups, channels)
    gap = nn.Identity()  # where its training has dropout
    return nn.Sequential(norm, nn.SiLU(), gap, nn.Conv2d(channels, out_channels, 3, padding=1))


class NormConv(nn.Module):
    """Group norm, SiLU and a convolution."""

    def __init__(self, channels: int, out_channels: int, groups: int) -> None:
        super().__init__()
        self.block = _norm_and_conv(channels, out_channels, groups)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return out


class NoiseBias(nn.Module):
    """What the noise level does to the features: a bias, and with `affine` a scale before it."""

    def __init__(self, embedding: int, channels: int, affine: bool) -> None:
        super().__init__()
        self.affine = affine
        self.noise_func = nn.Sequential(nn.Linear(embedding, channels * (1 + affine)))

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        values = self.noise_func(embedded)[:, :, None, None].to(x.dtype)
        scale, bias = values.chunk(2, dim=1) if self.affine else (0, values)
        out: Tensor = (1 + scale) * x + bias
        return out


class Residual(nn.Module):
    """Two norm-convolutions with the noise level between them, and a skip around both."""

    def __init__(self, channels: int, out_channels: int, config: PublicConfig) -> None:
        super().__init__()
        self.noise_func = NoiseBias(config.channels, out_channels, config.affine)
        self.block1 = NormConv(channels, out_channels, config.groups)
        self.block2 = NormConv(out_channels, out_channels, config.groups)
        same = channels == out_channels
        self.res_conv = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        h = self.block2(self.noise_func(self.block1(x), embedded))
        out: Tensor = h + self.res_conv(x)
        return out


class Attention(nn.Module):
    """Self-attention of one head over the pixels of a feature map."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).mT.contiguous().chunk(3, dim=2)
        h = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        out: Tensor = x + self.out(h.mT.reshape(x.shape))
        return out


class Stage(nn.Module):
    """A residual block and, where the level has it, attention after it."""

    def __init__(
        self, channels: int, out_channels: int, config: PublicConfig, attend: bool
    ) -> None:
        super().__init__()
        self.res_block = Residual(channels, out_channels, config)
        self.attn = Attention(out_channels, config.groups) if attend else nn.Identity()

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        out: Tensor = self.attn(self.res_block(x, embedded))
        return out


class Resample(nn.Module):
    """Half the side by a strided convolution, or twice by repetition and a convolution."""

    def __init__(self, channels: int, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(channels, channels, 3, stride=1 if up else 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0) if self.up else x)
        return out


class PublicUNet(nn.Module):
    """epsilon of (lr_up, y_t, gamma), called as `unet.UNet` is."""

    def __init__(self, config: PublicConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.noise_level_mlp = nn.Sequential(
            nn.Identity(), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
        )
        widths = [multiplier * width for multiplier in config.multipliers]
        self.downs, skips = self._build_downs(widths)
        last = widths[-1]
        self.mid = nn.ModuleList([Stage(last, last, config, a) for a in (True, False)])
        self.ups = self._build_ups(widths, skips)
        self.final_conv = NormConv(widths[0], config.image_channels, config.groups)

    def _build_downs(self, widths: list[int]) -> tuple[nn.ModuleList, list[int]]:
        config, width = self.config, self.config.channels
        stem = nn.Conv2d(2 * config.image_channels, width, 3, padding=1)
        downs, skips = nn.ModuleList([stem]), [width]
        for level, wide in enumerate(widths):
            for _ in range(config.blocks):
                downs.append(Stage(width, wide, config, level in config.attention_levels))
                width = wide
                skips.append(width)
            if level < len(widths) - 1:
                downs.append(Resample(width, up=False))
                skips.append(width)
        return downs, skips

    def _build_ups(self, widths: list[int], skips: list[int]) -> nn.ModuleList:
        config, width = self.config, widths[-1]
        ups = nn.ModuleList()
        for level in reversed(range(len(widths))):
            attend = level in config.attention_levels
            for _ in range(config.blocks + 1):
                ups.append(Stage(width + skips.pop(), widths[level], config, attend))
                width = widths[level]
            if level:
                ups.append(Resample(width, up=True))
        return ups

    def embed_noise(self, gamma: Tensor) -> Tensor:
        """(B,) noise levels -> (B, channels), never in half precision."""
        with torch.autocast(gamma.device.type, enabled=False):
            root_gamma = gamma.sqrt().to(next(self.parameters()).dtype)
            embedded: Tensor = self.noise_level_mlp(
                root_embedding(root_gamma, self.config.channels)
            )
        return embedded

    def forward(self, lr_up: Tensor, y_t: Tensor, gamma: Tensor) -> Tensor:
        """The predicted noise.

        Args:
            lr_up: (B, 3, H, W) condition in [-1, 1], H and W multiples of `config.divisor`.
            y_t: (B, 3, H, W) noisy target.
            gamma: (B,) float64 noise level of each example; the network sees its root.

        Returns:
            (B, 3, H, W).

        Raises:
            ValueError: sides that the levels cannot halve.
        """
        if y_t.shape[-2] % self.config.divisor or y_t.shape[-1] % self.config.divisor:
            raise ValueError(
                f"found {tuple(y_t.shape[-2:])}, wanted sides divisible by {self.config.divisor}"
            )
        embedded = self.embed_noise(gamma)
        x = self.downs[0](torch.cat([lr_up, y_t], dim=1))
        skips = [x]
        for layer in self.downs[1:]:
            x = layer(x, embedded) if isinstance(layer, Stage) else layer(x)
            skips.append(x)
        for layer in self.mid:
            x = layer(x, embedded)
        for layer in self.ups:
            is_stage = isinstance(layer, Stage)
            x = layer(torch.cat([x, skips.pop()], dim=1), embedded) if is_stage else layer(x)
        out: Tensor = self.final_conv(x)
        return out
