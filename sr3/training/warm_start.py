"""Weights of one network as the start of one that differs in condition, classes or attention."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.machine.processes import fill
from sr3.networks import checkpoint
from sr3.networks.unet import UNetConfig
from sr3.training.trainer import Trainer

STEM, ATTENTION, CLASS = "stem.weight", ".attention.", "embed_class."  # of names of tensors


def fitted(
    weights: Mapping[str, Tensor], theirs: UNetConfig, ours: UNetConfig
) -> dict[str, Tensor]:
    """`weights` with the stem's inputs as our network has them; the rest as it is.

    A gray condition stands for its three equal channels, and what theirs did not see (a mask) has
    no influence yet: at its first step our network answers as theirs would.
    """
    found = dict(weights)
    if theirs.condition_channels == ours.condition_channels or theirs.patch != ours.patch:
        return found
    area = theirs.patch**2
    flat = weights[STEM]
    stem = flat.view(len(flat), -1, area, *flat.shape[2:])  # (width, channels, area, 3, 3)
    condition, noisy = stem[:, : theirs.condition_channels], stem[:, theirs.condition_channels :]
    channels = ours.condition_channels
    if channels == 1:
        seen = condition[:, :3].sum(dim=1, keepdim=True)
    else:
        if condition.shape[1] == 1:
            condition = condition.expand(-1, 3, -1, -1, -1) / 3
        seen = torch.zeros(
            len(stem), channels, *stem.shape[2:], dtype=stem.dtype, device=stem.device
        )
        shared = min(channels, condition.shape[1])
        seen[:, :shared] = condition[:, :shared]
    found[STEM] = torch.cat([seen, noisy], dim=1).flatten(1, 2)
    return found


def initialise(trainer: Trainer, path: Path) -> None:
    """Start from the weights of another run of the same network, whatever its condition.

    A generator with classes or a learned variance may also start from one without: its classes
    start as they are, its variance in the middle of eq. 15. Attention in a level may be left out,
    or start as new with nothing to add yet.

    Raises:
        InputError: weights of another network.
    """
    model = checkpoint.load_model(path)
    given = fitted(model.network.state_dict(), model.spec.unet, trainer.model.spec.unet)
    own = dict(trainer.network.named_parameters())
    kept = {n: value for n, value in given.items() if n in own or ATTENTION not in n}
    start = {name: _widened(value, own.get(name)) for name, value in kept.items()}
    left = {n for n in own.keys() - start.keys() if ATTENTION not in n and not n.startswith(CLASS)}
    if left or any(name not in own or v.shape != own[name].shape for name, v in start.items()):
        raise InputError(
            f"found weights of another network in {path}, wanted {trainer.config.preset}"
        )
    for name, value in start.items():
        fill(own[name], value)
        for ema in trainer.ema:
            fill(ema.weights[name], value)


def _widened(value: Tensor, own: Tensor | None) -> Tensor:
    """`value`, with as many zeros below where `own` has twice the outputs."""
    if own is None or own.shape != (2 * value.shape[0], *value.shape[1:]):
        return value
    return torch.cat([value, torch.zeros_like(value)])
