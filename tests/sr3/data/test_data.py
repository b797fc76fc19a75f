"""Order, augmentation and degradation of training pictures."""

import numpy as np
import pytest
import torch

from sr3.base.errors import InputError
from sr3.data import degradation, examples
from sr3.degradations.protocol import choose
from sr3.pictures.resize import upsample


class Memory:
    """A source of pictures in memory, some of them unreadable."""

    name = "memory"

    def __init__(self, count=10, side=16, groups=(), broken=()):
        rng = np.random.default_rng(0)
        self.pictures = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        self.keys = [str(i) for i in range(count)]
        self.groups, self.broken = groups, broken

    def read(self, index):
        if index in self.broken:
            raise InputError(f"{index} is broken")
        return self.pictures[index]


def dataset(source=None, side=16, picture_side=16, **changes):
    how = examples.Augmentation(**changes)
    return examples.TrainingPictures(source or Memory(), side, picture_side, how, seed=3)


@pytest.mark.parametrize("groups", [(), (3, 4, 3)])
def test_every_picture_comes_once_an_epoch_in_another_order(groups):
    order = examples.Order(Memory(groups=groups), seed=3)
    epochs = [[order[10 * e + i] for i in range(10)] for e in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert epochs[0] != epochs[1] != epochs[2]


def test_neighbours_in_a_group_stay_within_a_window_of_groups():
    source = Memory(count=400, side=2, groups=[10] * 40)
    order = examples.Order(source, seed=0)
    places = [order[i] for i in range(400)]
    for start in range(0, 400, 10 * examples.WINDOW):
        window = places[start : start + 10 * examples.WINDOW]
        assert len({place // 10 for place in window}) == len(window) // 10
    assert places != sorted(places)


def test_a_position_gives_the_same_picture_whatever_was_read_before():
    how = {"flip": 0.5, "shift": 2, "colour": 0.2}
    forward, backward = dataset(**how), dataset(**how)
    first = [forward[i] for i in range(25)]
    for i in reversed(range(25)):
        assert torch.equal(backward[i].pixels, first[i].pixels)
        assert torch.equal(backward[i].colour, first[i].colour)


def test_processes_share_the_positions_of_a_step():
    whole = list(examples.Positions(3, 5, 12))
    for world in (1, 2, 3):
        parts = [list(examples.Positions(3, 5, 12, rank, world)) for rank in range(world)]
        for step in range(2):
            assert sorted(p for part in parts for p in part[step]) == whole[step]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_neither_order_nor_pictures(workers):
    how = {"flip": 0.5, "shift": 2}
    pair = [
        list(examples.loader(dataset(**how), examples.Positions(2, 5, 4), n, 2, pin=False))
        for n in (0, workers)
    ]
    for alone, many in zip(*pair, strict=True):
        assert alone.positions == many.positions
        assert torch.equal(alone.pixels, many.pixels)


def test_augmentation_off_returns_the_picture():
    source = Memory()
    made = dataset(source, flip=0.0)
    batch = made[4]
    expected = torch.from_numpy(source.pictures[made.order[4]]).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(degradation.recolour(batch.pixels, batch.colour)[0], expected)


def test_flips_shifts_crops_and_colours_happen_and_stay_in_range():
    for i in range(5):
        plain = dataset(flip=0.0)[i].pixels
        assert torch.equal(dataset(flip=1.0)[i].pixels.flip(-1), plain)
    strong = examples.collate([dataset(shift=3, colour=0.5)[i] for i in range(20)])
    coloured = degradation.recolour(strong.pixels, strong.colour)
    assert coloured.shape == (20, 3, 16, 16)
    assert coloured.abs().max() <= 1
    assert not torch.allclose(coloured, degradation.recolour(strong.pixels, 0 * strong.colour))
    crops = examples.collate([dataset(side=8)[i] for i in range(40)]).pixels
    assert crops.shape == (40, 3, 8, 8)


def test_an_unreadable_picture_is_named_and_the_next_one_taken():
    source = Memory(broken=(2, 7))
    made = dataset(source)
    whole = examples.collate([made[i] for i in range(10)])
    assert {name for name, _ in whole.bad} == {"2", "7"}
    assert "broken" in whole.bad[0][1]
    assert len(whole.pixels) == 10
    at = next(i for i in range(9) if made.order[i] == 2)
    taken = source.pictures[made.order[at + 1]]
    if made.order[at + 1] not in source.broken:
        assert torch.equal(dataset(source, flip=0.0)[at].pixels[0].permute(1, 2, 0),
                           torch.from_numpy(taken))  # fmt: skip


def test_a_source_without_readable_pictures_gives_up():
    with pytest.raises(InputError, match="in a row"):
        dataset(Memory(broken=range(10)))[0]


def test_a_picture_of_another_size_is_named_with_its_size():
    with pytest.raises(InputError, match=r"16x16.*32x32"):
        examples.read_square(Memory(), 0, 32)


def condition(how, count=200, seed=1):
    hr = torch.rand(count, 3, 16, 16, generator=torch.manual_seed(0)) * 2 - 1
    return hr, *degradation.degrade(hr, choose(None, 2), how, seed, list(range(count)))


def test_the_condition_is_never_rounded_to_eight_bits():
    hr, lr_up, told = condition(examples.Augmentation(), 1)
    assert lr_up.shape == hr.shape
    assert told is None
    steps = (lr_up + 1) * 127.5
    assert (steps - steps.round()).abs().max() > 0.1


def test_blur_and_noise_strike_their_share_keyed_by_position_and_are_told():
    how = examples.Augmentation(
        blur=0.5, blur_sigma=(0.5, 1.0), noise=0.25, noise_std=(0.1, 0.2), tell=True
    )
    hr, lr_up, told = condition(how)
    blurred, noised = (told > 0).sum(dim=0).tolist()
    assert 70 < blurred < 130
    assert 25 < noised < 75
    assert told[:, 0][told[:, 0] > 0].min() >= 0.5
    assert told[:, 1].max() <= 0.2
    clean = condition(examples.Augmentation())[1]
    untouched = (told == 0).all(dim=1)
    torch.testing.assert_close(lr_up[untouched], clean[untouched])
    assert (lr_up[~untouched] != clean[~untouched]).flatten(1).any(dim=1).all()
    part, _ = degradation.degrade(hr[50:60], choose(None, 2), how, 1, list(range(50, 60)))
    assert torch.equal(part, lr_up[50:60])


def test_noise_has_the_standard_deviation_that_is_told():
    how = examples.Augmentation(noise=1.0, noise_std=(0.1, 0.1), tell=True)
    _, lr_up, told = condition(how, 100)
    added = (lr_up - condition(examples.Augmentation(), 100)[1]).std()
    pure = upsample(torch.randn(100, 3, 8, 8, generator=torch.manual_seed(1)) * 0.1, 2).std()
    assert told[:, 1] == pytest.approx(0.1)
    assert float(added) == pytest.approx(float(pure), rel=0.05)
