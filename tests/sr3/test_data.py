"""Order, augmentation and degradation of training pictures."""

import numpy as np
import pytest
import torch
from skimage.filters import gaussian

from sr3 import data
from sr3.errors import InputError

PICTURES = np.random.default_rng(0).integers(0, 256, (10, 16, 16, 3), dtype=np.uint8)


def dataset(**changes):
    return data.TrainingPictures(PICTURES, 16, data.Augmentation(**changes), seed=3)


def test_every_picture_comes_once_an_epoch_in_another_order():
    made = dataset()
    epochs = [[made.index_of(10 * e + i) for i in range(10)] for e in range(3)]
    for order in epochs:
        assert sorted(order) == list(range(10))
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_position_gives_the_same_picture_whatever_was_read_before():
    how = {"flip": 0.5, "shift": 2, "colour": 0.2}
    forward, backward = dataset(**how), dataset(**how)
    first = [forward[i] for i in range(25)]
    for i in reversed(range(25)):
        assert torch.equal(backward[i], first[i])


def test_processes_share_the_positions_of_a_step():
    whole = list(data.Positions(3, 5, 12))
    for world in (1, 2, 3):
        parts = [list(data.Positions(3, 5, 12, rank, world)) for rank in range(world)]
        for step in range(2):
            assert sorted(p for part in parts for p in part[step]) == whole[step]


def test_augmentation_off_returns_the_picture():
    made = dataset(flip=0.0)
    index = made.index_of(4)
    expected = torch.from_numpy(PICTURES[index]).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(made[4], expected)


def test_flips_shifts_and_colours_happen_and_stay_in_range():
    changed = [dataset(flip=1.0)[i] for i in range(5)]
    plain = [dataset(flip=0.0)[i] for i in range(5)]
    for a, b in zip(changed, plain, strict=True):
        assert torch.equal(a.flip(-1), b)
    strong = torch.stack([dataset(shift=3, colour=0.5)[i] for i in range(20)])
    assert strong.abs().max() <= 1
    assert strong.shape == (20, 3, 16, 16)


def test_blur_agrees_with_scikit_image():
    pictures = torch.rand(2, 3, 20, 20, generator=torch.manual_seed(0))
    found = data.gaussian_blur(pictures, 0.8)
    for got, picture in zip(found, pictures, strict=True):
        wanted = gaussian(picture.numpy(), 0.8, mode="mirror", truncate=3.0, channel_axis=0)
        np.testing.assert_allclose(got.numpy(), wanted, atol=2e-3)


def test_the_condition_is_never_rounded_to_eight_bits():
    hr = torch.rand(1, 3, 16, 16, generator=torch.manual_seed(0)) * 2 - 1
    lr, lr_up = data.degrade(hr, 4, data.Augmentation(), 0, [0])
    assert lr.shape == (1, 3, 4, 4)
    assert lr_up.shape == hr.shape
    steps = (lr + 1) * 127.5
    assert (steps - steps.round()).abs().max() > 0.1


def test_blur_strikes_its_share_and_is_keyed_by_position():
    how = data.Augmentation(blur=0.5, blur_sigma=(0.5, 1.0))
    lr = torch.rand(200, 3, 8, 8, generator=torch.manual_seed(0))
    positions = list(range(200))
    blurred = data.blur_low_resolution(lr, how, 1, positions)
    struck = (blurred != lr).flatten(1).any(dim=1)
    assert 70 < int(struck.sum()) < 130
    part = data.blur_low_resolution(lr[50:60], how, 1, positions[50:60])
    assert torch.equal(part, blurred[50:60])


def test_holding_out_is_by_name_and_leaves_something():
    from pathlib import Path

    paths = [Path(f"{i}.png") for i in range(20)]
    kept, held = data.split_holdout(paths, 5)
    assert len(held) == 5
    assert set(kept) | set(held) == set(paths)
    assert data.split_holdout(paths[::-1], 5)[1] == held
    with pytest.raises(InputError, match="20 images"):
        data.split_holdout(paths, 20)
