"""Chains of models."""

import pytest
import torch

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.pictures import images
from sr3.pictures.resize import downsample, resize
from sr3.sampling import chain
from sr3.sampling.chain import Stage
from sr3.sampling.upscaling import upscale


def tiny(scale: int, task: str = "sr3") -> Model:
    model = Model(ModelSpec(PRESETS["tiny"], task, scale, "v", 0.3, "cosine:200", "ddim", 2)).eval()
    for name, weight in model.named_parameters():
        weight.data = torch.randn(weight.shape, generator=generator_of(name, scale)) * 0.1
    return model


def noise(stage: int) -> list[torch.Generator]:
    return [generator_of("cascade", stage)]


def lr_of() -> torch.Tensor:
    waves = torch.rand(1, 3, 3, 3, generator=generator_of("lr")) * 2 - 1
    hr = resize(waves, (64, 64)).clamp(-0.9, 0.9)
    return images.from_uint8(images.to_uint8(downsample(hr, 8)))


def test_a_chain_is_its_stages_one_after_the_other():
    first, second, lr = tiny(4), tiny(2), lr_of()
    out = chain.run([Stage(first), Stage(second)], lr, noise, "float32")
    middle = upscale(first, lr, noise(0), precision="float32")
    wanted = upscale(second, middle, noise(1), precision="float32")
    assert out.shape == (1, 3, 64, 64)
    assert torch.equal(out, wanted)


def test_a_consistent_chain_agrees_with_the_first_input_after_rounding():
    lr = lr_of()

    def error(consistent):
        stages = [Stage(tiny(scale), consistent=consistent) for scale in (4, 2)]
        out = chain.run(stages, lr, noise, "float32")
        rounded = images.from_uint8(images.to_uint8(out))
        return float(((downsample(rounded, 8) - lr) / 2).square().mean()) * 1e5

    assert error(False) > 3
    assert error(True) < 0.3


def test_stages_have_their_own_steps_and_a_regression_stage_has_none():
    stages = [Stage(tiny(4), steps=5), Stage(tiny(2, "regression"))]
    assert [s.resolved()["steps"] for s in stages] == [5, None]
    assert chain.total_scale(stages) == 8
    parts = []
    chain.run(stages, lr_of(), noise, "float32", progress=parts.append)
    assert len(parts) == 6
    assert sum(parts) == pytest.approx(1)


def test_a_stage_that_cannot_be_is_refused_before_any_work():
    with pytest.raises(InputError, match="1 to 200"):
        Stage(tiny(4), sampler="ancestral", steps=500).resolved()
