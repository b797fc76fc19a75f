"""Generators in the trainer: the hybrid loss, classes, reduction, resuming, sizes."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from sr3 import train
from sr3.base.errors import InputError
from sr3.data.examples import Batch
from sr3.data.reduction import reduce
from sr3.machine import memory
from sr3.machine.processes import World
from sr3.networks import checkpoint
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNet
from sr3.pictures import images
from sr3.pictures.resize import area_resize, downsample
from sr3.training import config, trainer
from sr3.training.warm_start import initialise

SETTINGS = [
    "preset=tiny-gen", "picture_side=32", "steps=6", "save_every=3", "validate_every=6",
    "sample_steps=3", "batch_size=4", "holdout=2", "schedule=cosine:100", "optimizer=adam",
]  # fmt: skip
CPU = World(torch.device("cpu"))


def command(faces, out, *extra, recipe="faces-generator-classes"):
    chosen = [x for s in SETTINGS for x in ("--set", s)]
    return [recipe, "--data", str(faces), "--out", str(out), "--device", "cpu", "--log-every", "1",
            "--logger", "none", *chosen, *extra]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Ten of the twelve pictures have a class."""
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    rows = [{"file": f"{i:02d}.png", "kind": "ab"[i % 2]} for i in range(10)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def finished(faces, table, tmp_path_factory):
    out = tmp_path_factory.mktemp("generator") / "run"
    told = ["--labels", str(table), "--label-column", "kind"]
    assert train.main(command(faces, out, *told)) == 0
    return out


def learner(classes=("a", "b")):
    made = config.build(config.read_recipe("faces-generator-classes"), SETTINGS)
    made = dataclasses.replace(made, classes=classes)
    single = trainer.Trainer(made, CPU)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        for weight in single.network.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return single


def make_batch(count=4):
    pixels = torch.randint(0, 256, (count, 3, 32, 32), generator=torch.manual_seed(3))
    labels = torch.arange(count) % 3 - 1
    return Batch(pixels.byte(), torch.zeros(count, 5), list(range(count)), [], labels)


def test_the_bound_does_not_reach_the_mean():
    """Gradients of the mean's rows of the head are the simple loss's, those of the share not."""
    single = learner()
    weighted, plain, _ = single.losses(make_batch())
    head = single.network.head.weight
    (hybrid,) = torch.autograd.grad(weighted.mean(), head, retain_graph=True)
    (simple,) = torch.autograd.grad(plain.mean(), head)
    assert torch.equal(hybrid[:3], simple[:3])
    assert float(simple[3:].abs().max()) == 0
    assert float(hybrid[3:].abs().max()) > 0


def test_the_bound_s_only_inputs_are_the_share_and_constants():
    single, batch = learner(), make_batch()
    noisy = single.noising.noisy(batch)
    predicted = torch.randn(4, 3, 8, 8, requires_grad=True)
    share = torch.rand(4, 3, 8, 8, requires_grad=True)
    single._bound(noisy, predicted, share).sum().backward()
    assert predicted.grad is None
    assert float(share.grad.abs().max()) > 0


def test_levels_are_those_of_whole_steps_where_a_variance_is_learned():
    noisy = learner().noising.noisy(make_batch())
    gamma = torch.from_numpy(learner().schedule.gamma)
    assert all(g in gamma[1:] for g in noisy.gamma)
    assert noisy.lr_up.shape == (4, 0, 8, 8)
    assert noisy.labels.tolist()[0] == -1


def test_pictures_are_reduced_by_area_or_by_the_one_resize_operator():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    pictures = images.from_uint8(pixels)
    by_area = images.to_uint8(reduce(pictures, 8, "area")).astype(int)
    apart = np.stack([area_resize(p, (8, 8)) for p in pixels]).astype(int)
    assert np.abs(by_area - apart).max() <= 1  # ties of rounding
    assert torch.equal(reduce(pictures, 8, "bicubic"), downsample(pictures, 4).clamp(-1, 1))
    assert reduce(pictures, 32, "area") is pictures


def test_a_run_keeps_class_names_log_samples_and_no_best(finished):
    spec = checkpoint.load_model(finished / "ema-0.05.safetensors").spec
    assert (spec.task, spec.scale, spec.classes) == ("generator", 1, ("a", "b"))
    assert spec.unet.learn_variance
    assert spec.label_dropout > 0
    assert not (finished / "best.safetensors").exists()
    log = [json.loads(x) for x in (finished / "log.jsonl").read_text().splitlines()]
    assert 0 < log[-1]["validation/loss"] < 3
    sheet = images.read_rgb(finished / "samples" / "step-00000006.png")
    assert sheet.shape == (2 * (14 + 64), 512, 3)


def test_a_resumed_run_ends_with_the_same_weights(faces, table, finished, tmp_path):
    told = ["--labels", str(table), "--label-column", "kind"]
    out = tmp_path / "run"
    before = trainer.Trainer.train_step

    def stopping(self, batch):
        if self.step == 4:
            raise KeyboardInterrupt
        return before(self, batch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trainer.Trainer, "train_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            train.main(command(faces, out, *told))
    assert train.main(command(faces, out, *told)) == 0
    for name in ("last", "ema-0.1"):
        a, b = (checkpoint.read_tensors(d / f"{name}.safetensors") for d in (out, finished))
        assert all(torch.equal(a.tensors[k], b.tensors[k]) for k in b.tensors)


def test_an_unconditional_generator_needs_no_labels(faces, tmp_path):
    out = tmp_path / "run"
    assert train.main(command(faces, out, "--set", "steps=2", recipe="faces-generator")) == 0
    assert checkpoint.load_model(out / "last.safetensors").spec.classes == ()


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (["--set", "unlabelled=false"], "no class for 2 of 12 pictures"),
        (["--set", "class_conditional=false", "--set", "label_dropout=0", "--set",
          "unlabelled=false"], "without class_conditional"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_leave_in_one_line(faces, table, tmp_path, extra, named):
    told = ["--labels", str(table), "--label-column", "kind"]
    with pytest.raises(InputError, match=named):
        train.main(command(faces, tmp_path / "run", *told, *extra))
    with pytest.raises(InputError, match="no --labels"):
        train.main(command(faces, tmp_path / "run"))


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["scale=2"], "scale"),
        (["residual_scale=0.2"], "residual_scale"),
        (["student_schedule=logsnr:*"], "student_schedule"),
        (["augmentation.blur=0.5"], "low-resolution"),
        (["picture_side=24"], "multiple of the resolution 16"),
        (["label_dropout=0.1"], "with class_conditional"),
        (["class_conditional=true", "unlabelled=true"], "wanted both"),
        (["task=sr3"], "found scale 1"),
        (["task=sr3", "scale=2", "learn_variance=true"], "wanted task generator"),
    ],
)
def test_settings_that_a_generator_cannot_have_are_refused(overrides, named):
    with pytest.raises(InputError, match=named):
        config.build(config.read_recipe("faces-generator"), overrides)


@pytest.mark.parametrize(("name", "millions"), [("faces", 123), ("imagenet", 270)])
def test_the_generators_of_the_cascades_construct_at_full_size(name, millions):
    """Weights as Improved DDPM publishes them for ImageNet; memory on fake tensors."""
    need = memory.requirement(PRESETS[f"paper-gen-64-{name}"], averages=2)
    assert need.weights / 1e6 == pytest.approx(millions, rel=0.04)
    assert need.batch(80 * 2**30, recompute=False) >= 64


@pytest.mark.parametrize("name", ["paper-gen-64-faces", "paper-gen-64-imagenet"])
def test_a_scaled_down_twin_takes_a_step(name):
    """The same depths, blocks and attention at an eighth of the side and of the width."""
    whole = PRESETS[name]
    twin = dataclasses.replace(
        whole, resolution=8, channels=16, head_channels=16, attention_resolutions=(2, 1)
    )
    assert twin.attention_levels == whole.attention_levels
    net = UNet(twin)
    y_t, labels = torch.randn(2, 3, 8, 8), torch.tensor([3, -1]) if twin.classes else None
    out = net(y_t[:, :0], y_t, torch.tensor([0.1, 0.9]).double(), None, labels)
    assert out.shape == (2, 6 if twin.learn_variance else 3, 8, 8)
    out.square().mean().backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    torch.optim.Adam(net.parameters(), 1e-3).step()
    assert all(p.isfinite().all() for p in net.parameters())


def test_one_with_classes_starts_from_one_without(tmp_path):
    plain = trainer.Trainer(config.build(config.read_recipe("faces-generator"), SETTINGS), CPU)
    for weight in plain.network.parameters():
        torch.nn.init.normal_(weight)
    start = tmp_path / "plain.safetensors"
    weights = plain.network.state_dict()
    checkpoint.save_model(start, plain.model.spec, weights, {}, half=False)
    known = learner()
    initialise(known, start)
    wanted, found = plain.network.state_dict(), known.network.state_dict()
    head = {"head.weight", "head.bias"}
    assert found.keys() - wanted.keys() == {"embed_class.weight"}
    assert all(torch.equal(found[name], wanted[name]) for name in wanted.keys() - head)
    for name in head:
        assert torch.equal(found[name][:3], wanted[name])
        assert not found[name][3:].any()
    wider = config.build(config.read_recipe("faces-generator"), ["preset=small-gen-16"])
    with pytest.raises(InputError, match="another network"):
        initialise(trainer.Trainer(wider, CPU), start)
