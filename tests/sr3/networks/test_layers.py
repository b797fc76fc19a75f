"""The CPU's own ways of dropout and attention against PyTorch's."""

import pytest
import torch
import torch.nn.functional as F

from sr3.networks import layers


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_dropout_drops_its_rate_and_keeps_the_mean(layout, rate):
    x = torch.full((4, 8, 33, 31), 2.0).bfloat16().contiguous(memory_format=layout)
    x.requires_grad_()
    drop = layers.Dropout(rate)
    torch.manual_seed(0)
    out = drop(x)
    assert out.stride() == x.stride()
    values = out.detach()
    assert float((values == 0).float().mean()) == pytest.approx(rate, abs=0.012)
    assert float(values.float().mean()) == pytest.approx(2.0, abs=0.04)
    assert len(values.unique()) == 2
    out.sum().backward()
    torch.testing.assert_close(x.grad, values / 2)
    torch.manual_seed(0)
    assert torch.equal(drop(x), out)
    assert not torch.equal(drop(x), out)
    assert drop.eval()(x) is x or torch.equal(drop(x), x)


def test_dropout_is_not_the_same_for_every_picture():
    torch.manual_seed(0)
    out = layers.Dropout(0.5)(torch.ones(3, 4, 8, 8).bfloat16())
    assert not torch.equal(out[0], out[1])
    assert not torch.equal(out[:, 0], out[:, 1])


def test_attention_agrees_with_the_fused_kernel_in_value_and_gradient():
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 3, 16, 8, generator=generator) for _ in range(3)]
    upstream = torch.randn(2, 3, 16, 8, generator=generator)
    exact = [x.double().requires_grad_() for x in inputs]
    F.scaled_dot_product_attention(*exact).backward(upstream.double())
    half = [x.bfloat16().requires_grad_() for x in inputs]
    out = layers.attend(*half)
    out.backward(upstream.bfloat16())
    wanted = F.scaled_dot_product_attention(*exact)
    torch.testing.assert_close(out.double(), wanted, rtol=0.02, atol=0.02)
    for mine, reference in zip(half, exact, strict=True):
        torch.testing.assert_close(mine.grad.double(), reference.grad, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("side", [3, 8, 32])
@pytest.mark.parametrize(("channels", "groups"), [(24, 2), (8, 8)])
def test_group_norm_agrees_with_float64_in_value_and_gradient(side, channels, groups):
    """With means that differ by picture and channel and are larger than the spread."""
    generator = torch.Generator().manual_seed(side)
    x = torch.randn(3, channels, side, side, generator=generator)
    x = x + 3 * torch.randn(3, channels, 1, 1, generator=generator)
    x = x.bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(x.shape, generator=generator).bfloat16()
    norm = layers.GroupNorm(groups, channels, eps=1e-6)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    inputs = [x, norm.weight, norm.bias]
    out = norm(x)
    assert "PictureNorm" in type(out.grad_fn).__name__
    assert out.dtype == torch.bfloat16
    exact = [i.detach().double().requires_grad_() for i in inputs]
    wanted = F.group_norm(exact[0], groups, exact[1], exact[2], norm.eps)
    assert (out.double() - wanted).norm() < 0.003 * wanted.norm()
    found = torch.autograd.grad(out, inputs, upstream)
    right = torch.autograd.grad(wanted, exact, upstream.double())
    for gradient, reference, limit in zip(found, right, (0.005, 1e-4, 1e-4), strict=True):
        assert (gradient.double() - reference).norm() < limit * reference.norm()
    with torch.no_grad():
        torch.testing.assert_close(norm(x), out, rtol=0.01, atol=0.01)
