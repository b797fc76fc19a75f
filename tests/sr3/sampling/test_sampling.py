"""`upscale`: model, sampler, windows and projection together, on a tiny network."""

from pathlib import Path

import pytest
import torch

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.diffusion import samplers, schedule
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.networks.start import Start
from sr3.pictures import images
from sr3.pictures.resize import downsample, resize
from sr3.sampling import schedule_choice
from sr3.sampling.upscaling import upscale

SCALE = 4


def tiny(task="sr3", **changes) -> Model:
    """A random network with an output that is not zero."""
    values = {"objective": "v", "residual_scale": 0.3, "training_schedule": "cosine:200"} | changes
    model = Model(ModelSpec(PRESETS["tiny"], task, SCALE, **values)).eval()
    for name, weight in model.named_parameters():
        generator = generator_of("weights", name)
        weight.data = torch.randn(weight.shape, generator=generator) * 0.1
    return model


def lr_of(batch=2, height=8, width=8) -> torch.Tensor:
    generator = generator_of("lr", height, width)
    return torch.rand(batch, 3, height, width, generator=generator) * 2 - 1


def run(model, lr, first=0, **options) -> torch.Tensor:
    generators = [generator_of("noise", first + i) for i in range(len(lr))]
    return upscale(model, lr, generators, **({"steps": 3, "precision": "float32"} | options))


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_every_sampler_makes_pictures_of_the_right_size_and_range(name):
    sr = run(tiny(), lr_of(), sampler=name)
    assert sr.shape == (2, 3, 32, 32)
    assert sr.dtype == torch.float32
    assert float(sr.abs().max()) <= 1
    assert float(sr.std()) > 0.01


@pytest.mark.parametrize("name", ["ancestral", "dpmpp-2m-sde"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 5)])
def test_a_picture_does_not_depend_on_its_batch(name, height, width):
    model, lr = tiny(), lr_of(3, height, width)
    together = run(model, lr, sampler=name)
    alone = torch.cat([run(model, lr[i : i + 1], first=i, sampler=name) for i in range(3)])
    assert torch.allclose(together, alone, atol=2e-5)
    assert not torch.allclose(together[0], together[1], atol=0.1)


@pytest.mark.parametrize("task", ["sr3", "regression"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (3, 5), (8, 19), (13, 17)])
def test_consistent_outputs_of_any_size_agree_with_the_input_after_rounding(task, height, width):
    hr = resize(lr_of(1, 5, 5), (height * SCALE, width * SCALE)).clamp(-0.9, 0.9)
    lr = images.from_uint8(images.to_uint8(downsample(hr, SCALE)))
    model = tiny(task)
    free = run(model, lr)
    sr = run(model, lr, consistent=True)
    assert sr.shape == free.shape == (1, 3, height * SCALE, width * SCALE)

    def error(x):
        rounded = images.from_uint8(images.to_uint8(x))
        return float(((downsample(rounded, SCALE) - lr) / 2).square().mean()) * 1e5

    assert error(free) > 3, "the tiny network alone does not agree"
    assert error(sr) < 0.3
    assert not torch.allclose(sr, free, atol=0.01)


def test_the_network_never_sees_more_than_a_batch_of_windows():
    model, seen = tiny(), []
    model.network.register_forward_hook(lambda module, args, out: seen.append(args[1].shape))
    sr = run(model, lr_of(1, 24, 40), sampler="ddim", steps=2, window_batch=4)
    assert sr.shape == (1, 3, 96, 160)
    assert {shape[1:] for shape in seen} == {(3, 32, 32)}
    assert max(shape[0] for shape in seen) == 4


def test_memory_grows_with_the_picture_s_own_pixels_only():
    """Ten times the windows do not need ten times the network's activations."""
    from torch.profiler import ProfilerActivity, profile

    def largest_allocation(lr, window_batch=2):
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
            run(tiny(), lr, sampler="ddim", steps=1, window_batch=window_batch)
        running = peak = 0
        for event in recorded.profiler.kineto_results.events():
            if event.name() == "[memory]":
                running += event.nbytes()
                peak = max(peak, running)
        return peak

    small, large = largest_allocation(lr_of(1, 16, 16)), largest_allocation(lr_of(1, 32, 64))
    extra_pixels = 3 * 4 * (128 * 256 - 64**2)  # bytes of one more float32 field
    assert large - small < 12 * extra_pixels
    all_at_once = largest_allocation(lr_of(1, 32, 64), window_batch=100)
    assert all_at_once > small + 12 * extra_pixels, "the bound is one that can be broken"


def test_a_large_picture_has_no_seams(monkeypatch):
    """Windows that each want a level of their own: the largest step between neighbouring pixels."""
    model = tiny()

    def own_level(lr_up, y_t, gamma):
        return (40 * y_t.mean(dim=(1, 2, 3), keepdim=True)).sin().expand_as(y_t)

    monkeypatch.setattr(model, "predict_y0", own_level)

    def largest_step(overlap):
        lr = torch.zeros(1, 3, 16, 32)
        sr = run(model, lr, sampler="ddim", steps=4, overlap=overlap)
        return max(float(sr.diff(dim=d).abs().max()) for d in (-1, -2))

    hard = largest_step(0)
    assert hard > 0.05, "without overlap the seams can be measured"
    assert largest_step(8) < hard / 4
    assert largest_step(16) < hard / 8


def test_a_given_schedule_and_its_text_are_the_same():
    model, lr = tiny(), lr_of(1)
    text = run(model, lr, sampler="ddim", schedule="logsnr:*:4:-7")
    value = run(model, lr, sampler="ddim", schedule=schedule.log_snr_uniform(3, 4, -7))
    assert torch.equal(text, value)
    assert not torch.equal(text, run(model, lr, sampler="ddim"))


def test_algorithm_2_on_the_thinned_training_schedule_is_the_faithful_default():
    model, lr = tiny(), lr_of(1)
    assert torch.equal(run(model, lr), run(model, lr, sampler="ancestral", schedule="training"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "euler"}, "wanted one of"),
        ({"steps": 201}, "1 to 200"),
        ({"schedule": "logsnr:5:4:-7"}, "of 5 steps, wanted 3"),
        ({"schedule": "missing.json"}, "no schedule in missing"),
        ({"schedule": "zigzag:3"}, "SHAPE of"),
        ({"tile": 33}, "multiple of"),
        ({"eta": 0.5}, "takes none"),
        ({"temperature": -0.1}, "temperature -0.1, wanted 0 to 2"),
        ({"temperature": 2.5}, "temperature 2.5, wanted 0 to 2"),
        ({"spread": 1.5}, "spread 1.5, wanted 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        run(tiny(), lr_of(1), **options)


def test_the_default_of_few_step_samplers_ends_where_noise_hardly_shows():
    """The target's deviation times residual_scale is what shows in the picture."""
    for scale in (0.15, 0.3, None):
        spec = tiny(residual_scale=scale).spec
        chosen = schedule_choice.choose(spec, "ddim", 8, None)
        left = (1 / chosen.gamma[1] - 1) ** 0.5 * (scale or 1)
        assert left * 127.5 == pytest.approx(1.6, abs=0.02)


def test_a_model_s_own_schedule_is_used_by_all_but_algorithm_2():
    spec = tiny(extra={"schedule": "logsnr:*:3:-7:1.5"}).spec
    assert schedule_choice.choose(spec, "ddim", 4, None).name == "logsnr-4-3--7-1.5"
    assert schedule_choice.choose(spec, "ancestral", 4, None).name == "cosine-200-0.008@4"
    assert schedule_choice.choose(spec, "ddim", 4, "training").name == "cosine-200-0.008@4"


@pytest.mark.parametrize("name", list(samplers.INFO))
def test_temperature_scales_all_noise(name):
    """At 0 every seed gives one picture, and spread grows with it; 1 is the plain sampler."""
    model, lr = tiny(), lr_of(1)

    def spread(temperature):
        made = [run(model, lr, 100 * i, sampler=name, temperature=temperature) for i in range(4)]
        return float(torch.stack(made).std(dim=0).mean())

    assert spread(0.0) == 0
    assert 0 < spread(0.5) < spread(1.0)
    plain = run(model, lr, sampler=name)
    assert torch.equal(plain, run(model, lr, sampler=name, temperature=1.0))


@pytest.mark.parametrize("name", list(samplers.INFO))
def test_spread_goes_from_the_first_estimate_to_the_sample(name):
    """0 is what one step gives at the same noise level, 1 the sample, between them a line."""
    model, lr = tiny(), lr_of(1) * 0.1
    model.spec.extra["schedule"] = "logsnr:*:4:-7"
    plan = schedule.make("logsnr:3:4:-7")
    start = schedule.Schedule(plan.gamma[[0, 3]], "start")
    mean = run(model, lr, sampler=name, steps=1, schedule=start)
    sample = run(model, lr, sampler=name, schedule=plan)
    assert not torch.allclose(mean, sample, atol=1e-2)
    for share in (0.0, 0.3, 1.0):
        made = run(model, lr, sampler=name, schedule=plan, spread=share)
        torch.testing.assert_close(made, torch.lerp(mean, sample, share), atol=1e-5, rtol=0)


def test_spread_keeps_agreement_with_the_input():
    """Both ends of the line agree with it, so all of it does."""
    hr = resize(lr_of(1, 5, 5), (8 * SCALE, 8 * SCALE)).clamp(-0.9, 0.9)
    lr = images.from_uint8(images.to_uint8(downsample(hr, SCALE)))
    made = images.from_uint8(images.to_uint8(run(tiny(), lr, spread=0.5, consistent=True)))
    assert float(((downsample(made, SCALE) - lr) / 2).square().mean()) * 1e5 < 0.3


@pytest.mark.parametrize("what", ["temperature", "spread"])
def test_a_model_s_own_temperature_and_spread_are_its_defaults(what):
    lr, own = lr_of(1), tiny(extra={what: 0.5})
    assert torch.equal(run(own, lr), run(tiny(), lr, **{what: 0.5}))
    assert torch.equal(run(own, lr, **{what: 1.0}), run(tiny(), lr))


def test_progress_adds_up_to_one():
    parts = []
    run(tiny(), lr_of(1), sampler="heun", steps=3, progress=parts.append)
    assert len(parts) == 5
    assert sum(parts) == pytest.approx(1)


def start_of(log_snr=-1.0, **changes) -> Start:
    return Start(tiny("regression", **changes), Path("twin.safetensors"), log_snr)


def test_a_run_that_starts_at_the_twin_ends_at_its_picture_where_nothing_is_spread():
    lr = lr_of(2, 8, 12)
    started = run(tiny(), lr, start=start_of(residual_scale=None), spread=0.0)
    assert torch.allclose(started, run(tiny("regression", residual_scale=None), lr), atol=1e-5)
    assert not torch.allclose(started, run(tiny(), lr, spread=0.0), atol=0.05)


def test_the_last_step_alone_is_sr3s_estimate_of_the_noisy_picture_of_the_twin():
    model, lr, plan = tiny(), lr_of(1), schedule.make("logsnr:4:3:-6")
    started = run(model, lr, steps=4, schedule=plan, sampler="ddim", start=start_of(20.0), spread=1)
    up, gamma = resize(lr, (32, 32)), float(plan.gamma[1])
    picture = tiny("regression").regress(up).clamp(-1, 1)
    epsilon = torch.randn(picture.shape[1:], generator=generator_of("noise", 0))[None]
    y_t = gamma**0.5 * model.encode(picture, up) + (1 - gamma) ** 0.5 * epsilon
    wanted = model.predict_y0(up, y_t, torch.tensor([gamma], dtype=torch.float64))
    assert torch.allclose(started, model.decode(wanted, up).clamp(-1, 1), atol=1e-4)


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_every_sampler_starts_at_the_twin_whatever_the_batch(name):
    model, lr, options = tiny(), lr_of(3), {"start": start_of(), "sampler": name, "steps": 4}
    together = run(model, lr, **options)
    alone = torch.cat([run(model, lr[i : i + 1], first=i, **options) for i in range(3)])
    assert torch.allclose(together, alone, atol=2e-5)
    assert not torch.allclose(together, run(model, lr, sampler=name, steps=4), atol=0.01)


def test_a_start_leaves_fewer_evaluations_which_progress_counts():
    model, told, seen = tiny(), [], []
    model.network.register_forward_hook(lambda *_: seen.append(1))
    options = {"steps": 8, "schedule": "logsnr:8:3:-6", "progress": told.append}
    run(model, lr_of(), sampler="ddim", start=start_of(), **options)
    assert len(seen) == 4  # at 3, 1.71, 0.43 and -0.86
    assert sum(told) == pytest.approx(1)


def test_a_start_agrees_with_the_input_where_that_is_asked_for_and_takes_any_size():
    hr = resize(lr_of(1, 5, 5), (13 * SCALE, 19 * SCALE)).clamp(-0.9, 0.9)
    lr = images.from_uint8(images.to_uint8(downsample(hr, SCALE)))
    sr = run(tiny(), lr, start=start_of(), consistent=True)
    rounded = images.from_uint8(images.to_uint8(sr))
    assert float(((downsample(rounded, SCALE) - lr) / 2).square().mean()) * 1e5 < 0.3
