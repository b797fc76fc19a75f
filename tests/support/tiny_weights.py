"""Weights files of tiny untrained models, for tests of the commands that take them."""

from dataclasses import replace

import torch

from sr3.base.rng import generator_of
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS

PROVENANCE = {"name": "toy", "step": 3, "pictures_seen": 12}


def generator(path, classes=(), **changes):
    """Weights of a generator of 8x8 pictures; with classes also a learned variance."""
    unet = replace(PRESETS["tiny-gen"], classes=len(classes), learn_variance=bool(classes))
    values = {"classes": classes, "label_dropout": 0.1} if classes else {}
    spec = ModelSpec(unet, "generator", 1, "v", None, "cosine:50", "ancestral", 3, **values)
    return save(path, replace(spec, **changes))


def upscaler(path, scale=4, task="sr3", told=False):
    """Weights of a model that makes 32x32 pictures of 32 / scale."""
    unet = replace(PRESETS["tiny"], condition_levels=2 if told else 0)
    return save(path, ModelSpec(unet, task, scale, "v", 0.3, "cosine:50", "dpmpp-2m-sde", 2))


def save(path, spec):
    """Weights of a spec, drawn at random from its name."""
    model = Model(spec)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator_of(path.stem, name))
            parameter.add_(0.1 * noise)
    checkpoint.save_model(path, spec, model.network.state_dict(), PROVENANCE, half=False)
    return path
