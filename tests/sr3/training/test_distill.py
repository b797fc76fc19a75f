"""Distillation: what the teacher asks for, and a run of it by the command line."""

import numpy as np
import pytest
import torch

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.diffusion import samplers, schedule
from sr3.machine.processes import World
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.train import main
from sr3.training import config, distillation, trainer

GRID = "logsnr:3:3:-7"
CPU = World(torch.device("cpu"))


def model(**changes):
    """A random tiny network with an output that is not zero, in float64."""
    values = {"objective": "v", "residual_scale": 5.0, "training_schedule": "cosine:200"} | changes
    made = Model(ModelSpec(PRESETS["tiny"], "sr3", 4, **values)).double().eval()
    for name, weight in made.named_parameters():
        drawn = torch.randn(weight.shape, generator=generator_of("weights", name)).double()
        weight.data = drawn * 0.05
    return made


def pictures(*key):
    return torch.rand(3, 3, 32, 32, generator=generator_of(*key)).double() * 0.2 - 0.1


def test_middles_are_half_way_in_log_snr():
    grid = schedule.make(GRID)
    log_snr = np.log(grid.gamma[1:]) - np.log1p(-grid.gamma[1:])
    found = distillation.middles(grid)[1:]
    half = np.log(found) - np.log1p(-found)
    np.testing.assert_allclose(half[1:], (log_snr[1:] + log_snr[:-1]) / 2, rtol=1e-9)
    assert half[0] == pytest.approx(log_snr[0] + distillation.LAST_GAP)


def test_one_step_of_the_student_is_two_of_the_teacher():
    """Against the DDIM sampler on the schedule with the middles in it, from every step."""
    made, grid = model(), schedule.make(GRID)
    teacher = distillation.Teacher(made, grid, "fp32")
    lr_up, noise = pictures("lr"), torch.randn(3, 3, 32, 32, generator=generator_of("e")).double()
    fine = np.empty(2 * grid.num_steps + 1)
    fine[0::2], fine[1::2] = grid.gamma, teacher.middle[1:].numpy()
    for t in range(1, grid.num_steps + 1):
        wanted = teacher.wanted(lr_up, noise, torch.full((3,), t))
        gamma = [torch.full((3,), grid.gamma[t - i]).double() for i in (0, 1)]
        landed = distillation.moved(noise, gamma[0], gamma[1], wanted)
        two = schedule.Schedule(np.concatenate([[1.0], fine[2 * t - 1 : 2 * t + 1]]), "two")

        def estimate(y, level):
            levels = torch.full((3,), level).double()
            picture = made.decode(made.predict_y0(lr_up, y, levels), lr_up).clamp(-1, 1)
            return made.encode(picture, lr_up)

        if t == 1:
            expected = samplers.ddim(estimate, two, lambda: noise)
        else:
            middle = distillation.moved(
                noise, gamma[0], torch.full((3,), fine[2 * t - 1]).double(),
                estimate(noise, grid.gamma[t]),
            )  # fmt: skip
            expected = distillation.moved(
                middle, torch.full((3,), fine[2 * t - 1]).double(), gamma[1],
                estimate(middle, fine[2 * t - 1]),
            )  # fmt: skip
        torch.testing.assert_close(landed, expected, rtol=1e-6, atol=1e-6)


def test_a_perfect_teacher_asks_for_the_truth():
    """Where every estimate is y_0 the student is to say y_0, at every step."""
    made, grid = model(), schedule.make(GRID)
    y_0, lr_up = pictures("y"), pictures("lr")
    made.predict_y0 = lambda *_: y_0
    teacher = distillation.Teacher(made, grid, "fp32")
    for t in range(1, grid.num_steps + 1):
        y_t = torch.randn(3, 3, 32, 32, generator=generator_of(t)).double()
        wanted = teacher.wanted(lr_up, y_t, torch.full((3,), t))
        torch.testing.assert_close(wanted, y_0, rtol=1e-6, atol=1e-6)


def test_a_student_is_trained_and_ships_its_sampler(faces, tmp_path):
    weights = tmp_path / "teacher.safetensors"
    teacher = model(residual_scale=0.3).float()
    checkpoint.save_model(weights, teacher.spec, teacher.network.state_dict(), {}, half=False)
    arguments = [
        "tiny", "--data", str(faces), "--out", str(tmp_path / "run"), "--teacher", str(weights),
        "--logger", "none", "--set", "steps=4", "--set", "save_every=2", "--set", "holdout=2",
        "--set", "student_schedule=logsnr:*:3:-7", "--set", "sample_steps=2",
        "--set", "residual_scale=0.3", "--set", "warmup=0",
    ]  # fmt: skip
    assert main(arguments) == 0
    student = checkpoint.load_model(tmp_path / "run" / "ema-0.05.safetensors")
    assert (student.spec.sampler, student.spec.steps) == ("ddim", 2)
    assert student.spec.extra == {"schedule": "logsnr:*:3:-7"}
    moved = [
        float((p - q).detach().abs().max())
        for p, q in zip(student.parameters(), teacher.parameters(), strict=True)
    ]
    assert 0 < max(moved) < 0.05, "it starts from its teacher"


def test_a_teacher_and_its_schedule_come_together():
    plain = config.build(config.read_recipe("tiny"), [])
    student = config.build(config.read_recipe("tiny"), ["student_schedule=logsnr:*:3:-7"])
    with pytest.raises(ValueError, match="wanted both or neither"):
        trainer.Trainer(student, CPU)
    with pytest.raises(ValueError, match="wanted both or neither"):
        trainer.Trainer(plain, CPU, teacher=model().float())
    with pytest.raises(ValueError, match="another task or target"):
        trainer.Trainer(student, CPU, teacher=model(residual_scale=0.7).float())


def test_a_regression_has_no_student():
    changes = ["task=regression", "objective=x0", "student_schedule=logsnr:*:3:-7"]
    with pytest.raises(InputError, match="one step already"):
        config.build(config.read_recipe("tiny"), changes)
