"""`python -m sr3.train`: what a run leaves behind, and bad input in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sr3 import train
from sr3.base.errors import InputError
from sr3.data import sources, split
from sr3.networks import checkpoint
from sr3.pictures import images
from sr3.pictures.resize import downsample, upsample

ROOT = Path(__file__).parents[2]


def command(faces, out, *settings, recipe="tiny"):
    chosen = [x for s in settings for x in ("--set", s)]
    return [recipe, "--data", str(faces), "--out", str(out), "--device", "cpu", *chosen]


@pytest.fixture(scope="module")
def finished(faces, tmp_path_factory):
    """A run of 12 steps."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    settings = ["steps=12", "validate_every=6", "save_every=4"]
    assert train.main([*command(faces, out, *settings), "--log-every", "2"]) == 0
    return out


def test_a_run_leaves_configuration_log_samples_and_weights(finished):
    assert json.loads((finished / "config.json").read_text())["steps"] == 12
    lines = [json.loads(x) for x in (finished / "log.jsonl").read_text().splitlines()]
    assert [x["step"] for x in lines if "train/loss" in x] == [2, 4, 6, 8, 10, 12]
    assert [x["step"] for x in lines if "validation/psnr" in x] == [6, 12]
    assert all(x["train/gradient_norm"] > 0 for x in lines if "train/loss" in x)
    assert {p.name for p in (finished / "samples").iterdir()} == {
        "step-00000006.png",
        "step-00000012.png",
    }
    assert list((finished / "tb").iterdir())
    model = checkpoint.load_model(finished / "ema-0.05.safetensors")
    provenance = checkpoint.read_tensors(finished / "ema-0.05.safetensors").description
    assert provenance["provenance"]["step"] == 12
    assert model.spec.scale == 4


def test_tensorboard_reads_the_log(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished / "tb"))
    events.Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [2, 4, 6, 8, 10, 12]
    assert [e.step for e in events.Images("validation/samples")] == [6, 12]


def test_the_average_differs_from_the_last_weights_and_validation_uses_it(finished, faces):
    """The logged PSNR is reproduced from the averaged file, not from the last weights."""
    from sr3.training import validation

    lines = [json.loads(x) for x in (finished / "log.jsonl").read_text().splitlines()]
    logged = next(x for x in lines if x["step"] == 12 and "validation/psnr" in x)
    _, held = split.split_holdout(sources.open_source(faces), 2)
    hr = images.from_uint8(np.stack([held.read(i) for i in range(2)]))
    averaged = checkpoint.load_model(finished / "ema-0.05.safetensors")
    found = validation.validate(averaged, hr, 4, "fp32").psnr
    assert found == pytest.approx(logged["validation/psnr"], abs=1e-4)


def test_a_finished_run_has_nothing_left_to_do(finished, faces, capsys):
    before = checkpoint.read_tensors(finished / "ema-0.05.safetensors").tensors
    settings = ["steps=12", "validate_every=6", "save_every=4"]
    assert train.main([*command(faces, finished, *settings), "--log-every", "2"]) == 0
    after = checkpoint.read_tensors(finished / "ema-0.05.safetensors").tensors
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_regression_keeps_the_weights_of_peak_psnr(faces, tmp_path):
    settings = ["steps=6", "validate_every=2", "task=regression", "objective=x0"]
    assert train.main(command(faces, tmp_path / "r", *settings)) == 0
    model = checkpoint.load_model(tmp_path / "r" / "best.safetensors")
    assert model.spec.task == "regression"
    lines = [json.loads(x) for x in (tmp_path / "r" / "log.jsonl").read_text().splitlines()]
    scores = {x["step"]: x["validation/psnr"] for x in lines if "validation/psnr" in x}
    best = checkpoint.read_tensors(tmp_path / "r" / "best.safetensors").description["provenance"]
    assert best["step"] == max(scores, key=lambda step: scores[step])


def test_other_settings_are_refused_and_named(finished, faces):
    with pytest.raises(InputError, match="learning_rate"):
        train.main(command(faces, finished, "steps=12", "learning_rate=0.5"))


@pytest.mark.parametrize(
    ("option", "held"), [("--init-from", "init_from"), ("--teacher", "teacher")]
)
def test_weights_are_a_file_or_the_name_of_shipped_ones(finished, option, held, capsys):
    def given(*more):
        words = command(finished, finished, *more[2:], recipe="face8x-sr3")
        return getattr(train.run_of(train.parse([*words, *more[:2]])), held)

    assert given() is None
    assert given(option, "face8x-sr3") == checkpoint.shipped("face8x-sr3")
    assert given(option, str(finished / "last.safetensors")) == finished / "last.safetensors"
    with pytest.raises(
        InputError, match=r"found no shipped weights 'face9x', there are: .*face8x-sr3"
    ):
        given(option, "face9x")


def test_overfitting_eight_faces_drives_the_loss_down(tmp_path):
    """Regression on eight rendered faces must come well under bicubic's error on those eight."""
    torch.set_num_threads(1)
    folder = tmp_path / "nine"
    for path in sorted((ROOT / "bench" / "embedded").rglob("*.png"))[:9]:
        small = Image.open(path).resize((32, 32), Image.Resampling.BOX)
        images.write_png(folder / path.name, np.array(small))
    kept, _ = split.split_holdout(sources.open_source(folder), 1)
    hr = images.from_uint8(np.stack([kept.read(i) for i in range(8)]))
    settings = [
        "steps=100", "batch_size=4", "holdout=1", "validate_every=1000", "save_every=1000",
        "task=regression", "objective=x0", "learning_rate=3e-3", "augmentation.flip=0.0",
        "ema=[0.05]",
    ]  # fmt: skip
    assert train.main(command(folder, tmp_path / "out", *settings)) == 0
    model = checkpoint.load_model(tmp_path / "out" / "ema-0.05.safetensors")
    lr_up = upsample(downsample(hr, 4), 4)
    with torch.inference_mode():
        error = (model.regress(lr_up) - hr).square().mean()
    assert error < 0.35 * (lr_up - hr).square().mean()


def smooth_pictures(count):
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return noise.repeat(4, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize(
    ("settings", "named"),
    [(["scale=3"], "scale"), (["stepz=1"], "stepz"), (["holdout=50"], "12 images")],
)
def test_bad_settings_leave_in_one_line(faces, tmp_path, settings, named):
    with pytest.raises(InputError, match=named):
        train.main(command(faces, tmp_path / "out", *settings))
    assert not (tmp_path / "out").exists()


def test_bad_folders_leave_in_one_line(faces, tmp_path):
    empty, wrong, text = (tmp_path / n for n in ("empty", "wrong", "text"))
    for folder in (empty, wrong, text):
        folder.mkdir()
    for i in range(4):
        images.write_png(wrong / f"{i}.png", smooth_pictures(1)[0][:30])
        (text / f"{i}.png").write_text("no picture")
    for folder, named in ((empty, "empty"), (wrong, "32x30"), (text, "text"), ("gone", "gone")):
        with pytest.raises(InputError, match=named):
            train.main(command(folder, tmp_path / "out", "steps=2"))
    assert not (tmp_path / "out").exists()


def test_the_process_exits_with_two_and_one_line(run, tmp_path):
    done = run("sr3.train", "nothing", "--data", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: found no recipe 'nothing'")
