"""The script for a GPU, tried on the CPU: pieces, their time and files, what each step finds."""

import importlib
import json
import re
import shlex
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sr3 import train
from sr3.base.errors import InputError, run_command
from sr3.machine.processes import World
from sr3.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
PAGE = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
SESSION = {"hardware": {"processor": "this", "gpu": "GPU A"}}


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("gpu")


@pytest.fixture
def pieces(gpu):
    return importlib.import_module("pieces")


@pytest.fixture
def kept(pieces, tmp_path):
    """A function that opens the file of a step, as a call of the script does."""

    def start(minutes=1.0, retry=False, about=(("step", "s"),), session=SESSION):
        path = tmp_path / "step.json"
        return pieces.Kept(path, dict(about), session, pieces.Deadline(minutes), retry)

    return start


def rows(path):
    return json.loads(path.read_text())["rows"]


def test_what_is_known_is_not_measured_again(kept, tmp_path):
    made = []
    for _ in range(2):
        row = kept().piece("a", lambda: made.append(1) or {"value": 0.5})
        assert row["value"] == 0.5
    assert len(made) == 1
    content = json.loads((tmp_path / "step.json").read_text())
    assert content["sessions"] == [SESSION]
    assert content["rows"]["a"]["session"] == 0


def broken():
    raise RuntimeError("no\nkernel")


def full():
    raise torch.OutOfMemoryError("Tried to allocate 2 GiB")


def test_what_breaks_or_does_not_fit_is_a_row_and_the_next_piece_goes_on(kept, tmp_path):
    step = kept()
    assert step.piece("a", broken)["failed"] == "RuntimeError: no"
    assert step.piece("b", full)["out_of_memory"] == "Tried to allocate 2 GiB"
    assert step.piece("c", lambda: {"value": 1})["value"] == 1
    assert list(rows(tmp_path / "step.json")) == ["a", "b", "c"]
    assert "failed" in kept().piece("a", lambda: {"value": 2})
    assert kept(retry=True).piece("a", lambda: {"value": 2})["value"] == 2
    assert "out_of_memory" in kept(retry=True).piece("b", lambda: {"value": 2})  # is a result


def test_a_piece_ends_with_the_time_of_the_step(kept, pieces, monkeypatch, tmp_path):
    monkeypatch.setattr(pieces, "LEAST_SECONDS", 0.05)

    def long():
        try:
            time.sleep(30)
        except Exception:  # such as a compiler's, which may not keep the step from ending
            time.sleep(30)

    step, before = kept(minutes=0.3 / 60), time.monotonic()
    assert step.piece("a", long)["stopped"] == "the step's time was over"
    assert time.monotonic() - before < 5
    assert step.piece("b", lambda: {"value": 1})["stopped"] == "not begun"
    assert list(rows(tmp_path / "step.json")) == ["a"]
    assert kept().piece("b", lambda: {"value": 1})["value"] == 1


def test_another_device_or_step_is_refused(kept):
    kept().piece("a", lambda: {"value": 1})
    other = {"hardware": {"processor": "this", "gpu": "GPU B"}}
    with pytest.raises(InputError, match=r"found results of GPU A in .*, this is GPU B: give"):
        kept(session=other)
    with pytest.raises(InputError, match="found other settings in"):
        kept(about=(("step", "t"),))


@pytest.mark.parametrize("minutes", [0, -1, 10.5, float("nan")])
def test_a_step_has_ten_minutes_at_most(gpu, minutes):
    with pytest.raises(InputError, match="wanted more than 0, at most 10"):
        gpu.main(["speed", "--minutes", str(minutes), "--device", "cpu"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("step", [["speed"], ["equal"], ["train", "tiny", "--data", "x"]])
def test_without_a_gpu_one_line_says_so(gpu, step, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run_command(lambda: gpu.main([*step, "--out", str(tmp_path / "gpu")]))
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "error: found no CUDA device, wanted one: use --device cpu or auto\n"
    )
    assert not (tmp_path / "gpu").exists()


def speed(gpu, out, *more):
    options = ["--presets", "tiny", "--seconds", "0", "--device", "cpu", "--out", str(out)]
    return gpu.main(["speed", *options, *more])


def test_speed_is_measured_and_kept(gpu, tmp_path, monkeypatch):
    variants = ["--variants", "as recommended", "CUDA graphs"]
    assert speed(gpu, tmp_path, "--batch", "2", *variants) == 0
    content = json.loads((tmp_path / "speed-tiny.json").read_text())
    found = content["rows"]
    assert list(found) == ["as recommended, batch 2"]  # graphs need a GPU
    for row in found.values():
        assert row["images_per_second"] > 0
        assert row["flops_per_second"] == pytest.approx(
            content["about"]["flops_per_picture"] * row["images_per_second"]
        )
        assert row["share_of_bf16_peak"] is None  # no GPU
    (session,) = content["sessions"]
    assert session["command"].startswith("python benchmarks/gpu.py speed --presets tiny")
    assert {"libraries", "hardware", "driver", "git"} <= session.keys()
    monkeypatch.setattr(gpu.bench_train, "measure", None)
    assert speed(gpu, tmp_path, "--batch", "2", *variants) == 0
    assert rows(tmp_path / "speed-tiny.json") == found


def test_operations_are_those_that_a_step_does(gpu):
    from sr3.machine.memory import requirement
    from sr3.networks.presets import PRESETS

    base = gpu.bench_train.base_of("tiny", 2, CPU)
    batch = gpu.bench_train.random_batch(2, PRESETS["tiny"].resolution, CPU)
    with sdpa_kernel(SDPBackend.MATH):  # the CPU's fused kernel is not counted
        counted = gpu.bench_train.flops_of_step(Trainer(base, World(CPU)), batch) / 2
    assert requirement(PRESETS["tiny"], 2).flops == counted


def test_a_batch_that_does_not_fit_is_halved_and_told(gpu, tmp_path, monkeypatch):
    def measure(base, _options, variant, batch, *_):
        if len(batch.positions) > 2:
            full()
        return {"variant": variant, "precision": "bf16", "images_per_second": 3.0}

    monkeypatch.setattr(gpu.bench_train, "measure", measure)
    monkeypatch.setattr(gpu, "requirement", lambda *_: SimpleNamespace(flops=6))
    speed(gpu, tmp_path, "--batch", "8", "--variants", "as recommended", "compile")
    found = rows(tmp_path / "speed-tiny.json")
    assert [(name, "out_of_memory" in row) for name, row in found.items()] == [
        ("as recommended, batch 8", True), ("as recommended, batch 4", True),
        ("as recommended, batch 2", False), ("compile, batch 2", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("memory", "batch"), [(0, 1), (5, 1), (20, 2), (90, 16), (800, 128), (1e9, 256)]
)
def test_the_first_batch_is_a_power_of_two_that_should_fit(gpu, memory, batch):
    need = SimpleNamespace(batch=lambda room, recompute: int(room * 0.9 // 5))
    assert gpu.largest(need, memory) == batch


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12), ("NVIDIA L40S", 362e12), ("NVIDIA L4", 121e12),
        ("NVIDIA L40", None), ("Tesla T4", None),
    ],
)  # fmt: skip
def test_peaks_go_by_the_devices_name(gpu, name, peak):
    assert gpu.peak_of(name, None) == peak
    assert gpu.peak_of(name, 500) == 500e12


def test_the_cpu_equals_itself_and_bf16_differs_a_little(gpu, tmp_path):
    from tiny_weights import upscaler

    for task in ("sr3", "regression"):
        weights = upscaler(tmp_path / f"{task}.safetensors", task=task)
        options = ["--weights", str(weights), "--pictures", "2", "--device", "cpu"]
        assert gpu.main(["equal", *options, "--out", str(tmp_path)]) == 0
        found = rows(tmp_path / f"equal-{task}.json")
        assert list(found) == ["float32", "bf16"]
        for row in found.values():
            assert row["noise_equal"]
            assert row["network"]["equal"]
            assert row["samples"]["max"] == row["samples"]["max_of_255"] == 0
        off = found["bf16"]["of_float32"]
        assert off == found["bf16"]["cpu_of_float32"]
        assert 0 < off["network"]["rms_relative"] < 0.05


def test_differences_are_measured(gpu):
    wanted = torch.tensor([[1.0, -4.0], [0.0, 2.0]])
    found = wanted + torch.tensor([[0.0, 0.5], [0.0, -0.1]])
    told = gpu.difference(found, wanted)
    assert not told["equal"]
    assert told["max"] == pytest.approx(0.5)
    assert told["max_relative"] == pytest.approx(0.5 / 4)
    assert told["rms_relative"] == pytest.approx((0.26 / 21) ** 0.5, rel=1e-5)
    pictures = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    pictures[0][0, 0, 0, 0] = 1.0
    assert gpu.levels(*pictures) == {"max_of_255": 127, "share_that_differs": 1 / 12}


def test_a_piece_of_training_is_sr3_train_and_is_kept(gpu, tmp_path, monkeypatch):
    calls, codes = [], [75, -15, 0]

    def piece(command, folder, _deadline):
        calls.append(train.run_of(train.parse(command[3:])))
        assert command[1:3] == ["-m", "sr3.train"]
        assert folder == tmp_path / "runs" / "tiny"
        return {"exit_code": codes[len(calls) - 1]}

    monkeypatch.setattr(gpu, "piece_of_training", piece)
    words = ["train", "tiny", "--data", "a", "--data", "b", "--runs", str(tmp_path / "runs")]
    words += ["--out", str(tmp_path), "--device", "cpu", "--", "--set", "steps=7", "--keep", "3"]
    assert [gpu.main(words) for _ in codes] == [75, 75, 0]
    assert calls[0] == calls[2]
    assert (calls[0].config.steps, calls[0].options.keep, calls[0].device) == (7, 3, "cpu")
    assert (calls[0].data, calls[0].out) == ([Path("a"), Path("b")], tmp_path / "runs" / "tiny")
    found = rows(tmp_path / "train-tiny.json")
    assert [row["exit_code"] for row in found.values()] == codes
    assert list(found) == ["piece 1", "piece 2", "piece 3"]


def test_a_piece_tells_the_last_of_every_number_in_the_log(gpu, tmp_path):
    assert gpu.progress(tmp_path) == {}
    lines = [
        '{"step": 1, "train/loss": 0.5, "train/images_per_second": 8, "train/learning_rate": 1}',
        '{"step": 1, "validation/psnr": 20.5}', '{"step": 2, "train/loss": 0.25}', '{"step": 3, "t',
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    assert gpu.progress(tmp_path) == {
        "train/loss": 0.25, "train/images_per_second": 8, "validation/psnr": 20.5,
    }  # fmt: skip


SLOW = """
import signal, sys, time, pathlib
folder = pathlib.Path(sys.argv[1]) / "states"
folder.mkdir(parents=True, exist_ok=True)
def stop(*_):
    (folder / "step-00000007.safetensors").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, {handler})
(folder / "step-00000003.safetensors").touch()
time.sleep(60)
"""


@pytest.mark.parametrize(("handler", "code", "step"), [("stop", 75, 7), ("signal.SIG_IGN", -9, 3)])
def test_a_training_ends_with_the_time_of_the_step(
    gpu, pieces, tmp_path, monkeypatch, handler, code, step
):
    monkeypatch.setattr(gpu, "SAVING", 1.5)
    command = [sys.executable, "-c", SLOW.format(handler=handler), str(tmp_path)]
    before, deadline = time.monotonic(), pieces.Deadline(2.5 / 60)
    row = gpu.piece_of_training(command, tmp_path, deadline)
    assert time.monotonic() - before < 20
    assert (row["exit_code"], row["from_step"], row["to_step"]) == (code, 0, step)


def test_a_training_that_is_refused_is_no_piece(gpu, tmp_path, pieces):
    command = [sys.executable, "-c", "import sys; sys.exit(2)"]
    with pytest.raises(InputError, match=r"sr3\.train refuses"):
        gpu.piece_of_training(command, tmp_path, pieces.Deadline(1))


def test_the_page_names_commands_and_options_that_there_are(gpu):
    lines = [x for b in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for x in b.splitlines()]
    commands = [shlex.split(x.partition("gpu.py ")[2], comments=True) for x in lines]
    assert {gpu.parse(words).step for words in commands} == {"speed", "equal", "train"}
    for words in commands:
        gpu.Deadline(gpu.parse(words).minutes)
    for name in (*gpu.SIZES, *gpu.VARIANTS, *gpu.WEIGHTS):
        assert f"`{name}`" in PAGE
