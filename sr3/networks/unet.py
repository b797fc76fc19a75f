"""The conditional U-Net: DDPM's, with BigGAN residual blocks and skips scaled by 1/sqrt(2).

The network sees y_t and the condition lr_up on six channels and the noise level gamma; a generator
sees y_t alone, and a class where it was trained with them. It knows no schedule, no diffusion and
no training. What the paper leaves open (attention, heads, norm) is settled in docs/fidelity.md.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sr3.networks.layers import Dropout, GroupNorm, attend

RESCALE = 2**-0.5
NO_CLASS = -1  # label of the null class


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the network.

    Attributes:
        resolution: side of the square training images; fixes at which levels attention sits.
        channels: width of the first level.
        multipliers: width of each level in units of `channels`; each level halves the side.
        blocks: residual blocks per level on the way down (one more on the way up).
        attention_resolutions: sides of the feature maps that get self-attention.
        dropout: rate within residual blocks.
        patch: pixel-unshuffle factor of the stem; 1 is the paper's.
        head_channels: channels per attention head.
        image_channels: channels of y_t, and of the output without a learned variance.
        condition_channels: channels of lr_up; 0 for a generator, which has no condition.
        condition_levels: how many strengths of augmentation of the condition the network is told
            (blur, noise); 0 for a network that knows of none.
        classes: how many classes there are to tell apart; beside them stands the null class.
        learn_variance: as many output channels again, for the variance of a step (Nichol &
            Dhariwal 2021, eq. 15).
    """

    resolution: int
    channels: int
    multipliers: tuple[int, ...]
    blocks: int
    attention_resolutions: tuple[int, ...] = (16,)
    dropout: float = 0.0
    patch: int = 1
    head_channels: int = 64
    image_channels: int = 3
    condition_channels: int = 3
    condition_levels: int = 0
    classes: int = 0
    learn_variance: bool = False

    @property
    def attention_levels(self) -> tuple[int, ...]:
        """Levels whose feature maps have an attention resolution at the training size."""
        side = self.resolution // self.patch
        return tuple(
            i for i in range(len(self.multipliers)) if side >> i in self.attention_resolutions
        )

    @property
    def divisor(self) -> int:
        """Both sides of an input must be multiples of it."""
        return self.patch << (len(self.multipliers) - 1)


def noise_embedding(gamma: Tensor, dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Sinusoids of log-SNR = log(gamma / (1 - gamma)), in float32 whatever the autocast.

    Args:
        gamma: (B,) noise levels in [0, 1], float64 to keep the lowest noise levels apart.
        dim: even size of the embedding.

    Returns:
        (B, dim) of `dtype`; log-SNR is clipped to [-20, 20].
    """
    gamma = gamma.double()
    log_snr = (gamma.clamp(min=1e-12).log() - (1 - gamma).clamp(min=1e-12).log()).clamp(-20, 20)
    wavelength = torch.logspace(
        math.log10(0.2), math.log10(160), dim // 2, dtype=torch.float64, device=gamma.device
    )
    phase = log_snr[:, None] * (2 * math.pi / wavelength)
    return torch.cat([phase.sin(), phase.cos()], dim=1).to(dtype)


def level_embedding(levels: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
    """Sinusoids of augmentation strengths (B, n), each within about [0, 4]: (B, n * dim)."""
    wavelength = torch.logspace(-1, math.log10(16), dim // 2, dtype=torch.float64)
    phase = levels.double()[..., None] * (2 * math.pi / wavelength.to(levels.device))
    return torch.cat([phase.sin(), phase.cos()], dim=-1).flatten(1).to(dtype)


def group_norm(channels: int) -> nn.GroupNorm:
    return GroupNorm(math.gcd(32, channels // 4), channels, eps=1e-6)


def conv(in_channels: int, out_channels: int, size: int = 3, zero: bool = False) -> nn.Conv2d:
    layer = nn.Conv2d(in_channels, out_channels, size, padding=size // 2)
    if zero:
        nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """BigGAN residual block; `resample` "up" or "down" changes the size inside both branches."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding: int,
        dropout: float,
        resample: str = "keep",
    ) -> None:
        super().__init__()
        self.resample = resample
        self.norm_in = group_norm(in_channels)
        self.conv_in = conv(in_channels, out_channels)
        self.noise = nn.Linear(embedding, out_channels)
        self.norm_out = group_norm(out_channels)
        self.dropout = Dropout(dropout)
        self.conv_out = conv(out_channels, out_channels, zero=True)
        same = in_channels == out_channels
        self.skip = nn.Identity() if same else conv(in_channels, out_channels, 1)

    def _resize(self, x: Tensor) -> Tensor:
        if self.resample == "up":
            return F.interpolate(x, scale_factor=2.0, mode="nearest")
        return F.avg_pool2d(x, 2) if self.resample == "down" else x

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv_in(self._resize(F.silu(self.norm_in(x))))
        h = h + self.noise(embedding)[:, :, None, None].to(h.dtype)
        h = self.conv_out(self.dropout(F.silu(self.norm_out(h))))
        out: Tensor = (self.skip(self._resize(x)) + h).mul_(RESCALE)
        return out


class AttentionBlock(nn.Module):
    """Self-attention over the pixels of a feature map."""

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_channels)
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        qkv = self.qkv(tokens).view(batch, height * width, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        h = attend(q, k, v).transpose(1, 2).reshape(tokens.shape)
        h = self.out(h).view(batch, height, width, channels).permute(0, 3, 1, 2)
        out: Tensor = (x + h).mul_(RESCALE)
        return out


class Stage(nn.Module):
    """A residual block and, where the level asks for it, attention after it."""

    def __init__(self, block: ResidualBlock, attention: AttentionBlock | None) -> None:
        super().__init__()
        self.block = block
        self.attention = attention

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        x = self.block(x, embedding)
        if self.attention is not None:
            x = self.attention(x)
        return x


class UNet(nn.Module):
    """f(lr_up, y_t, gamma) of eq. 6."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.recompute = False  # trade time for memory: keep only each stage's input for backward
        width, embedding = config.channels, 4 * config.channels
        inputs = config.image_channels + config.condition_channels
        outputs = config.image_channels * (2 if config.learn_variance else 1)
        self.embed = nn.Sequential(
            nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU()
        )
        if config.condition_levels:
            self.embed_levels = nn.Linear(config.condition_levels * width, embedding)
            nn.init.zeros_(self.embed_levels.weight)
        if config.classes:
            self.embed_class = nn.Embedding(config.classes + 1, embedding)
        self.stem = conv(inputs * config.patch**2, width)
        skips = [width]
        self.down, width = self._build_down(width, skips)
        self.middle = nn.ModuleList(
            [self._stage(width, width, attend=True), self._stage(width, width, attend=False)]
        )
        self.up, width = self._build_up(width, skips)
        self.head_norm = group_norm(width)
        self.head = conv(width, outputs * config.patch**2, zero=True)

    def _stage(self, n_in: int, n_out: int, attend: bool, resample: str = "keep") -> Stage:
        block = ResidualBlock(n_in, n_out, 4 * self.config.channels, self.config.dropout, resample)
        return Stage(block, AttentionBlock(n_out, self.config.head_channels) if attend else None)

    def _build_down(self, width: int, skips: list[int]) -> tuple[nn.ModuleList, int]:
        stages = nn.ModuleList()
        for level, multiplier in enumerate(self.config.multipliers):
            attend = level in self.config.attention_levels
            for _ in range(self.config.blocks):
                stages.append(self._stage(width, multiplier * self.config.channels, attend))
                width = multiplier * self.config.channels
                skips.append(width)
            if level < len(self.config.multipliers) - 1:
                stages.append(self._stage(width, width, attend=False, resample="down"))
                skips.append(width)
        return stages, width

    def _build_up(self, width: int, skips: list[int]) -> tuple[nn.ModuleList, int]:
        stages = nn.ModuleList()
        for level in reversed(range(len(self.config.multipliers))):
            attend = level in self.config.attention_levels
            n_out = self.config.multipliers[level] * self.config.channels
            for _ in range(self.config.blocks + 1):
                stages.append(self._stage(width + skips.pop(), n_out, attend))
                width = n_out
            if level:
                stages.append(self._stage(width, width, attend=False, resample="up"))
        return stages, width

    def _run(self, stage: nn.Module, x: Tensor, embedding: Tensor) -> Tensor:
        if self.recompute and self.training:
            out: Tensor = checkpoint(stage, x, embedding, use_reentrant=False)
        else:
            out = stage(x, embedding)
        return out

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, and so of the output; autocast works inside only."""
        return self.stem.weight.dtype

    def embed_noise(
        self, gamma: Tensor, levels: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Noise levels (B,), strengths (B, n) and classes (B,) -> (B, 4 * channels), in float32."""
        width, told = self.config.channels, self.config.condition_levels
        with torch.autocast(gamma.device.type, enabled=False):
            embedded: Tensor = self.embed[:-1](noise_embedding(gamma, width, self.dtype))
            if self.config.classes:
                embedded = embedded + self.embed_class(self._known(labels, len(gamma)))
            embedded = self.embed[-1](embedded)
            if told:
                levels = gamma.new_zeros(len(gamma), told) if levels is None else levels
                embedded = embedded + self.embed_levels(level_embedding(levels, width, self.dtype))
        return embedded

    def _known(self, labels: Tensor | None, count: int) -> Tensor:
        """Rows of the class embedding, the last one for no class (None, or a negative label)."""
        null, place = self.config.classes, self.embed_class.weight.device
        if labels is None:
            return torch.full((count,), null, device=place)
        return torch.where(labels < 0, null, labels).to(place)

    def forward(
        self,
        lr_up: Tensor,
        y_t: Tensor,
        gamma: Tensor,
        levels: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Network output under the objective it was trained with.

        Args:
            lr_up: (B, condition_channels, H, W), H and W multiples of `config.divisor`.
            y_t: (B, 3, H, W) noisy target.
            gamma: (B,) float64 noise level of each example.
            levels: (B, condition_levels) strengths of the condition's augmentation; None is none.
            labels: (B,) int64 classes; negative, or None for all, is no class.

        Returns:
            (B, 3, H, W), or (B, 6, H, W) with a learned variance, in the dtype of the weights.

        Raises:
            ValueError: sides that the levels cannot halve.
        """
        if y_t.shape[-2] % self.config.divisor or y_t.shape[-1] % self.config.divisor:
            raise ValueError(
                f"found {tuple(y_t.shape[-2:])}, wanted sides divisible by {self.config.divisor}"
            )
        embedding = self.embed_noise(gamma, levels, labels)
        x = torch.cat([lr_up, y_t], dim=1)
        x = self.stem(F.pixel_unshuffle(x, self.config.patch) if self.config.patch > 1 else x)
        skips = [x]
        for stage in self.down:
            x = self._run(stage, x, embedding)
            skips.append(x)
        for stage in self.middle:
            x = self._run(stage, x, embedding)
        for stage in self.up:
            assert isinstance(stage, Stage)
            keep = stage.block.resample == "keep"
            x = self._run(stage, torch.cat([x, skips.pop()], dim=1) if keep else x, embedding)
        x = self.head(F.silu(self.head_norm(x))).to(self.dtype)
        return F.pixel_shuffle(x, self.config.patch) if self.config.patch > 1 else x


def count_parameters(config: UNetConfig) -> int:
    """Number of weights, counted on the meta device."""
    with torch.device("meta"):
        return sum(p.numel() for p in UNet(config).parameters())
