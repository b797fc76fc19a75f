"""Held-out check of a generator during training: its loss, and samples with fixed noise."""

import numpy as np
import torch

from sr3.base.rng import generator_of
from sr3.data.reduction import reduce
from sr3.data.split import HeldOut
from sr3.diffusion import process
from sr3.machine.processes import World
from sr3.networks.model import Model, training_schedule
from sr3.sampling import contact_sheet
from sr3.sampling.generating import generate
from sr3.training.config import TrainConfig

LEVELS = 16  # noise levels that each held-out picture is looked at
PER_CLASS = 8  # samples of each class
CLASSES = 10  # shown at most
WITHOUT_CLASSES = 32  # samples of a generator that knows no classes


@torch.inference_mode()
def loss(model: Model, held_out: HeldOut, config: TrainConfig, world: World) -> float:
    """The unweighted loss at fixed levels with fixed noise, shared out over the processes."""
    schedule = training_schedule(model.spec)
    u = (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS
    middle = torch.stack([u, torch.full_like(u, 0.5)], dim=1)
    gamma = process.sample_gamma(schedule, middle).to(world.device)
    total = torch.zeros(2, dtype=torch.float64, device=world.device)
    for place in range(world.rank, len(held_out.pictures), world.size):
        hr = reduce(
            held_out.pictures[place : place + 1], model.spec.unet.resolution, config.reduction
        )
        noise = torch.randn(LEVELS, *hr.shape[1:], generator=generator_of("held-out", place))
        y_0, epsilon = hr.to(world.device).expand(LEVELS, -1, -1, -1), noise.to(world.device)
        labels = None
        if held_out.labels is not None:
            labels = held_out.labels[place].to(world.device).expand(LEVELS)
        y_t = process.q_sample(y_0, gamma, epsilon)
        with torch.autocast(world.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            output = model.network(y_t[:, :0], y_t, gamma, labels=labels)
        wanted = process.target(config.objective, y_0, epsilon, gamma)
        losses = process.loss_per_image(model.parts(output)[0], wanted, config.loss_power)
        total += torch.tensor([float(losses.sum()), LEVELS], dtype=torch.float64)
    return float(world.sum(total)[0] / total[1])


def samples(model: Model, config: TrainConfig) -> np.ndarray:
    """A sheet of samples, a row or two for each class; the noise is the same every time."""
    classes: tuple[str, ...] = model.spec.classes[:CLASSES]
    count = PER_CLASS if classes else WITHOUT_CLASSES
    rows = {}
    for label, name in enumerate(classes or ("",)):
        pictures = generate(
            model,
            [label] * count if classes else None,
            [generator_of("validation", place) for place in range(count)],
            steps=config.sample_steps,
            precision="bf16" if config.precision == "bf16" else "float32",
        )
        rows[name] = pictures.cpu()
    return contact_sheet.draw(rows)
