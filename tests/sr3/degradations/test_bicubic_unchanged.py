"""The paper's reduction is what it was before there were others, number by number.

The numbers were computed by the code before, on 2026-11-25, with PyTorch 2.13 on an x86-64 CPU.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from sr3.base.rng import generator_of
from sr3.data import degradation
from sr3.data.examples import Augmentation, Batch
from sr3.degradations.protocol import choose
from sr3.diffusion.projection import Projection
from sr3.machine.processes import World
from sr3.networks import checkpoint
from sr3.pictures import images
from sr3.pictures.resize import downsample, upsample
from sr3.sampling.upscaling import upscale
from sr3.training.config import build, read_recipe
from sr3.training.trainer import Trainer
from sr3.training.validation import validate

ROOT = Path(__file__).parents[3]
OF_THEN = {"schedule": "logsnr:*:3.5:-6:1.2", "temperature": 0.9, "spread": 0.8}  # defaults then
EMBEDDED = ROOT / "bench/embedded/faces-rendered"


@pytest.fixture(scope="module")
def hr():
    files = sorted(EMBEDDED.glob("*.png"))[:2]
    return images.from_uint8(np.stack([images.read_rgb(file) for file in files]))


@pytest.fixture(scope="module")
def lr(hr):
    return images.from_uint8(images.to_uint8(downsample(hr, 8)))


def test_condition_and_projection_are_the_same_bits(hr, lr):
    made, told = degradation.degrade(hr, choose(None, 8), Augmentation(), 0, [3, 4])
    assert torch.equal(made, upsample(downsample(hr, 8), 8))
    assert told is None
    onto = choose("bicubic", 8).known(lr).onto(lr, (128, 128))
    assert isinstance(onto, Projection)
    assert torch.equal(onto(hr), Projection(lr, 8)(hr))


@pytest.mark.parametrize(
    ("weights", "consistent", "means", "squares"),
    [
        ("face8x-sr3", False, [-0.0841772, -0.1142523], [0.0551729, 0.0807736]),
        ("face8x-sr3", True, [-0.0845843, -0.1144057], [0.055315, 0.0809608]),
        ("face8x-regression", False, [-0.0846579, -0.1149802], [0.055839, 0.080754]),
        ("face8x-regression", True, [-0.0845936, -0.1149101], [0.0557626, 0.0814297]),
    ],
)
def test_shipped_weights_give_the_same_pictures(lr, weights, consistent, means, squares):
    model = checkpoint.load_model(checkpoint.shipped(weights))
    generators = [generator_of(0, i) for i in range(2)]
    sr = upscale(
        model, lr, generators, steps=2, precision="float32", consistent=consistent, **OF_THEN
    ).double()
    assert sr.mean(dim=(1, 2, 3)).tolist() == pytest.approx(means, abs=2e-6)
    assert sr.square().mean(dim=(1, 2, 3)).tolist() == pytest.approx(squares, abs=2e-6)


@pytest.mark.parametrize(
    ("overrides", "losses", "psnr", "consistency"),
    [
        ([], [2.1721468, 2.6828351, 1.9801822], 21.732716, 0.0003056971763726324),
        (["task=regression"], [4.1430969, 4.391798, 4.1254988], 23.973679, 0.0001770317176124081),
        (
            ["augmentation.blur=0.5", "augmentation.noise=0.5", "augmentation.tell=true"],
            [2.2458525, 3.1895459, 2.4311857], 21.733341, 0.0003101947659160942,
        ),
    ],
)  # fmt: skip
def test_a_training_takes_the_same_steps(hr, overrides, losses, psnr, consistency):
    trainer = Trainer(build(read_recipe("tiny"), overrides), World(torch.device("cpu")))
    generator, found = torch.Generator().manual_seed(5), []
    for step in range(3):
        small = torch.randint(0, 256, (4, 3, 8, 8), generator=generator, dtype=torch.uint8)
        pixels = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
        batch = Batch(pixels, torch.zeros(4, 5), list(range(4 * step, 4 * step + 4)), [])
        found.append(float(trainer.train_step(batch).loss))
    result = validate(trainer.averaged(), hr[:, :, ::4, ::4].contiguous(), 2, "fp32")
    assert found == pytest.approx(losses, rel=1e-5)
    assert result.psnr == pytest.approx(psnr, abs=1e-4)
    assert result.consistency == pytest.approx(consistency, rel=1e-4)
