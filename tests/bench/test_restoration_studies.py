"""From a run of a restoration suite to a trial: what stands in the middle, and its words."""

import io
import json
import shutil

import numpy as np
import pytest
from person import Person
from PIL import Image
from tiny_study import KEYS, Clock, make_study, tiny_study

from bench import run, study
from bench.images.hr import open_set, read_hr
from bench.images.pixels import to_batch
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError
from sr3.degradations.protocol import LOOKS
from twoafc_server.base.errors import InputError as TwoafcError
from twoafc_server.design.stimuli import INPUTS, read_stimuli
from twoafc_server.texts import catalogue
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.settings import Limits, Settings

SIDE, GAP = 128, 16
SUITES = {
    "colorize": ("gray", "the gray image", "without its colours"),
    "inpaint": ("holes", "the incomplete image", "with parts missing"),
    "deblur": ("blurred", "the blurred image", "a blurred image"),
    "jpeg": ("compressed", "the compressed image", "strong compression"),
    "real4x": ("low_resolution", "the low resolution image", "small, coarse image"),
}


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    """Makes the stimuli of a suite: one test image, one for practice and one for catch trials."""
    out = tmp_path_factory.mktemp("studies")

    def make(name):
        if (out / name).exists():
            return out / name
        run.main(["--suite", name, "--systems", "input", "--metrics", "psnr", "--limit", "3",
                  "--device", "cpu", "--out", str(out / "runs")])  # fmt: skip
        study.main(["--run", str(out / "runs" / name), "--systems", "input", "--images", "1",
                    "--practice", "1", "--catch", "1", "--out", str(out / name)])  # fmt: skip
        return out / name

    return make


@pytest.fixture
def person(tmp_path):
    """Serves task 1 of a stimulus folder to somebody."""
    apps = []

    def serve(folder, **sections):
        design = {"tasks": ["task1"], "images": 1, "images_per_participant": 1}
        clock, url = Clock(), f"sqlite:///{tmp_path / 'study.db'}"
        make_study(url, tiny_study(design=design, **sections), folder, clock).dispose()
        app = create_app(Settings(url, KEYS, secure=False, limits=Limits(enabled=False),
                                  clock=clock))  # fmt: skip
        apps.append(app)
        return Person(app, "somebody", clock)

    yield serve
    for app in apps:
        app.extensions["twoafc_engine"].dispose()


def middle_of(person, trial):
    """The picture in the middle of a trial's composite, (H, W, 3), and the two beside it."""
    shown = np.asarray(Image.open(io.BytesIO(person.client.get(trial["image"]).data)))
    assert shown.shape == (SIDE, 3 * SIDE + 2 * GAP, 3)
    assert (shown[:, SIDE : SIDE + GAP] == 128).all()
    step = SIDE + GAP
    return shown[:, step : step + SIDE], shown[:, :SIDE], shown[:, 2 * step :]


def wanted_of(suite, folder, trial_pictures):
    """What the suite's systems were given for the image whose HR is in the trial, enlarged."""
    named = load_suite(suite)
    images = open_set(named, limit=3)
    for item in images.items:
        hr = read_hr(item)
        if any(np.array_equal(hr, picture) for picture in trial_pictures):
            lr = images.lr.shown([None], to_batch([hr]), named.suite.scale)
            lr = lr[0].permute(1, 2, 0).numpy()
            return hr, np.kron(lr, np.ones((SIDE // len(lr),) * 2 + (1,), np.uint8))
    raise AssertionError("no true image in the trial")


@pytest.mark.parametrize("name", SUITES)
def test_somebody_sees_the_degraded_picture_in_the_middle_and_ends_with_a_code(
    name, stimuli, person
):
    look, named, described = SUITES[name]
    folder = stimuli(name)
    assert json.loads((folder / "manifest.json").read_text())["input"] == look
    who = person(folder, platform={"codes": {"completed": "CODE-1"}})
    who.arrive()
    who.consent()
    instructions = who.pass_device().text
    who.open_trials()
    phases = 0
    while (trial := who.next())["state"] == "trial":
        middle, left, right = middle_of(who, trial)
        hr, wanted = wanted_of(name, folder, (left, right))
        assert np.array_equal(middle, wanted)
        assert not np.array_equal(middle, hr)
        assert named in trial["question"]
        assert who.do(trial).status_code == 200
        phases += 1
    assert phases == 3  # practice, test and catch
    assert described in instructions
    end = who.client.get("/session", follow_redirects=True).text
    assert "CODE-1" in end
    assert ("super-resolution" in end) == (look == "low_resolution")


def test_gray_has_no_colour_holes_are_checked_and_blur_keeps_its_size(stimuli):
    def inputs(name):
        folder = read_stimuli(stimuli(name))
        return [np.asarray(Image.open(io.BytesIO(folder.pictures[s.lr]))) for s in folder.stimuli]

    assert all((lr == lr[..., :1]).all() for lr in inputs("colorize"))
    for lr in inputs("inpaint"):  # holes stand out from the page, whose gray is 128
        assert 0.02 < (np.isin(lr, (96, 160)).all(axis=2)).mean() < 0.8
        assert (lr == 128).all(axis=2).mean() < 0.001
    assert {lr.shape for lr in inputs("deblur")} == {(SIDE, SIDE, 3)}
    assert {lr.shape for lr in inputs("real4x")} == {(SIDE // 4, SIDE // 4, 3)}


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_kind_of_input_has_words_in_every_language(language):
    assert set(LOOKS) == set(INPUTS)
    protocol = tiny_study()
    for look in INPUTS:
        texts = catalogue.resolve(protocol, language, look)
        assert not [key for key in texts if key.startswith(catalogue.INPUT)]
        told = [texts[f"instructions.{what}"] for what in ("task1", "models")]
        told += [texts["trial.question_task1"], texts["end.debrief"], texts["end.debrief_models"]]
        assert not any(field in text for text in told for field in ("{middle", "{named", "{made"))
    assert len({catalogue.resolve(protocol, language, k)["end.debrief"] for k in INPUTS}) == 7


def test_low_resolution_keeps_its_words_and_a_study_may_have_its_own():
    own = {"trial.question_task1": "Which one?", "input_gray.named": "photograph"}
    plain = catalogue.resolve(tiny_study(texts=own))
    assert plain["trial.question_task1"] == "Which one?"
    question = catalogue.resolve(tiny_study(texts={"input_gray.named": "photograph"}), "", "gray")
    assert question["trial.question_task1"].endswith(
        "colour version of the photograph in the middle?"
    )
    assert catalogue.resolve(tiny_study())["trial.question_task1"] == (
        "Which of the two images is a better high quality version of the low resolution image in "
        "the middle?"
    )


def test_an_unknown_kind_of_input_is_refused(stimuli, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(stimuli("colorize"), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"input": "wet"}))
    with pytest.raises(TwoafcError, match="found input 'wet', wanted one of low_resolution, gray"):
        read_stimuli(folder)


def test_pictures_of_several_sizes_make_no_study(tmp_path):
    for side in (64, 80, 64):
        pixels = np.random.default_rng(side).integers(0, 256, (side, 64, 3), dtype=np.uint8)
        (tmp_path / "data").mkdir(exist_ok=True)
        name = f"{len(list((tmp_path / 'data').iterdir()))}.png"
        Image.fromarray(pixels).save(tmp_path / "data" / name)
    told = ["--suite", "real4x", "--systems", "bicubic", "--metrics", "psnr", "--device", "cpu"]
    run.main([*told, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")])
    with pytest.raises(InputError, match="2 sizes, 64x64 and 64x80 among them"):
        study.main(["--run", str(tmp_path / "runs/real4x"), "--systems", "bicubic", "--practice",
                    "1", "--catch", "1", "--data", str(tmp_path / "data"),
                    "--out", str(tmp_path / "out")])  # fmt: skip
    assert not (tmp_path / "out").exists()
