"""One optimiser step of the trainer against the same step in float64, written out."""

import copy

import numpy as np
import pytest
import torch

from sr3.data import degradation
from sr3.data.examples import Batch
from sr3.diffusion import process, schedule
from sr3.machine.processes import World
from sr3.training import config, noising, trainer

SETTINGS = [
    "batch_size=4", "warmup=2", "learning_rate=1e-2", "clip=0.05", "steps=10", "min_snr=5.0",
    "augmentation.blur=0.5",
]  # fmt: skip


def make_batch(positions):
    pixels = torch.randint(0, 256, (len(positions), 3, 32, 32), generator=torch.manual_seed(3))
    return Batch(pixels.byte(), torch.zeros(len(positions), 5), list(positions), [])


def float64_step(net, made, batch, moments, number):
    """Loss, gradients by autograd in float64, clipping and Adam by their formulas."""
    hr = batch.pixels.double() / 127.5 - 1
    lr_up, _ = degradation.degrade(hr, made.degraded, made.augmentation, made.seed, batch.positions)
    y_0 = (hr - lr_up) / made.residual_scale
    uniforms = noising.noise_levels(made, batch.positions)
    gamma = process.sample_gamma(schedule.make(made.schedule), uniforms).view(-1, 1, 1, 1)
    shape, cpu = torch.Size((3, 32, 32)), torch.device("cpu")
    epsilon = noising.unit_noise(made, batch.positions, shape, cpu).double()
    y_t = gamma.sqrt() * y_0 + (1 - gamma).sqrt() * epsilon
    wanted = gamma.sqrt() * epsilon - (1 - gamma).sqrt() * y_0
    error = (net(lr_up, y_t, gamma.flatten()) - wanted).square().mean(dim=(1, 2, 3))
    snr = (gamma / (1 - gamma)).flatten()
    loss = (error * torch.minimum(snr, torch.tensor(5.0).double()) / (snr + 1)).mean()
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    norm = float(sum(g.square().sum() for g in gradients).sqrt())
    rate = made.learning_rate * min(1.0, number / made.warmup)
    with torch.no_grad():
        for p, g, (m, v) in zip(net.parameters(), gradients, moments, strict=True):
            g = g * min(1.0, made.clip / (norm + 1e-6))
            m.mul_(made.betas[0]).add_((1 - made.betas[0]) * g)
            v.mul_(made.betas[1]).add_((1 - made.betas[1]) * g * g)
            corrected = m / (1 - made.betas[0] ** number)
            p -= rate * corrected / ((v / (1 - made.betas[1] ** number)).sqrt() + 1e-8)
    return float(loss.detach()), norm


@pytest.mark.parametrize("micro_batch", [0, 2])
def test_optimiser_steps_agree_with_float64(micro_batch):
    """Two steps from well-filled weights: loss, gradient norm and weights."""
    made = config.build(config.read_recipe("tiny"), SETTINGS)
    options = trainer.RunOptions(micro_batch=micro_batch)
    single = trainer.Trainer(made, World(torch.device("cpu")), options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in single.network.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    double = copy.deepcopy(single.network).double().train()
    before = [p.detach().clone() for p in double.parameters()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in double.parameters()]
    for number in (1, 2):
        batch = make_batch(range(4 * number, 4 * number + 4))
        found = single.train_step(batch)
        loss, norm = float64_step(double, made, batch, moments, number)
        assert float(found.loss) == pytest.approx(loss, rel=1e-4)
        assert float(found.gradient_norm) == pytest.approx(norm, rel=1e-3)
    moved, off = [], []
    for p, q, start in zip(single.network.parameters(), double.parameters(), before, strict=True):
        moved.append((q - start).abs().mean().item())
        off.append((p.double() - q).abs().mean().item())
    assert np.mean(off) < 0.01 * np.mean(moved)


def test_dropout_and_order_are_replayed_from_any_state():
    """A trainer restored after one step takes the second as the first trainer did, bit for bit."""
    made = config.build(config.read_recipe("tiny"), SETTINGS)
    first = trainer.Trainer(made, World(torch.device("cpu")))
    first.train_step(make_batch(range(4)))
    stored = {name: t.clone() for name, t in first.state().items()}
    first.train_step(make_batch(range(4, 8)))
    second = trainer.Trainer(made, World(torch.device("cpu")))
    second.load_state(stored, 1)
    second.train_step(make_batch(range(4, 8)))
    wanted, found = first.state(), second.state()
    assert wanted.keys() == found.keys()
    for name in wanted:
        assert torch.equal(wanted[name], found[name]), name
