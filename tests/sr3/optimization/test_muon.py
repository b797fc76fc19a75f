"""Muon in float32 beside PyTorch's own in bf16, and beside the polynomial it applies."""

import numpy as np
import pytest
import torch
from torch import nn

from sr3.optimization.muon import FloatMuon, near_orthogonal

torch_muon = pytest.importorskip("torch.optim._muon")
SHAPES = [(8, 8), (32, 288), (288, 32), (6, 40)]
BAND = (0.68, 1.21)  # "about 0.7 to 1.3" in Jordan et al.; where the polynomial's values end


def gaussian(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_end_where_the_polynomial_takes_them(shape, seed):
    """Against the polynomial on the singular values of an SVD in float64."""
    matrix = gaussian(shape, seed)
    u, values, v = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    x = values / np.linalg.norm(values)
    assert x.min() > 0.002
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    assert BAND[0] < x.min() < x.max() < BAND[1]
    wanted = torch.from_numpy(u * x @ v).float()
    torch.testing.assert_close(near_orthogonal(matrix), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_iteration_is_pytorch_s_within_bf16_rounding(shape):
    """Five iterations of bf16, eps 2^-8, were measured 1 to 2 % apart from float32."""
    matrix = gaussian(shape, 1)
    theirs = torch_muon._zeropower_via_newtonschulz(matrix, (3.4445, -4.7750, 2.0315), 5, 1e-7)
    ours = near_orthogonal(matrix)
    assert (ours - theirs.float()).norm() / ours.norm() < 8 * 2**-8
    assert near_orthogonal(torch.zeros(shape)).count_nonzero() == 0


def test_several_steps_follow_pytorch_s_optimiser():
    """Momentum, Nesterov and scale of the update: 4 steps of the same gradients."""
    ours, theirs = (nn.Parameter(gaussian((32, 96), 0)) for _ in range(2))
    mine = FloatMuon([ours], lr=0.01)
    own = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for step in range(4):
        ours.grad = gaussian((32, 96), 10 + step)
        theirs.grad = ours.grad.clone()
        mine.step()
        own.step()
    momenta = (mine.state[ours]["momentum_buffer"], own.state[theirs]["momentum_buffer"])
    assert torch.equal(*momenta)
    moved = theirs.detach() - gaussian((32, 96), 0)
    assert (ours - theirs).norm() / moved.norm() < 8 * 2**-8


def test_a_matrix_without_gradient_stays():
    still = nn.Parameter(torch.ones(2, 3))
    FloatMuon([still], lr=1.0).step()
    assert torch.equal(still, torch.ones(2, 3))
