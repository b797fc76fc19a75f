"""Foreign outputs, manifests, presets and public checkpoints as rows of a run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.foreign.imported import open_import
from baselines.foreign.presets import PRESETS, preset_of
from baselines.foreign.public import load_public
from baselines.protocol import SystemOptions
from bench.doctor.examination import CHECKS
from bench.records.record import read_images, read_record
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import import_guarded

NAMED = ("esrgan", "srflow", "pulse", "fsrgan", "enhancenet", "rcan", "drcn", "fsrcnn", "psyco")
OPTIONS = SystemOptions(weights=None, scale=4)


@pytest.fixture
def config(images, suite, tmp_path):
    return RunConfig(suite=suite, data=images(), systems=("bicubic",), out=tmp_path / "runs")


@pytest.fixture
def foreign(config, tmp_path):
    """Outputs of another program: HR with a little noise, under the same names."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for path in config.data.glob("*.png"):
        noisy = np.asarray(Image.open(path)).astype(int) + rng.integers(-9, 10, (32, 32, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / path.name)
    return folder


def start(config):
    return runner.run(plan(config), say=lambda line: None)


def network(path, scale=4):
    """A small ESRGAN in its own file format, random weights."""
    arch = import_guarded("spandrel.architectures.ESRGAN.__arch.RRDB")
    torch.manual_seed(0)
    net = arch.RRDBNet(in_nc=3, out_nc=3, num_filters=4, num_blocks=1, scale=scale)
    torch.save(net.state_dict(), path)
    return net.eval()


def test_a_folder_is_measured_under_its_name(config, foreign):
    result = start(replace(config, imports={"esrgan": foreign}))
    record = read_record(result.folder / "esrgan.json")
    assert record.role == "imported"
    assert "ECCV Workshops 2018" in record.source
    assert record.provenance["licence"] == "Apache-2.0"
    _, values = read_images(result.folder, "esrgan")
    hr, sr = (np.asarray(Image.open(f / "p0.png")).astype(float) for f in (config.data, foreign))
    assert values["psnr"][0] == pytest.approx(10 * np.log10(255**2 / ((hr - sr) ** 2).mean()))
    assert not (result.folder / "images/esrgan").exists(), "imported files are not copied"


def test_outputs_are_paired_by_stem_not_by_order(config, foreign):
    before = read_images(start(replace(config, imports={"x": foreign})).folder, "x")[1]["psnr"]
    for path in list(foreign.glob("*.png")):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    Image.new("RGB", (32, 32)).save(foreign / "a_first_extra.bmp")
    after = read_images(start(replace(config, imports={"x": foreign})).folder, "x")[1]["psnr"]
    np.testing.assert_array_equal(before, after)


def test_a_missing_output_is_named_before_anything_is_measured(config, foreign):
    (foreign / "p3.png").unlink()
    with pytest.raises(InputError, match=r"1 missing by stem.*\(p3\).*bench\.check"):
        start(replace(config, imports={"x": foreign}))
    assert not (config.out / "tiny/bicubic.json").exists()


def test_another_size_is_never_resized_silently(config, foreign):
    Image.new("RGB", (64, 64)).save(foreign / "p3.png")
    with pytest.raises(InputError, match=r"found 1 of 64x64, wanted 32x32"):
        start(replace(config, imports={"x": foreign}))


def test_the_doctor_refuses_and_acceptance_is_recorded(config, foreign):
    for path in foreign.glob("*.png"):
        Image.fromarray(np.asarray(Image.open(path))[..., ::-1].copy()).save(path)
    said = []
    with pytest.raises(InputError, match=r"unfit for system x.*--accept .*channels"):
        runner.run(plan(replace(config, imports={"x": foreign})), say=said.append)
    assert any("channels" in line for line in said)
    result = start(replace(config, imports={"x": foreign}, accept=CHECKS))
    doctor = read_record(result.folder / "x.json").provenance["doctor"]
    assert "channels" in doctor["accepted"]
    assert "channels" in doctor["findings"]


def test_a_manifest_says_more(tmp_path, foreign):
    manifest = tmp_path / "mine.toml"
    manifest.write_text('folder = "foreign"\ncitation = "Doe 2026"\nmade = "by hand"\n')
    opened = open_import("mine", manifest)
    assert opened.folder.samefile(foreign)
    assert (opened.citation, opened.made, opened.licence) == ("Doe 2026", "by hand", "not given")
    (foreign / "system.toml").write_text('licence = "MIT"\n')
    assert open_import("esrgan", foreign).licence == "MIT"
    assert "Wang" in open_import("esrgan", foreign).citation


@pytest.mark.parametrize(
    ("text", "said"), [("colour = 1", "unknown fields colour"), ("folder =", "no readable man")]
)
def test_a_broken_manifest_is_refused(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        open_import("mine", tmp_path / "mine.toml")


def test_nothing_at_the_path(tmp_path):
    with pytest.raises(InputError, match="wanted a folder of outputs or a manifest"):
        open_import("x", tmp_path / "nowhere")


def test_the_named_systems_have_presets_with_citation_and_licence():
    assert set(NAMED) <= set(PRESETS)
    for preset in PRESETS.values():
        assert preset.citation
        assert preset.home
        assert preset.licence
    assert preset_of("Real-ESRGAN") is PRESETS["realesrgan"]
    assert preset_of("unheard of") is None


def test_a_public_checkpoint_runs_and_is_cached(config, tmp_path, monkeypatch):
    net = network(tmp_path / "small.pth")
    chosen = replace(config, imports={"esrgan": tmp_path / "small.pth"})
    result = start(chosen)
    record = read_record(result.folder / "esrgan.json")
    assert record.provenance["architecture"] == "ESRGAN"
    assert len(record.checkpoint_sha256) == 64
    from bench.images.pixels import make_lr, to_batch, to_model_range
    from sr3.pictures.images import to_uint8

    hr = to_batch([np.asarray(Image.open(config.data / "p0.png"))])
    with torch.inference_mode():
        expected = net(to_model_range(make_lr(hr, 4)) / 2 + 0.5) * 2 - 1
    made = np.asarray(Image.open(result.folder / "images/esrgan/p0.png")).astype(int)
    assert np.abs(made - to_uint8(expected)[0]).max() <= 1
    monkeypatch.setattr("bench.images.outputs.run_system", lambda *_: pytest.fail("made again"))
    start(chosen)


def test_a_checkpoint_of_another_scale_or_kind_is_refused(tmp_path):
    network(tmp_path / "x2.pth", scale=2)
    with pytest.raises(InputError, match=r"found scale 2 .*wanted 4"):
        load_public("x", tmp_path / "x2.pth", OPTIONS, import_guarded)
    torch.save({"no": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="found no network that spandrel knows"):
        load_public("x", tmp_path / "other.pth", OPTIONS, import_guarded)
    with pytest.raises(InputError, match="found no checkpoint"):
        load_public("x", tmp_path / "none.pth", OPTIONS, import_guarded)


def test_the_classification_protocol_runs_models_at_their_own_size(tmp_path):
    """Paper, Table 4: 56 -> 64, the 64 -> 256 model, 256 -> 224."""
    from bench.images.outputs import Job, run_system
    from bench.suites.protocol import load_suite
    from sr3.pictures.resize import resize, upsample

    class Model:
        name, source, scale, provenance = "sr3", "test", 4, {}

        def upscale(self, lr, generators):
            assert lr.shape[-2:] == (64, 64)
            return upsample(lr, 4)

    suite = load_suite("natural4x-cls").suite
    from bench.images.hr import Item

    item = Item("a", tmp_path / "a.png", "0" * 64, size=(224, 224))
    lr = torch.randint(0, 256, (1, 3, 56, 56), dtype=torch.uint8)
    job = Job(Model(), suite, tmp_path, 0, 1, "cpu")
    sr = run_system(job, lr, [item])
    assert sr.shape == (1, 3, 224, 224)
    model_input = resize(lr.float() / 127.5 - 1, (64, 64))
    torch.testing.assert_close(sr, resize(upsample(model_input, 4), (224, 224)))
    plain = Model()
    plain.name = "bicubic"
    plain.upscale = lambda lr, generators: upsample(lr, 4)
    assert run_system(replace(job, system=plain), lr, [item]).shape == (1, 3, 224, 224)


@pytest.mark.parametrize("name", ["face8x", "face8x-hr", "natural4x", "natural4x-cls"])
def test_every_suite_loads_with_known_parts(name):
    from pathlib import Path

    from baselines.protocol import names
    from bench.metrics.protocol import metric_names
    from bench.records.published import load_table
    from bench.suites.protocol import load_suite

    named = load_suite(name)
    assert named.name == name
    assert set(named.suite.systems) <= set(names())
    assert set(named.suite.metrics) <= set(metric_names())
    if named.suite.paper_table:
        assert load_table(named.suite.paper_table).suite == name
    module = Path(__file__).parents[3] / f"bench/suites/{name.replace('-', '_')}.py"
    assert f"python -m bench.run --suite {name}" in module.read_text()
