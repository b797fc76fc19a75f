"""From HR pictures as read to hr and the condition of the network, in float, on the device."""

import torch
from torch import Tensor

from sr3.base.rng import generator_of
from sr3.data.examples import Augmentation
from sr3.degradations.protocol import Chosen
from sr3.pictures.blur import gaussian_blur


def recolour(pixels: Tensor, colour: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 and `Batch.colour` -> float32 in [-1, 1]."""
    hr = pixels.float() / 127.5 - 1
    gain, contrast, level = colour[:, :3], colour[:, 3:4], colour[:, 4:5]
    factor = (1 + contrast) * (1 + gain / 2)
    return (hr * factor[..., None, None] + level[..., None, None]).clamp(-1, 1)


def degrade(
    hr: Tensor, chosen: Chosen, how: Augmentation, seed: int, positions: list[int]
) -> tuple[Tensor, Tensor | None]:
    """The condition of a training batch, and the strengths the network is told of.

    Args:
        chosen: the degradation; what is random in it is keyed by position.

    Returns:
        The condition (B, C, H, W) of the degraded picture, blurred and noisy besides where `how`
        says so, and (B, 2) or None.
    """
    generators = [generator_of(seed, "degradation", position) for position in positions]
    operator = chosen.draw((hr.shape[-2], hr.shape[-1]), generators)
    lr = operator(hr)
    sigma = strengths(how.blur, how.blur_sigma, "blur", seed, positions).to(lr)
    std = strengths(how.noise, how.noise_std, "lr-noise", seed, positions).to(lr)
    if how.blur:
        lr = gaussian_blur(lr, sigma, how.blur_sigma[1])
    if how.noise:
        lr = lr + std[:, None, None, None] * lr_noise(lr, seed, positions)
    if operator.told is not None:
        lr = torch.cat([lr, operator.told.to(lr)], dim=1)
    return chosen.condition(lr), torch.stack([sigma, std], dim=1) if how.tell else None


def strengths(
    share: float, span: tuple[float, float], what: str, seed: int, positions: list[int]
) -> Tensor:
    """(B,): 0 for most, uniform in `span` for a share of the pictures, keyed by position."""
    drawn = torch.zeros(len(positions))
    if share:
        for i, position in enumerate(positions):
            u, place = torch.rand(2, generator=generator_of(seed, what, position)).tolist()
            drawn[i] = span[0] + (span[1] - span[0]) * place if u < share else 0.0
    return drawn


def lr_noise(lr: Tensor, seed: int, positions: list[int]) -> Tensor:
    """Unit Gaussians shaped as `lr`, each picture's keyed by its position."""
    draws = [
        torch.randn(lr.shape[1:], generator=generator_of(seed, "lr-noise-field", position))
        for position in positions
    ]
    return torch.stack(draws).to(lr)
