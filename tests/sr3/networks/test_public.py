"""The public SR3 checkpoints: recognised, derived, and equal to what their own program computes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import sr3
from sr3.base.errors import InputError
from sr3.diffusion import samplers, schedule
from sr3.networks import checkpoint, public_json, public_weights
from sr3.networks.description import describe
from sr3.networks.public import PublicConfig, PublicUNet

BESIDE = Path(__file__).parents[4] / "shared"
MADE = Path(os.environ.get("BENCH_SHARED", BESIDE)) / "data/public-sr3"  # by their own program
NETWORKS = {
    "plain": PublicConfig(16, 8, (1, 2), 1, (), groups=4),
    "attention": PublicConfig(16, 8, (1, 2, 3), 2, (16, 4), groups=2),
    "affine": PublicConfig(16, 12, (1, 1), 1, (8,), groups=6, affine=True),
    "one level": PublicConfig(8, 4, (2,), 3, (8,), groups=1),
}


def json_of(config, **more):
    """The JSON that its program would have for a network."""
    schedules = {"schedule": "linear", "n_timestep": 8, "linear_start": 1e-4, "linear_end": 0.3}
    return {
        "model": {
            "which_model_G": "sr3",
            "unet": {
                "norm_groups": config.groups,
                "inner_channel": config.channels,
                "channel_multiplier": list(config.multipliers),
                "attn_res": list(config.attention_resolutions),
                "res_blocks": config.blocks,
            },
            "beta_schedule": {"train": schedules | {"n_timestep": 20}, "val": schedules},
            "diffusion": {"image_size": config.resolution},
        }
    } | more


@pytest.fixture
def stored(tmp_path):
    """A function that writes a network as its program would: gen.pth and config.json."""

    def write(config, told=True):
        torch.manual_seed(0)
        weights = {
            name: torch.randn_like(value) * 0.2
            for name, value in PublicUNet(config).state_dict().items()
        }
        content = {f"denoise_fn.{name}": value for name, value in weights.items()}
        torch.save(content | {"betas": torch.linspace(1e-4, 0.3, 20)}, tmp_path / "gen.pth")
        if told:
            (tmp_path / "config.json").write_text(json.dumps(json_of(config)))
        return tmp_path / "gen.pth", weights

    return write


def by_hand(weights, config, condition, y_t, root_gamma):
    """The network once more in plain matrix products, straight from the names in the file."""

    def conv(name, x, stride=1):
        weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
        size = weight.shape[-1]
        columns = F.unfold(x, size, padding=size // 2, stride=stride)
        out = weight.flatten(1) @ columns
        side = (x.shape[-2] // stride, x.shape[-1] // stride)
        out = out.unflatten(2, side)
        return out if bias is None else out + bias[:, None, None]

    def norm(name, x):
        grouped = x.reshape(len(x), config.groups, -1)
        variance = grouped.var(dim=2, keepdim=True, correction=0)
        unit = ((grouped - grouped.mean(dim=2, keepdim=True)) / (variance + 1e-5).sqrt()).view_as(x)
        return (
            unit * weights[f"{name}.weight"][:, None, None] + weights[f"{name}.bias"][:, None, None]
        )

    def block(name, x):
        x = norm(f"{name}.block.0", x)
        return conv(f"{name}.block.3", x * torch.sigmoid(x))

    def attend(name, x):
        q, k, v = conv(f"{name}.qkv", norm(f"{name}.norm", x)).flatten(2).chunk(3, dim=1)
        shares = torch.softmax(q.mT @ k / x.shape[1] ** 0.5, dim=2)
        return x + conv(f"{name}.out", (v @ shares.mT).view_as(x))

    def stage(name, x):
        inner = f"{name}.res_block"
        h = block(f"{inner}.block1", x)
        noise = linear(f"{inner}.noise_func.noise_func.0", embedded)[:, :, None, None]
        if noise.shape[1] == 2 * h.shape[1]:
            h = (1 + noise[:, : h.shape[1]]) * h + noise[:, h.shape[1] :]
        else:
            h = h + noise
        h = block(f"{inner}.block2", h)
        x = h + (conv(f"{inner}.res_conv", x) if f"{inner}.res_conv.weight" in weights else x)
        return attend(f"{name}.attn", x) if f"{name}.attn.norm.weight" in weights else x

    def linear(name, x):
        return x @ weights[f"{name}.weight"].mT + weights[f"{name}.bias"]

    half = config.channels // 2
    angles = root_gamma[:, None] * 10.0 ** (-4 * torch.arange(half, dtype=torch.float64) / half)
    embedded = linear("noise_level_mlp.1", torch.cat([angles.sin(), angles.cos()], dim=1))
    embedded = linear("noise_level_mlp.3", embedded * torch.sigmoid(embedded))
    x = conv("downs.0", torch.cat([condition, y_t], dim=1))
    skips, index = [x], 1
    while any(name.startswith(f"downs.{index}.") for name in weights):
        down = f"downs.{index}.conv"
        x = conv(down, x, stride=2) if f"{down}.weight" in weights else stage(f"downs.{index}", x)
        skips.append(x)
        index += 1
    x = stage("mid.1", stage("mid.0", x))
    index = 0
    while any(name.startswith(f"ups.{index}.") for name in weights):
        if f"ups.{index}.conv.weight" in weights:
            x = conv(f"ups.{index}.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        else:
            x = stage(f"ups.{index}", torch.cat([x, skips.pop()], dim=1))
        index += 1
    return block("final_conv", x)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_stored_network_is_read_back_and_computes_what_its_names_say(name, stored):
    config = NETWORKS[name]
    path, weights = stored(config)
    model = sr3.load(path)
    assert model.spec.unet == config
    assert model.spec.training_schedule == "linear:20:0.0001:0.3"
    assert (model.spec.sampler, model.spec.steps) == ("posterior", 8)
    draws = torch.randn(2, 2, 3, 16, 24, generator=torch.manual_seed(1)).clamp(-1, 1)
    roots = torch.tensor([0.3, 0.95], dtype=torch.float64)
    exact = by_hand({k: v.double() for k, v in weights.items()}, config, *draws.double(), roots)
    found = model.epsilon(*draws, roots**2)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 1e-5 * max(1, exact.abs().max())


@pytest.mark.skipif(not MADE.is_dir(), reason=f"no outputs of its own program at {MADE}")
@pytest.mark.parametrize("name", ["tiny", "attention"])
def test_its_own_program_s_outputs_are_met(name):
    model = sr3.load(MADE / name / "gen.pth", config=MADE / name / "config.json")
    given = {k: torch.from_numpy(v) for k, v in np.load(MADE / name / "arrays.npz").items()}
    found = model.epsilon(given["condition"], given["x"], given["sqrt_gamma"][:, 0] ** 2)
    assert (found - given["network_output"]).abs().max() < 1e-5
    noise = iter([given["start"], *given["noise"].flip(0)])
    condition = given["condition"][: len(given["start"])]

    def denoise(y_t, gamma):
        level = torch.full((len(y_t),), gamma, dtype=torch.float64)
        return model.model.predict_y0(condition, y_t, level).clamp(-1, 1)

    own = schedule.make(model.spec.extra["inference_schedule"])
    with torch.inference_mode():
        made = samplers.get(model.spec.sampler)(denoise, own, lambda: next(noise))
    assert (made - given["result"]).abs().max() < 1e-5


@pytest.mark.parametrize("name", list(samplers.INFO))
@pytest.mark.parametrize("steps", [None, 1, 3, 17])
def test_it_runs_under_every_sampler_with_any_number_of_steps(name, steps, stored):
    path, _ = stored(NETWORKS["plain"])
    made = sr3.load(path, scale=4).upscale(torch.zeros(3, 4, 6), sampler=name, steps=steps)
    assert made.shape == (3, 16, 24)
    assert made.isfinite().all()


def test_published_networks_need_no_json(stored, tmp_path):
    assert public_weights.PUBLISHED[64, (1, 2, 4, 8, 8), 2] == (32, 128)
    config = PublicConfig(128, 64, (1, 2, 4, 8, 8), 2, (16,), groups=32)
    with torch.device("meta"):
        names = PublicUNet(config).state_dict()
    told = public_weights.spec_of({}, names, tmp_path / "gen.pth")
    assert told.unet == config
    assert (told.scale, told.steps) == (8, 2000)
    assert told.training_schedule == "linear:2000:1e-06:0.01"


def test_a_json_may_have_comments_and_says_the_scale(stored):
    path, _ = stored(NETWORKS["plain"], told=False)
    sides = {"val": {"l_resolution": 4, "r_resolution": 16, "dataroot": "http://set"}}
    text = json.dumps(json_of(NETWORKS["plain"], datasets=sides), indent=1)
    text = text.replace('"attn_res": []', '"attn_res": [ // 16\n/* "no" */ ]').replace(
        "{", "{ // a comment", 1
    )
    file = path.with_suffix(".json")
    file.write_text(text)
    assert public_json.read(file)["datasets"] == sides
    assert sr3.load(path).scale == 4
    with pytest.raises(InputError, match=r"found scale 4 in the JSON of .*, wanted 8"):
        sr3.load(path, scale=8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"which_model_G": "ddpm"}, "found model 'ddpm' in config, wanted its 'sr3'"),
        ({"unet": {"norm_groups": 4, "inner_channel": 16}}, "found inner_channel 16 in"),
        ({"unet": {"norm_groups": 3}}, r"found 3 groups for \[8, 16\] channels"),
        ({"unet": {"norm_groups": "many"}}, "found an unusable value in config"),
        ({"diffusion": {"image_size": 15}}, "found image_size 15, wanted a multiple of 2"),
        ({"diffusion": {}}, "found no 'image_size' in config"),
        ({"beta_schedule": {"val": {"schedule": "jsd", "n_timestep": 9}}}, "schedule 'jsd'"),
        ({"beta_schedule": {}}, "found no 'val' in config"),
    ],
)  # fmt: skip
def test_a_json_that_does_not_fit_is_refused(change, message, stored):
    path, _ = stored(NETWORKS["plain"], told=False)
    told = json_of(NETWORKS["plain"])
    told["model"] |= change
    with pytest.raises(InputError, match=message):
        sr3.load(path, config=told)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "found damaged JSON in .*config.json"),
        ("[1]", "found a JSON list in .*config.json, wanted an object"),
        ("{}", "found no 'model' in .*config.json"),
        ("[" * 100_000, "found damaged JSON"),
        (" " * 1_000_001, "found 1000001 bytes in .*config.json, wanted a small JSON"),
    ],
)
def test_an_unreadable_json_is_refused(text, message, stored):
    path, _ = stored(NETWORKS["plain"])
    (path.parent / "config.json").write_text(text)
    with pytest.raises(InputError, match=message):
        sr3.load(path)


def spoil(content, kind):
    """A checkpoint gone wrong in one way."""
    first = "denoise_fn.downs.1.res_block.block1.block.3.weight"
    if kind == "huge":
        content[first] = torch.zeros(1).expand(10**6, 10**6, 3, 3)
    elif kind == "nan":
        content[first][0, 0, 0, 0] = torch.nan
    elif kind == "missing":
        del content[first]
    elif kind == "shape":
        content[first] = torch.zeros(8, 9, 3, 3)
    elif kind == "integer":
        content[first] = content[first].int()
    elif kind == "narrow":
        content["denoise_fn.downs.0.weight"] = torch.zeros(8, 3, 3, 3)
    elif kind == "optimiser":
        return {"epoch": 1, "iter": 2, "scheduler": None, "optimizer": {}}
    elif kind == "list":
        return [1, 2]
    elif kind == "code":
        return {"denoise_fn.noise_level_mlp.1.weight": PublicUNet}
    return content


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("huge", "found no plain tensor of numbers as denoise_fn.downs.1"),
        ("nan", "found values that are not finite"),
        ("missing", r"do not fit \(.*Missing key"),
        ("shape", r"do not fit \(.*size mismatch"),
        ("integer", "found no plain tensor of numbers"),
        ("narrow", "found 3 channels in and 3 out"),
        ("optimiser", "wanted the generator of the public SR3: give its gen.pth"),
        ("list", "found a list in"),
        ("code", "found no safe weights in"),
    ],
)
def test_wrong_weights_are_refused_in_one_line(kind, message, stored):
    path, _ = stored(NETWORKS["plain"])
    content = spoil(torch.load(path, weights_only=True), kind)
    torch.save(content, path)
    with pytest.raises(InputError, match=message) as caught:
        sr3.load(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_cut_or_too_large_are_refused(stored, tmp_path, monkeypatch):
    path, _ = stored(NETWORKS["plain"])
    with pytest.raises(InputError, match="found no readable weights at"):
        sr3.load(tmp_path / "none.pth")
    monkeypatch.setattr(public_weights, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="wanted at most"):
        sr3.load(path)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="found no safe weights in"):
        sr3.load(path)


def test_an_unknown_network_asks_for_its_json(stored):
    path, _ = stored(NETWORKS["plain"], told=False)
    with pytest.raises(InputError, match=r"found no JSON beside .*: name its JSON"):
        checkpoint.load_model(path)


def test_the_file_is_explained(stored):
    path, weights = stored(NETWORKS["plain"])
    told = describe(path)
    assert told["kind"] == "weights of the public SR3 re-implementation"
    assert told["values"] == f"{sum(w.numel() for w in weights.values()):,}"
    assert told["network"]["groups"] == 4
