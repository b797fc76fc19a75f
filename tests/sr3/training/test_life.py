"""Life of a run: blow-ups, full disks, damaged states, old formats, and `sr3.info`."""

import errno
import json
import shutil
from pathlib import Path

import pytest
import torch

from sr3 import info, posthoc, train
from sr3.base.errors import DivergedError, InputError, StorageFullError
from sr3.networks import checkpoint
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNetConfig
from sr3.pictures import images
from sr3.training import monitor, trainer

STORED = Path(__file__).parents[1] / "stored"
FIRST_SIX = [
    0.0010235720546916127, -4.68685757368803e-05, 0.004807883873581886,
    0.0015536932041868567, -0.0026105858851224184, 0.007423778995871544,
]  # fmt: skip
ABSOLUTE_SUM = 0.799368143081665


def command(faces, out, *settings, extra=()):
    chosen = [x for s in ("steps=12", "save_every=4", "validate_every=12", *settings)
              for x in ("--set", s)]  # fmt: skip
    return ["tiny", "--data", str(faces), "--out", str(out), "--device", "cpu", "--log-every", "1",
            "--logger", "none", *chosen, *extra]  # fmt: skip


def log_of(out):
    return [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]


def poison(monkeypatch, value, batches):
    """Steps on these batches of the data order report (and leave) a bad loss."""
    real = trainer.Trainer.train_step

    def step(self, batch):
        result = real(self, batch)
        if batch.positions[0] // self.config.batch_size not in batches:
            return result
        with torch.no_grad():
            next(self.network.parameters()).fill_(float("nan"))
        return trainer.StepResult(torch.tensor(value), result.gradient_norm, result.bins)

    monkeypatch.setattr(trainer.Trainer, "train_step", step)


def test_a_nan_rolls_back_and_leaves_the_batch_out(faces, tmp_path, monkeypatch, capsys):
    poison(monkeypatch, float("nan"), {6})
    assert train.main(command(faces, tmp_path / "run")) == 0
    assert "step 7: loss nan" in capsys.readouterr().out
    state = checkpoint.read_tensors(tmp_path / "run" / "states" / "step-00000012.safetensors")
    assert (state.description["skipped"], state.description["rollbacks"]) == (3, 1)
    for name in state.tensors:
        assert state.tensors[name].isfinite().all()
    assert [x["step"] for x in log_of(tmp_path / "run") if "train/loss" in x][-1] == 12


def test_a_poison_that_stays_ends_the_run_with_the_good_state(faces, tmp_path, monkeypatch):
    poison(monkeypatch, float("inf"), set(range(6, 100)))
    with pytest.raises(DivergedError, match="learning_rate") as failed:
        train.main(command(faces, tmp_path / "run"))
    assert failed.value.exit_code == 76
    newest = sorted((tmp_path / "run" / "states").iterdir())[-1]
    assert newest.name == "step-00000004.safetensors"
    tensors = checkpoint.read_tensors(newest).tensors
    assert all(tensors[name].isfinite().all() for name in tensors)


def test_a_spike_is_one_only_against_a_settled_median():
    guard = monitor.Guard(spike=10.0)
    assert guard.complaint(1000.0, 1.0) is None  # too early to judge
    for _ in range(monitor.SETTLED):
        assert guard.complaint(1.0, 1.0) is None
    assert guard.complaint(9.0, 1.0) is None
    assert "12.0 times" in guard.complaint(12.0, 1.0)
    assert guard.complaint(1.0, float("inf")) is not None
    assert monitor.Guard(spike=0.0).complaint(1e9, 1.0) is None


def test_losses_are_reported_by_noise_level(faces, tmp_path):
    train.main(command(faces, tmp_path / "run", "steps=4", "batch_size=8"))
    bins = {k: v for x in log_of(tmp_path / "run") for k, v in x.items() if "loss_by_noise" in k}
    assert len(bins) >= 8
    assert bins["loss_by_noise/9"] > 0
    result = trainer.StepResult(torch.tensor(2.0), torch.tensor(1.0), torch.zeros(2, 10))
    result.bins[:, 3] = torch.tensor([6.0, 4.0])
    watched = monitor.Monitor(trainer.World(torch.device("cpu")), monitor.Guard(0.0))
    watched.add(1, result)
    assert watched.look() is None
    assert watched.values(4)["loss_by_noise/3"] == 1.5


def full_disk(monkeypatch, from_call):
    """Every write of tensors from a given call on fails as on a full disk."""
    real, calls = checkpoint.save_file, []

    def save(tensors, path, metadata):
        calls.append(path)
        if len(calls) >= from_call:
            path.write_bytes(b"part")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(tensors, path, metadata)

    monkeypatch.setattr(checkpoint, "save_file", save)


def test_a_full_disk_ends_the_run_with_its_code_and_a_whole_state(faces, tmp_path, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        full_disk(patched, from_call=9)  # two saves of four files are whole
        with pytest.raises(StorageFullError, match="No space left") as failed:
            train.main(command(faces, out))
        assert failed.value.exit_code == 74
    assert not list(out.rglob("*.tmp"))
    assert [p.name for p in (out / "states").iterdir()] == ["step-00000004.safetensors"]
    assert train.main(command(faces, out)) == 0  # there is room again
    assert train.main(command(faces, tmp_path / "whole")) == 0
    pair = [checkpoint.read_tensors(p / "ema-0.05.safetensors").tensors for p in
            (out, tmp_path / "whole")]  # fmt: skip
    assert all(torch.equal(pair[0][name], pair[1][name]) for name in pair[0])


def test_the_last_states_are_kept_and_a_damaged_one_is_passed_over(faces, tmp_path, capsys):
    out = tmp_path / "run"
    assert train.main(command(faces, out, extra=["--keep", "3"])) == 0
    names = [f"step-{n:08d}.safetensors" for n in (4, 8, 12)]
    assert sorted(p.name for p in (out / "states").iterdir()) == names
    newest = out / "states" / names[-1]
    newest.write_bytes(newest.read_bytes()[:-50])
    (out / "states" / ".step-00000012.safetensors.123.tmp").write_bytes(b"left by a kill")
    assert train.main(command(faces, out)) == 0
    told = capsys.readouterr().out
    assert "damaged state" in told
    assert "at step 8" in told
    assert not list((out / "states").glob(".*"))


def test_unreadable_pictures_are_named_and_only_too_many_stop_a_run(faces, tmp_path, capsys):
    folder = tmp_path / "faces"
    shutil.copytree(faces, folder)
    (folder / "zz.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"1 unusable pictures of 13.*max_bad.*zz"):
        train.main(command(folder, tmp_path / "strict"))
    for i, cache in enumerate(("4", "0")):
        capsys.readouterr()
        lenient = command(folder, tmp_path / f"{i}", "max_bad=0.1", extra=["--cache-gib", cache])
        assert train.main(lenient) == 0
        assert "passed over" in capsys.readouterr().out
        assert log_of(tmp_path / f"{i}")[-2]["train/unusable_pictures"] == 1


def test_conditioning_augmentation_trains_and_its_weights_load(faces, tmp_path):
    settings = ["augmentation.blur=0.5", "augmentation.noise=0.5", "augmentation.tell=true"]
    assert train.main(command(faces, tmp_path / "run", "steps=3", *settings)) == 0
    model = checkpoint.load_model(tmp_path / "run" / "ema-0.05.safetensors")
    assert model.spec.unet.condition_levels == 2
    picture = torch.zeros(1, 3, 32, 32)
    gamma = torch.tensor([0.5]).double()
    with torch.inference_mode():
        silent = model.network(picture, picture, gamma)
        none = model.network(picture, picture, gamma, torch.zeros(1, 2).double())
        some = model.network(picture, picture, gamma, torch.tensor([[0.5, 0.1]]).double())
    assert torch.equal(silent, none)
    assert not torch.equal(silent, some)


def test_snapshots_become_an_average_of_another_width(faces, tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["snapshot_every=2", "steps=12", "warmup=0"]
    assert train.main(command(faces, out, *settings)) == 0
    assert len(list((out / "snapshots").iterdir())) == 12
    made = tmp_path / "made.safetensors"
    assert posthoc.main([str(out), "--width", "0.1", "--out", str(made)]) == 0
    kept = checkpoint.read_tensors(out / "ema-0.1.safetensors").tensors
    found = checkpoint.read_tensors(made).tensors
    for name in kept:
        torch.testing.assert_close(found[name], kept[name], rtol=2e-3, atol=1e-4)
    assert posthoc.main([str(out), "--width", "0.07", "--step", "8", "--out", str(made)]) == 0
    assert checkpoint.load_model(made).spec.scale == 4
    with pytest.raises(InputError, match="snapshot_every"):
        posthoc.main([str(tmp_path), "--width", "0.1", "--out", str(made)])


@pytest.fixture
def stored_preset(monkeypatch):
    monkeypatch.setitem(PRESETS, "stored", UNetConfig(8, 4, (1, 2), 1, (4,), head_channels=4))


def test_weights_of_format_version_one_give_what_they_gave():
    """Numbers printed by the program of that time (its first commit that could train)."""
    path = STORED / "v1-weights.safetensors"
    assert checkpoint.read_tensors(path).version == 1
    model = checkpoint.load_model(path)
    generator = torch.Generator().manual_seed(7)
    lr_up, y_t = (torch.randn(1, 3, 8, 8, generator=generator) for _ in range(2))
    with torch.inference_mode():
        output = model.network(lr_up, y_t, torch.tensor([0.3]).double())
    assert output.flatten()[:6].tolist() == pytest.approx(FIRST_SIX, abs=1e-6)
    assert float(output.abs().sum()) == pytest.approx(ABSOLUTE_SUM, rel=1e-5)


def test_a_state_of_format_version_one_goes_on(stored_preset, tmp_path, capsys):
    folder, out = tmp_path / "pictures", tmp_path / "run"
    for i in range(4):
        images.write_png(
            folder / f"{i}.png", (torch.arange(192).reshape(8, 8, 3) + i).byte().numpy()
        )
    out.mkdir()
    shutil.copy(STORED / "v1-state.safetensors", out / "state.safetensors")
    config = checkpoint.read_tensors(out / "state.safetensors").description["config"]
    recipe = tmp_path / "stored.toml"
    flat = {k: v for k, v in config.items() if v is not None and k != "augmentation"}
    recipe.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in flat.items()))
    arguments = [str(recipe), "--data", str(folder), "--out", str(out), "--device", "cpu"]
    assert train.main([*arguments, "--logger", "none", "--set", "augmentation.colour=0.15"]) == 0
    assert "at step 3" in capsys.readouterr().out
    assert (out / "states" / "step-00000006.safetensors").exists()


def test_info_explains_weights_states_and_presets(capsys):
    assert info.main([str(STORED / "v1-weights.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "weights, sr3" in told
    assert f"version 1; this program reads up to {checkpoint.VERSION}" in told
    assert info.main([str(STORED / "v1-state.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "training state" in told
    assert "3 of 6" in told
    assert info.main(["--preset", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == "192,739"
    with pytest.raises(InputError, match="paper-16-128"):
        info.main(["--preset", "huge"])
    with pytest.raises(InputError, match="wanted one"):
        info.main([])


def test_the_memory_estimate_counts_what_backward_keeps():
    """Fixed part by hand; activations against what autograd really holds on to."""
    from sr3.machine import memory

    need = memory.requirement(PRESETS["tiny"], averages=2)
    assert need.weights == 192_739
    assert need.fixed == 6 * 4 * 192_739
    assert need.recomputed < 0.6 * need.activations
    twice = memory.requirement(UNetConfig(64, 16, (1, 2), 1, (16,), head_channels=16), 2)
    assert twice.activations == pytest.approx(4 * need.activations, rel=0.15)
    assert need.batch(0.0, False) == 0
