"""Windows over pictures of any size."""

import itertools

import pytest
import torch

from sr3.base.errors import InputError
from sr3.pictures import tiling


@pytest.mark.parametrize("length", [5, 16, 17, 20, 31, 32, 33, 100])
@pytest.mark.parametrize("overlap", [0, 4, 8])
def test_windows_cover_everything_with_the_overlap_asked_for(length, overlap):
    starts = tiling.starts(length, 16, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(length - 16, 0)
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert all(0 < gap <= 16 - overlap for gap in gaps)


def test_windows_are_the_fewest():
    assert tiling.starts(28, 16, 4) == (0, 12)
    assert len(tiling.starts(29, 16, 4)) == 3


@pytest.mark.parametrize(("height", "width"), [(128, 128), (128, 200), (72, 40), (8, 264)])
def test_window_starts_keep_the_phase_of_the_scale(height, width):
    plan = tiling.make_plan(height, width, scale=8, tile=128, divisor=16)
    assert all(start % 8 == 0 for start in (*plan.tops, *plan.lefts, *plan.crop))
    top, left, h, w = plan.crop
    assert (h, w) == (height, width)
    assert top + h <= plan.size[0]
    assert left + w <= plan.size[1]


def test_a_field_comes_back_from_its_windows():
    plan = tiling.make_plan(40, 72, scale=4, tile=32, divisor=4)
    field = torch.randn(2, 3, *plan.size, generator=torch.manual_seed(0))
    windows = tiling.Windows(plan, field)
    total = torch.zeros_like(field)
    for places in windows.batches(2, 3):
        assert len(places) <= 3
        windows.add(total, windows.cut(field, places), places)
    assert torch.allclose(total / windows.total, field, atol=1e-6)


def seam_of(overlap: int) -> float:
    """Largest step between neighbouring pixels when every other window says 1 and the rest 0."""
    plan = tiling.make_plan(32, 160, scale=4, tile=32, divisor=4, overlap=overlap)
    field = torch.zeros(1, 1, *plan.size)
    windows = tiling.Windows(plan, field)
    total = torch.zeros_like(field)
    for number, place in enumerate(next(windows.batches(1, 100))):
        windows.add(total, torch.full((1, 1, 32, 32), float(number % 2)), [place])
    return float((total / windows.total).diff(dim=-1).abs().max())


def test_disagreeing_windows_leave_no_seam():
    assert seam_of(0) == pytest.approx(1.0), "without overlap the seam is there and is measured"
    assert seam_of(8) < 0.15
    assert seam_of(16) < 0.08


def test_a_small_picture_is_padded_in_the_middle_and_cut_out_again():
    plan = tiling.make_plan(16, 24, scale=4, tile=32, divisor=4)
    lr = torch.arange(24.0).view(1, 1, 4, 6)
    padded = tiling.pad_lr(lr, plan, 4)
    assert padded.shape[-2:] == (8, 8)
    whole = torch.nn.functional.interpolate(padded, scale_factor=4.0)
    assert torch.equal(plan.cropped(whole)[..., ::4, ::4], lr)


@pytest.mark.parametrize(("tile", "overlap"), [(40, 0), (24, 0), (0, 0), (128, 127), (128, -1)])
def test_a_tile_that_does_not_fit_is_refused(tile, overlap):
    with pytest.raises(InputError, match="wanted"):
        tiling.make_plan(256, 256, scale=16, tile=tile, divisor=16, overlap=overlap)
