import csv
import json

import pytest
import torch

from sr3 import export
from sr3.base.errors import InputError
from sr3.networks import checkpoint
from sr3.networks import start as starts
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS


@pytest.fixture
def weights(tmp_path):
    model = Model(ModelSpec(PRESETS["tiny"], "sr3", 4, "v", training_schedule="cosine:50"))
    path = tmp_path / "ema-0.05.safetensors"
    checkpoint.save_model(path, model.spec, model.network.state_dict(), {"step": 7}, half=False)
    return path


def test_export_halves_the_file_and_stamps_the_sampling_defaults(weights, tmp_path):
    out = tmp_path / "shipped.safetensors"
    arguments = ["--sampler", "ddim", "--steps", "5", "--schedule", "logsnr:*"]
    arguments += ["--temperature", "0.8", "--spread", "0.6"]
    assert export.main([str(weights), str(out), *arguments]) == 0
    assert out.stat().st_size < 0.6 * weights.stat().st_size
    model, original = checkpoint.load_model(out), checkpoint.load_model(weights)
    assert (model.spec.sampler, model.spec.steps) == ("ddim", 5)
    assert model.spec.extra == {"schedule": "logsnr:*", "temperature": 0.8, "spread": 0.6}
    for name, value in original.network.state_dict().items():
        torch.testing.assert_close(
            model.network.state_dict()[name], value, rtol=1e-3, atol=1e-6, msg=name
        )
    assert checkpoint.read_tensors(out).description["provenance"] == {"step": 7}


def test_curves_keep_every_logged_value(weights, tmp_path):
    lines = [{"step": 1, "train/loss": 0.5}, {"step": 2, "train/loss": 0.25, "rate": 3.0}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    out = tmp_path / "curves" / "run.csv"
    export.main([str(weights), str(tmp_path / "o.safetensors"), "--curves", str(out)])
    with out.open() as opened:
        rows = list(csv.DictReader(opened))
    found = [(r["step"], r["name"], r["value"]) for r in rows]
    assert found == [("1", "train/loss", "0.5"), ("2", "train/loss", "0.25"), ("2", "rate", "3")]


def test_a_training_state_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    checkpoint.write_tensors(path, {"network/x": torch.zeros(1)}, {"step": 3})
    with pytest.raises(InputError, match="training state"):
        checkpoint.export_model(path, tmp_path / "o.safetensors", None, None)
    assert not (tmp_path / "o.safetensors").exists()


def twin(folder, scale=4):
    model = Model(ModelSpec(PRESETS["tiny"], "regression", scale, "v"))
    path = folder / "twin.safetensors"
    checkpoint.save_model(path, model.spec, model.network.state_dict(), {}, half=False)
    return path


def test_a_start_is_stamped_in_and_found_where_the_file_lies(weights, tmp_path):
    twin(tmp_path)
    out = tmp_path / "shipped.safetensors"
    export.main([str(weights), str(out), "--start", "twin@-1"])
    model = checkpoint.load_model(out)
    assert model.spec.extra["start"] == "twin@-1"
    assert starts.find(model, out, None).path == tmp_path / "twin.safetensors"


@pytest.mark.parametrize(
    ("scale", "start", "said"),
    [(4, "none-such", "found start none-such"), (2, "twin", "found a start of scale 2")],
)
def test_a_start_that_does_not_fit_leaves_nothing(scale, start, said, weights, tmp_path):
    twin(tmp_path, scale)
    with pytest.raises(InputError, match=said):
        export.main([str(weights), str(tmp_path / "o.safetensors"), "--start", start])
    assert not (tmp_path / "o.safetensors").exists()


def test_a_file_instead_of_a_name_is_no_start_to_stamp_in(weights, tmp_path):
    path = twin(tmp_path)
    with pytest.raises(InputError, match="wanted the name"):
        export.main([str(weights), str(tmp_path / "o.safetensors"), "--start", str(path)])


def test_the_folder_for_diffusers_starts_at_noise(weights, tmp_path):
    with pytest.raises(InputError, match="starts at noise"):
        export.main(["--diffusers", str(weights), str(tmp_path / "o"), "--start", "twin"])
