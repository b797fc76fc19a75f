"""A pipeline of diffusers as a row of a run: made by seed, measured, found again."""

import pytest
from tiny_pipelines import latent_diffusion

from bench import run
from bench.records.record import read_record
from sr3.base.errors import InputError


def test_a_folder_of_a_pipeline_is_a_row(suite, images, tmp_path):
    folder, hr = latent_diffusion(tmp_path / "ldm"), images(n=3)
    told = ["--suite", suite, "--data", str(hr), "--systems", "bicubic", "--steps", "2"]
    told += ["--system", f"ldm={folder}", "--metrics", "psnr"]
    scores = []
    for out, batch in (("one", "1"), ("two", "3"), ("two", "3")):
        assert run.main([*told, "--out", str(tmp_path / out), "--batch-size", batch]) == 0
        record = read_record(tmp_path / out / "tiny" / "ldm.json")
        scores.append(record.metrics["psnr"].value)
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    assert scores[1] == scores[2]
    assert record.status == "ok"
    assert record.provenance["pipeline"] == "LDMSuperResolutionPipeline"
    assert record.steps == 2
    assert record.checkpoint_sha256


def test_a_wrong_folder_is_one_line(suite, images, tmp_path):
    (tmp_path / "ldm" / "scheduler").mkdir(parents=True)
    told = ["--suite", suite, "--data", str(images()), "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match=r"found no model_index\.json in"):
        run.main([*told, "--system", f"ldm={tmp_path / 'ldm'}"])
