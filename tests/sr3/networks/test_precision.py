"""Which format networks run in, by device and by what was asked for."""

import json
import platform

import pytest
import torch

from baselines.protocol import SystemOptions
from baselines.shared.trained import trained
from sr3 import train
from sr3.base.errors import InputError
from sr3.machine.processes import World
from sr3.networks import precision
from sr3.training import config, trainer

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch):
    """Makes PyTorch tell of a processor with the given capabilities."""

    def make(machine="x86_64", onednn=False, **told):
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
        for query in precision.OLDER_QUERIES:
            monkeypatch.setattr(torch.cpu, query, lambda: False, raising=False)
        operations = type("Operations", (), {"_is_mkldnn_bf16_supported": lambda: onednn})
        monkeypatch.setattr(torch.ops, "mkldnn", operations, raising=False)

    return make


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_instructions_for_bf16_make_it_the_default(processor, name):
    processor(avx2=True, architecture="any", **{name: True})
    assert precision.resolve("auto", CPU) == "bf16"
    processor(avx2=True, architecture="any", **{name: False})
    assert precision.resolve("auto", CPU) == "float32"


def test_onednn_is_believed_on_arm_and_not_where_avx512_emulates(processor):
    processor(machine="aarch64", onednn=True)
    assert precision.has_bf16(CPU)
    processor(machine="x86_64", onednn=True, avx512_f=True)
    assert not precision.has_bf16(CPU)


def test_a_pytorch_without_any_query_takes_float32(processor, monkeypatch):
    processor(machine="aarch64")
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    for query in precision.OLDER_QUERIES:
        monkeypatch.delattr(torch.cpu, query)
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert precision.resolve("auto", CPU) == "float32"


@pytest.mark.parametrize("own", [True, False])
def test_a_gpu_is_asked_for_its_own_arithmetic(monkeypatch, own):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or own
    )
    assert precision.has_bf16("cuda:1") is own


@pytest.mark.parametrize("wanted", ["bf16", "float32"])
def test_what_was_asked_for_is_taken(processor, wanted):
    processor(avx512_bf16=wanted == "float32")
    assert precision.resolve(wanted, CPU) == wanted


@pytest.mark.parametrize(("has", "name"), [(True, "bf16"), (False, "float32")])
def test_a_system_s_provenance_names_what_it_ran_in(processor, has, name):
    processor(avx512_bf16=has)
    system = trained("sr3", "", SystemOptions(weights="face8x", scale=8))
    assert system.provenance["precision"] == name


@pytest.mark.parametrize(("has", "name"), [(True, "bf16"), (False, "fp32")])
def test_a_run_starts_in_what_the_processor_has(processor, has, name):
    assert config.build(config.read_recipe("face8x-sr3"), []).precision == "auto"
    processor(avx512_bf16=has)
    made = config.build(config.read_recipe("tiny"), ["precision=auto"])
    assert trainer.Trainer(made, World(CPU)).config.precision == name


def test_a_run_begun_elsewhere_keeps_its_precision_and_says_it_is_slow(
    processor, faces, tmp_path, capsys
):
    out = tmp_path / "run"
    changes = ["steps=1", "sample_steps=1", "precision=auto"]
    command = ["tiny", "--data", str(faces), "--out", str(out), "--device", "cpu",
               "--logger", "none", *(x for s in changes for x in ("--set", s))]  # fmt: skip
    processor(avx512_bf16=True)
    assert train.main(command) == 0
    assert json.loads((out / "config.json").read_text())["precision"] == "bf16"
    assert "slow:" not in capsys.readouterr().out
    processor(avx512_bf16=False)
    assert train.main(command) == 0
    assert json.loads((out / "config.json").read_text())["precision"] == "bf16"
    assert capsys.readouterr().out.count("slow: the run is in bf16") == 1
    with pytest.raises(InputError, match="differing: precision"):
        train.main([*command, "--set", "precision=fp32"])
