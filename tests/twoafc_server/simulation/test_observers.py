"""The observers' truth is the truth, plans are balanced, and names fix answers."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from twoafc_server.__main__ import main
from twoafc_server.base.errors import InputError
from twoafc_server.cli.simulate import read_rates
from twoafc_server.formats.responses import HEADER
from twoafc_server.simulation.crowd import Crowd, fate
from twoafc_server.simulation.eye import Eye
from twoafc_server.simulation.forms import Page
from twoafc_server.simulation.numbers import answer, answered, draw_effects, simulate_cells
from twoafc_server.simulation.observers import (
    Observers,
    components,
    population_rate,
    solve_mu,
    spreads_from,
)
from twoafc_server.simulation.plans import Design, allocate
from twoafc_server.simulation.rows import Study, simulate_rows

POPULATIONS = [
    Observers(),
    Observers(participant_sd=1.5, image_sd=0.2, side_bias=0.7),
    Observers(participant_sd=0, image_sd=0, lapse=0.1),
    Observers(participant_sd=0.3, image_sd=1.2, lapse=0.05, side_bias=-0.4),
]


@pytest.mark.parametrize("observers", POPULATIONS)
@pytest.mark.parametrize("rate", [0.1, 0.474])
def test_simulated_answers_have_the_true_rate(observers, rate):
    rng = np.random.default_rng(0)
    mu = solve_mu(rate, observers)
    assert population_rate(mu, observers) == pytest.approx(rate)
    many = 400_000
    logit = mu + rng.normal(0, observers.participant_sd, many)
    logit += rng.normal(0, observers.image_sd, many)
    logit += observers.side_bias * rng.choice([-1, 1], many)
    chance = (1 - observers.lapse) / (1 + np.exp(-logit)) + observers.lapse / 2
    assert chance.mean() == pytest.approx(rate, abs=5 * chance.std() / np.sqrt(many) + 1e-9)


@pytest.mark.parametrize("observers", POPULATIONS)
def test_whole_studies_have_the_true_rate(observers):
    design = Design(20, 10, 20, 2)
    cells = simulate_cells((0.3, 0.5), observers, design, 300, np.random.default_rng(1))
    for found, rate in zip(cells, (0.3, 0.5), strict=True):
        error = found.rate.std() / np.sqrt(300)
        assert abs(found.rate.mean() - rate) < 4 * error


def test_components_add_up_and_lead_back_to_the_spreads():
    observers = Observers(participant_sd=0.7, image_sd=0.5)
    parts = components(0.3, observers)
    assert parts.participant + parts.image + parts.residual == pytest.approx(0.21)
    found = spreads_from(0.3, parts.participant, parts.image)
    assert found.participant_sd == pytest.approx(0.7, rel=1e-4)
    assert found.image_sd == pytest.approx(0.5, rel=1e-4)
    assert spreads_from(0.3, -0.01, parts.image).participant_sd == 0


def test_components_are_those_of_drawn_answers():
    observers = Observers(participant_sd=1.0, image_sd=0.6)
    rng = np.random.default_rng(0)
    mu = solve_mu(0.4, observers)
    people, images = rng.normal(0, 1.0, (3000, 1)), rng.normal(0, 0.6, (1, 3000))
    chance = 1 / (1 + np.exp(-(mu + people + images)))
    assert components(0.4, observers).participant == pytest.approx(
        chance.mean(axis=1).var(), rel=0.08
    )
    assert components(0.4, observers).image == pytest.approx(chance.mean(axis=0).var(), rel=0.08)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"participant_sd": -1}, "participant_sd -1"),
        ({"lapse": 1.5}, "lapse 1.5"),
        ({"shared": 2}, "shared 2"),
    ],
)
def test_impossible_observers_are_refused(wrong, message):
    with pytest.raises(InputError, match=f"found {message}"):
        Observers(**wrong)


def test_a_rate_below_the_lapses_is_refused():
    with pytest.raises(InputError, match="lapses are answered by a coin"):
        solve_mu(0.04, Observers(lapse=0.1))


@pytest.mark.parametrize(
    "design",
    [
        Design(50, 50, 100, 2, "between"),
        Design(12, 6, 9, 3, "between"),
        Design(12, 4, 12, 3, "within"),
        Design(10, 7, 7, 1, "between"),
    ],
)
def test_plans_are_balanced(design):
    plan = allocate(design, 3, np.random.default_rng(0))
    assert plan.image.shape == (3, design.everyone, design.trials_each)
    for study in range(3):
        for person in range(design.everyone):
            assert len(set(plan.image[study, person])) == design.trials_each
            lefts = plan.model_left[study, person].sum()
            assert abs(2 * lefts - design.trials_each) <= 1
            systems = np.bincount(plan.system[study, person], minlength=design.systems)
            assert set(systems[systems > 0]) == {design.trials}
        for system in range(design.systems):
            shown = np.bincount(plan.image[study][plan.system[study] == system])
            if design.kind == "between":
                assert shown.max() - shown.min() <= 1


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="nobody sees an image twice"):
        Design(10, 30, 50, 2, "within")


def test_those_who_abandon_leave_at_any_trial():
    design = Design(400, 10, 10)
    plan = allocate(design, 5, np.random.default_rng(0))
    reached = answered(plan, Observers(abandonment=0.4), np.random.default_rng(1))
    counts = reached.sum(axis=2)
    assert (counts < 10).mean() == pytest.approx(0.4, abs=0.04)
    assert set(counts[counts < 10]) == set(range(10))


def test_effects_of_systems_are_correlated_as_asked():
    design = Design(2000, 2, 4, 2, "within")
    rng = np.random.default_rng(0)
    effects = draw_effects((0.5, 0.5), Observers(shared=0.6), design, 1, rng)
    found = np.corrcoef(effects.participant[0].T)[0, 1]
    assert found == pytest.approx(0.6, abs=0.05)
    with pytest.raises(InputError, match="found 1 true rates"):
        draw_effects((0.5,), Observers(), design, 1, rng)


def test_a_side_bias_moves_answers_to_the_side():
    design = Design(200, 20, 20)
    observers = Observers(side_bias=1.0)
    rng = np.random.default_rng(0)
    plan = allocate(design, 1, rng)
    fooled = answer(plan, draw_effects((0.5,), observers, design, 1, rng), observers, rng)
    assert fooled[plan.model_left].mean() - fooled[~plan.model_left].mean() > 0.3


def test_rows_are_an_export():
    study = Study({"sr3": 0.4, "regression": 0.2}, "faces", "task1")
    design = Design(4, 6, 12, 2)
    rows = simulate_rows(study, Observers(), design, np.random.default_rng(0))
    assert tuple(rows.columns) == HEADER
    assert ((rows["side_model"] == rows["chose"]) == (rows["fooled"] == 1)).all()
    assert not rows.duplicated(["participant", "image"]).any()
    assert set(rows["system"]) == {"sr3", "regression"}
    again = simulate_rows(study, Observers(), design, np.random.default_rng(0))
    pd.testing.assert_frame_equal(rows, again)


def test_named_observers_have_the_true_rate_and_keep_to_their_answers():
    crowd = Crowd(Observers(side_bias=0.3), {"sr3": 0.35}, seed=4)
    answers = [
        crowd.chooses_model(f"bot{person}", f"image{image}", "sr3", (person + image) % 2 == 0)
        for person in range(60)
        for image in range(40)
    ]
    # Standard error of such a study at these spreads: about 2.6 points.
    assert np.mean(answers) == pytest.approx(0.35, abs=0.1)
    again = Crowd(Observers(side_bias=0.3), {"sr3": 0.35}, seed=4)
    assert again.chooses_model("bot7", "image3", "sr3", True) == answers[7 * 40 + 3]
    with pytest.raises(InputError, match="found system 'pulse'"):
        crowd.chooses_model("bot1", "image1", "pulse", True)


def test_fates_come_as_often_as_asked():
    crowd = Crowd(Observers(abandonment=0.3, double_arrival=0.2), {}, seed=1)
    fates = [fate(crowd, f"bot{number}", 10) for number in range(600)]
    left = [one.leaves_after for one in fates if one.leaves_after is not None]
    assert len(left) / 600 == pytest.approx(0.3, abs=0.06)
    assert set(left) == set(range(10))
    assert np.mean([one.comes_back for one in fates]) == pytest.approx(0.2, abs=0.05)


def composite(left, right):
    picture = Image.new("RGB", (16 * 2 + 4, 16), (128,) * 3)
    picture.paste(left, (0, 0))
    picture.paste(right, (20, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_eye_knows_what_it_sees(tmp_path):
    rng = np.random.default_rng(0)
    stimuli, pictures = [], {}
    for image in ("cat", "dog"):
        for what in ("hr", "sr3", "regression"):
            pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            pictures[image, what] = Image.fromarray(pixels)
            pictures[image, what].save(tmp_path / f"{image}-{what}.png")
        outputs = {system: f"{image}-{system}.png" for system in ("sr3", "regression")}
        stimuli.append({"image": image, "hr": f"{image}-hr.png", "outputs": outputs})
    (tmp_path / "manifest.json").write_text(json.dumps({"stimuli": stimuli}))
    panels = [(0, 0, 16, 16), (20, 0, 16, 16)]
    eye = Eye(tmp_path)
    sight = eye.look(composite(pictures["cat", "sr3"], pictures["cat", "hr"]), panels)
    assert (sight.image, sight.system, sight.left) == ("cat", "sr3", True)
    sight = eye.look(composite(pictures["dog", "hr"], pictures["dog", "regression"]), panels)
    assert (sight.image, sight.system, sight.left) == ("dog", "regression", False)
    models = Eye(tmp_path, "regression")
    pair = composite(pictures["cat", "regression"], pictures["cat", "sr3"])
    assert models.look(pair, panels).system == "sr3"
    with pytest.raises(InputError, match="not in the stimulus folder"):
        eye.look(composite(pictures["cat", "hr"], pictures["dog", "sr3"]), panels)
    with pytest.raises(InputError, match="no stimulus manifest"):
        Eye(tmp_path / "nowhere")


def test_pages_are_read_as_a_browser_reads_them():
    page = Page(
        '<meta name="csrf-token" content="abc"><main data-next="/n" class="x"></main>'
        '<form action="/a/consent"><input name="csrf_token" value="t"></form>'
        '<form action="/a/screening"><input type="radio" name="q0" value="Yes">'
        '<input type="radio" name="q0" value="No"></form><p id="code"> C0DE </p>'
    )
    assert page.csrf == "abc"
    assert page.data == {"next": "/n"}
    assert page.form("/consent").values == {"csrf_token": "t"}
    assert page.form("/screening").values == {"q0": "Yes"}
    assert page.form("/device") is None
    assert page.code == "C0DE"


def test_the_numbers_command_writes_what_analyse_reads(tmp_path, capsys):
    out = tmp_path / "answers.csv"
    argv = ["simulate", "numbers", "--participants", "6", "--trials", "4", "--images", "8"]
    assert main([*argv, "--tasks", "task1,task2", "--seed", "3", "--out", str(out)]) == 0
    assert len(pd.read_csv(out)) == 2 * 2 * 6 * 4
    assert "true rates: sr3 47 %, regression 15 %" in capsys.readouterr().out
    assert main(["analyse", str(out), "--draws", "100"]) == 0


@pytest.mark.parametrize("text", ["sr3", "sr3=", "=0.4", "sr3=x", ""])
def test_malformed_rates_are_refused(text):
    with pytest.raises(InputError, match="wanted SYSTEM=RATE"):
        read_rates(text)


def test_a_link_without_a_place_for_the_id_is_refused(tmp_path):
    argv = ["simulate", "http", "--stimuli", str(tmp_path)]
    with pytest.raises(InputError, match=r"with \{id\}"):
        main([*argv, "--link", "http://127.0.0.1/study/demo"])
