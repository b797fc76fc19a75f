"""The projection onto a low-resolution input."""

import numpy as np
import pytest
import torch

from sr3.base.rng import generator_of
from sr3.diffusion import projection
from sr3.pictures import images
from sr3.pictures.resize import downsample, upsample

PRESET_SIZES = [(128, 8), (256, 4), (512, 8), (1024, 4)]
ODD_SIZES = [(8, 8), (24, 8), (30, 3), (14, 2), (90, 5)]


def picture_of(*shape: int, key: str = "picture") -> torch.Tensor:
    return torch.rand(shape, generator=generator_of(key), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(("size", "scale"), PRESET_SIZES + ODD_SIZES)
def test_the_pseudo_inverse_is_exact(size, scale):
    """The four conditions of Penrose (1955)."""
    A, inverse = projection.axis_pair(size, scale)
    assert torch.allclose(A @ inverse @ A, A, atol=1e-13)
    assert torch.allclose(inverse @ A @ inverse, inverse, atol=1e-13)
    assert torch.allclose(A @ inverse, torch.eye(len(A), dtype=torch.float64), atol=1e-12)
    assert torch.allclose(inverse @ A, (inverse @ A).T, atol=1e-13)


@pytest.mark.parametrize(("size", "scale"), PRESET_SIZES[:2] + ODD_SIZES)
def test_the_pseudo_inverse_equals_the_one_by_singular_values(size, scale):
    A, inverse = projection.axis_pair(size, scale)
    assert np.allclose(np.linalg.pinv(A.numpy()), inverse.numpy(), atol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_matrices_are_the_resize_operator(scale):
    x = picture_of(2, 3, 4 * scale, 6 * scale)
    zero = torch.zeros(2, 3, 4, 6, dtype=torch.float64)
    by_matrix = projection.Projection(zero, scale).residual(x)
    assert torch.allclose(by_matrix, downsample(x, scale), atol=1e-12)


def test_the_projection_is_exact_idempotent_and_the_nearest():
    x, other = picture_of(1, 3, 32, 48), picture_of(1, 3, 32, 48, key="other")
    lr = downsample(picture_of(1, 3, 32, 48, key="lr"), 8)
    project = projection.Projection(lr, 8)
    once = project(x)
    assert torch.allclose(downsample(once, 8), lr, atol=1e-12)
    assert torch.allclose(project(once), once, atol=1e-12)
    agreeing = project(other)
    inner = ((x - once) * (agreeing - once)).sum()
    assert abs(float(inner)) < 1e-10, "the way to the projection is orthogonal to the agreeing set"


def test_no_change_where_the_picture_already_agrees():
    hr = picture_of(1, 3, 64, 64)
    assert torch.allclose(projection.Projection(downsample(hr, 8), 8)(hr), hr, atol=1e-12)


def saturated_face() -> torch.Tensor:
    """A picture with large black and white areas, where clipping matters."""
    smooth = upsample(picture_of(1, 3, 6, 6), 16)
    return (smooth * 3).clamp(-1, 1).float()


def test_after_rounding_to_8_bits_the_consistency_is_at_the_floor():
    hr = saturated_face()
    lr = images.from_uint8(images.to_uint8(downsample(hr, 8)))
    wrong = (hr + 0.3 * picture_of(*hr.shape, key="error").float()).clamp(-1, 1)
    project = projection.Projection(lr, 8)

    def consistency_of(x: torch.Tensor) -> float:
        rounded = images.from_uint8(images.to_uint8(x))
        return float(((downsample(rounded, 8) - lr) / 2).square().mean()) * 1e5

    assert consistency_of(wrong) > 3, "the start is far off"
    assert consistency_of(project.within_range(wrong)) < 0.3
    once = consistency_of(project(wrong))
    assert consistency_of(project.within_range(wrong)) < once, "clipping is made good"


def test_results_do_not_depend_on_the_batch():
    lr = downsample(picture_of(3, 3, 32, 32), 8).float()
    x = picture_of(3, 3, 32, 32, key="x").float()
    together = projection.Projection(lr, 8).within_range(x)
    alone = torch.cat(
        [projection.Projection(lr[i : i + 1], 8).within_range(x[i : i + 1]) for i in range(3)]
    )
    assert torch.allclose(together, alone, atol=1e-6)
