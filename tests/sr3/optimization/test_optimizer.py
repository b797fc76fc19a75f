"""Muon beside Adam: the update, the layouts, what is kept, what is refused."""

import pytest
import torch

from sr3.data.examples import Batch
from sr3.machine.options import RunOptions
from sr3.machine.processes import World
from sr3.optimization.optimizer import Optimizers, matrix_of, weight_of
from sr3.training import config, trainer

SETTINGS = ["batch_size=4", "warmup=0", "learning_rate=1e-3", "steps=10", "optimizer=muon"]
CPU = World(torch.device("cpu"))


def make(*changes, **options):
    made = config.build(config.read_recipe("tiny"), [*SETTINGS, *changes])
    return trainer.Trainer(made, CPU, RunOptions(**options))


def batch_at(step):
    pixels = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.manual_seed(step))
    return Batch(pixels.byte(), torch.zeros(4, 5), list(range(4 * step, 4 * step + 4)), [])


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (6, 4, 1, 1), (6, 4)])
def test_a_weight_and_its_matrix_share_their_memory(shape, layout):
    weight = torch.randn(shape)
    weight = weight.contiguous(memory_format=layout) if len(shape) == 4 else weight
    matrix = matrix_of(weight)
    assert matrix.shape[0] == 6
    assert matrix.ndim == 2
    assert matrix.data_ptr() == weight.data_ptr()
    assert torch.equal(weight_of(matrix, weight), weight)


def test_inner_matrices_take_near_orthogonal_updates_and_the_rest_adam_s():
    """Nearly all singular values of Muon's update are near one; Adam's first update is a sign."""
    single = make()
    before = {name: p.detach().clone() for name, p in single.network.named_parameters()}
    generator = torch.Generator().manual_seed(2)
    for p in single.network.parameters():
        p.grad = torch.empty_like(p).normal_(generator=generator)  # in the layout autograd gives
    single.optimizers.step(1e-3)
    muon = 0
    for name, p in single.network.named_parameters():
        moved = (before[name] - p.detach()) / 1e-3
        if name in single.optimizers.flat:
            muon += 1
            matrix = matrix_of(moved)
            values = torch.linalg.svdvals(matrix) / (0.2 * max(matrix.shape) ** 0.5)
            assert values.quantile(0.1) > 0.5, name
            assert values.max() < 1.6, name
        else:
            assert p.ndim == 1 or name.startswith(("stem", "head")), name
            torch.testing.assert_close(moved, p.grad.sign(), rtol=1e-2, atol=1e-2, msg=name)
    assert muon > 10


def test_a_restored_trainer_goes_on_bit_for_bit():
    first = make()
    first.train_step(batch_at(0))
    kept = {name: value.clone() for name, value in first.state().items()}
    assert any(name.startswith("momentum_buffer/") for name in kept)
    first.train_step(batch_at(1))
    second = make()
    second.load_state(kept, 1)
    second.train_step(batch_at(1))
    for (name, p), q in zip(
        first.network.named_parameters(), second.network.parameters(), strict=True
    ):
        assert torch.equal(p, q), name


def test_the_layout_of_the_weights_does_not_change_what_is_kept():
    """A state of a channels_last run names the same momenta as one of plain layout."""
    kept = []
    for channels_last in (True, False):
        single = make("precision=fp32", channels_last=channels_last)
        single.train_step(batch_at(0))
        kept.append(single.state())
    for name, value in kept[0].items():
        if name.startswith("momentum_buffer/"):
            scale = kept[1][name].abs().max().item()
            torch.testing.assert_close(value, kept[1][name], rtol=1e-3, atol=1e-4 * scale)


def test_a_sharded_run_refuses_muon():
    made = config.build(config.read_recipe("tiny"), SETTINGS)
    with pytest.raises(ValueError, match="muon with strategy fsdp"):
        trainer.Trainer(made, CPU, RunOptions(strategy="fsdp"))


def test_adam_alone_is_the_default():
    made = config.build(config.read_recipe("tiny"), [])
    single = trainer.Trainer(made, CPU)
    assert isinstance(single.optimizers, Optimizers)
    assert single.optimizers.muon is None
    assert not single.optimizers.flat
