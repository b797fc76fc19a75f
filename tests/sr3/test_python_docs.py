"""docs/python.md: its Python runs as it stands, and its shell commands name what there is."""

import json
import re
import shlex
from pathlib import Path

import torch
from PIL import Image

from bench import run
from sr3 import export, sample
from sr3.networks.public import PublicConfig, PublicUNet

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hr = sorted((ROOT / "bench/embedded/faces-rendered").glob("*.png"))[0]
    Image.open(hr).resize((16, 16), Image.Resampling.BICUBIC).save("face.png")
    torch.manual_seed(0)
    config = PublicConfig(128, 8, (1, 2), 1, (), groups=4)
    weights = {f"denoise_fn.{k}": v for k, v in PublicUNet(config).state_dict().items()}
    torch.save(weights, "I640000_E37_gen.pth")
    beta = {"schedule": "linear", "n_timestep": 2000, "linear_start": 1e-6, "linear_end": 1e-2}
    told = {
        "unet": {"norm_groups": 4},
        "beta_schedule": {"val": beta},
        "diffusion": {"image_size": 128},
    }
    Path("sr_sr3_16_128.json").write_text(json.dumps({"model": told}))
    names: dict[str, object] = {}
    for code in blocks("python"):
        exec(compile(code, "docs/python.md", "exec"), names)
    assert names["big"].size == (128, 128)
    assert names["noise"].shape == (1, 3, 128, 128)
    assert len(names["answers"]) == 2


PARSERS = {"sr3.sample": sample.parse, "sr3.export": export.parse, "bench.run": run.parse}


def test_the_commands_are_understood():
    for line in "".join(blocks("sh")).strip().splitlines():
        words = shlex.split(line)
        if words[1] == "-m":
            PARSERS[words[2]](words[3:])
        else:
            assert (ROOT / words[1]).is_file()
