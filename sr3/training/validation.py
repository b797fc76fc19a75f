"""Held-out check of a model during training: PSNR, consistency and a grid with fixed noise."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sr3.base.rng import generator_of
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Chosen, choose
from sr3.machine.processes import World
from sr3.networks.model import Model
from sr3.pictures import images
from sr3.pictures.resize import resize
from sr3.sampling import upscaling


@dataclass(frozen=True)
class Validation:
    """Means over the held-out pictures: dB, MSE on [0, 1] against lr; and the pictures.

    There is no consistency (None) with what a random degradation made.
    """

    psnr: float
    consistency: float | None
    sr: Tensor


def quantise(pictures: Tensor) -> Tensor:
    """Round to 8 bits, as everything that is judged."""
    return images.from_uint8(images.to_uint8(pictures)).to(pictures.device)


def restore(
    model: Model, lr: Tensor, places: range, steps: int, precision: str, batch: int
) -> Tensor:
    """The pictures (n, 3, H, W) at `places` of `lr`, 8-bit, noise keyed by a picture's place."""
    out = []
    for start in range(0, len(places), batch):
        part = places[start : start + batch]
        generators = [generator_of("validation", place) for place in part]
        wanted = lr[list(part)]
        out.append(upscaling.upscale(model, wanted, generators, steps=steps, precision=precision))
    return quantise(torch.cat(out).cpu()) if out else lr.new_empty(0).cpu()


@torch.inference_mode()
def validate(
    model: Model,
    hr: Tensor,
    steps: int,
    precision: str,
    batch: int = 8,
    world: World | None = None,
) -> Validation:
    """Restore the degraded 8-bit pictures of `hr` (B, 3, H, W), shared out over the processes."""
    world = world or World(hr.device)
    chosen = choose(model.spec.degradation, model.spec.scale)
    operator = held_out(chosen, hr)
    lr = quantise(operator.degraded(hr.to(world.device)))
    places = range(world.rank, len(lr), world.size)
    parts = world.gather(
        images.to_uint8(restore(model, lr, places, steps, precision, batch))
        if len(places)
        else None
    )
    sr = torch.empty_like(hr, device="cpu")
    for rank, part in enumerate(parts):
        if part is not None:
            sr[rank :: world.size] = images.from_uint8(part)
    mse = ((sr - hr.cpu()) / 2).square().mean(dim=(1, 2, 3))
    consistency = None
    if chosen.degradation.repeats:
        consistency = float(((operator.degraded(sr) - lr.cpu()) / 2).square().mean())
    return Validation(float((-10 * mse.log10()).mean()), consistency, sr)


def held_out(chosen: Chosen, hr: Tensor) -> Operator:
    """The degradation of held-out pictures (B, 3, H, W), each by its place: the same every time."""
    generators = [generator_of("validation", "degradation", place) for place in range(len(hr))]
    return chosen.draw((hr.shape[-2], hr.shape[-1]), generators)


def in_words(values: dict[str, float]) -> str:
    """The held-out values of a step as a line of the log says them."""
    if "validation/loss" in values:
        return f"held-out loss {values['validation/loss']:.4f}"
    text = f"held-out PSNR {values['validation/psnr']:.2f} dB"
    consistency = values.get("validation/consistency")
    return text if consistency is None else f"{text}, consistency {consistency * 1e5:.2f}e-5"


def grid(hr: Tensor, sr: Tensor, chosen: Chosen, count: int = 8) -> np.ndarray:
    """Rows of lr (nearest), lr_up, sr, hr as one (H, W, 3) uint8 picture; lr alone in full size."""
    hr, sr = hr[:count].cpu(), sr[:count]
    lr = images.base_of(held_out(chosen, hr).degraded(hr))
    if chosen.scale == 1:
        rows = [lr, sr, hr]
    else:
        factor = float(chosen.scale)
        nearest = torch.nn.functional.interpolate(lr, scale_factor=factor, mode="nearest")
        rows = [nearest, resize(lr, (hr.shape[-2], hr.shape[-1])), sr, hr]
    return np.concatenate([np.concatenate(list(images.to_uint8(row)), axis=1) for row in rows])
