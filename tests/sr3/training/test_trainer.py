"""The optimiser step: schedules of the learning rate, noise by position, Adam against float64."""

import numpy as np
import pytest
import torch

from sr3.diffusion import process, schedule
from sr3.training import config, noising, trainer

TINY = config.build(config.read_recipe("tiny"), ["batch_size=8"])
SHAPE = torch.Size((3, 32, 32))


def test_warm_up_is_linear_then_constant_then_linear_to_zero():
    made = config.changed(TINY, steps=100, warmup=10, decay_from=0.5, learning_rate=1.0)
    rates = [trainer.learning_rate_at(step, made) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert rates[10:50] == [1.0] * 40
    assert rates[50:] == pytest.approx([1 - i / 50 for i in range(50)])
    paper = config.changed(made, decay_from=1.0)
    assert trainer.learning_rate_at(99, paper) == 1.0


def drawn(made, positions):
    levels = noising.noise_levels(made, list(positions))
    return levels, noising.unit_noise(made, list(positions), SHAPE, torch.device("cpu"))


def test_noise_is_drawn_for_each_example_by_its_position():
    whole = drawn(TINY, range(16, 24))
    part = drawn(TINY, [19, 23])
    for every, some in zip(whole, part, strict=True):
        assert torch.equal(every[[3, 7]], some)
    assert len(torch.unique(whole[0][:, 0])) == 8


def test_a_batch_has_a_level_from_every_eighth():
    for step in range(5):
        positions = list(range(8 * step, 8 * step + 8))
        uniforms = noising.noise_levels(TINY, positions)
        spread = np.sort(uniforms[:, 0].numpy())
        gaps = np.diff(np.concatenate([spread, spread[:1] + 1]))
        assert gaps.max() < 2 / 8 + 1e-9


@pytest.mark.parametrize("stratified", [True, False])
def test_each_example_draws_its_level_from_the_same_distribution(stratified):
    """p(gamma) of one place in the batch over many steps: uniform, stratified or not."""
    made = config.changed(TINY, stratified=stratified)
    draws = [float(noising.noise_levels(made, [8 * step + 3])[0, 0]) for step in range(3000)]
    counts, _ = np.histogram(draws, bins=10, range=(0, 1))
    assert counts.min() > 220  # 300 expected; 220 is nearly five standard deviations below
    assert counts.max() < 380


def test_levels_are_not_stratified_when_the_paper_is_followed():
    made = config.changed(TINY, stratified=False)
    occupied = []
    for step in range(200):
        positions = list(range(8 * step, 8 * step + 8))
        uniforms = noising.noise_levels(made, positions)
        occupied.append(len(torch.unique((uniforms[:, 0] * 8).long())))
    assert 5.0 < np.mean(occupied) < 5.5  # 8 (1 - (7/8)^8) = 5.25 of 8 for free draws


def test_the_levels_are_those_of_the_training_schedule():
    uniforms = noising.noise_levels(TINY, list(range(8)))
    gamma = process.sample_gamma(schedule.make(TINY.schedule), uniforms)
    assert gamma.dtype == torch.float64
    assert gamma.min() > 0
    assert gamma.max() <= 1
