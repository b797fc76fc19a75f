"""Detectable differences against the study document and simulation; coverage and type-I error."""

import json

import numpy as np
import pytest

from twoafc_server.__main__ import main
from twoafc_server.base.errors import InputError
from twoafc_server.power.coverage import coverage, rejections, simulation_error
from twoafc_server.power.detectable import (
    BETWEEN,
    HALF,
    WITHIN,
    Question,
    designs,
    detectable,
    simulated,
)
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design

PAPER = Design(50, 50, 100)


@pytest.mark.parametrize(("comparison", "points"), [(HALF, 6.8), (BETWEEN, 8.9), (WITHIN, 4.4)])
def test_the_papers_size_detects_what_the_study_document_says(comparison, points):
    plan = designs(50, 50, 100)[comparison]
    found = detectable(comparison, plan, Observers(), Question())
    assert 100 * found.difference == pytest.approx(points, abs=0.15)


@pytest.mark.parametrize("comparison", [HALF, BETWEEN, WITHIN])
def test_simulated_studies_have_the_promised_power(comparison):
    plan = designs(50, 50, 100)[comparison]
    question = Question()
    found = detectable(comparison, plan, Observers(), question)
    power = simulated(found, Observers(), question, 600).power
    # 600 studies know 80 % to +- 3.2; the formula itself is good to about 3.
    assert power == pytest.approx(0.8, abs=0.07)


def test_a_comparison_that_leaves_the_range_is_not_simulated():
    question = Question(rate=0.5)
    found = detectable(HALF, Design(2, 1, 2), Observers(), question)
    assert found.difference > 0.5
    assert simulated(found, Observers(), question, 100).power is None


# A small version of benchmarks/coverage.py. 2000 studies know a share of 95 % to +- 1.0 points
# (95 %); the bounds leave twice that around what 5000 studies per setting showed, 94.3 to 95.7.
@pytest.mark.parametrize(
    ("rate", "people", "images"), [(0.5, 0.63, 0.42), (0.15, 1.0, 0.8), (0.085, 0.2, 0.8)]
)
def test_the_headline_covers(rate, people, images):
    observers = Observers(participant_sd=people, image_sd=images)
    found = coverage(rate, observers, PAPER, 2000, np.random.default_rng(7))
    assert 0.93 < found.two_way < 0.975
    assert found.wilson < 0.85
    assert found.wilson < found.participants < found.two_way + 0.005


def test_the_headline_covers_without_any_spread():
    found = coverage(0.3, Observers(0, 0), PAPER, 2000, np.random.default_rng(8))
    assert 0.93 < found.two_way < 0.975


def test_the_headline_covers_with_few_participants_and_abandonment():
    observers = Observers(abandonment=0.2)
    found = coverage(0.4, observers, Design(20, 20, 40), 2000, np.random.default_rng(9))
    assert 0.93 < found.two_way < 0.975


def test_the_pigeonhole_covers_a_little_more():
    observers = Observers(participant_sd=0.3, image_sd=0.3)
    found = coverage(0.5, observers, PAPER, 250, np.random.default_rng(0), draws=300)
    assert found.pigeonhole > 0.95


@pytest.mark.parametrize("kind", ["between", "within"])
def test_comparisons_reject_five_percent_where_nothing_is(kind):
    design = Design(50, 50, 100, 2) if kind == "between" else Design(100, 25, 100, 2, "within")
    found = rejections((0.5, 0.5), Observers(), design, 1500, np.random.default_rng(3))
    slack = 1.6 * simulation_error(0.05, 1500)
    assert abs(found.between_systems - 0.05) < slack
    assert abs(found.against_half - 0.05) < slack


def test_equivalence_is_not_declared_at_the_edge_of_the_margin():
    found = rejections((0.55,), Observers(), PAPER, 1500, np.random.default_rng(3), margin=0.05)
    assert found.equivalent < 0.065


def test_the_command_tables_and_plots(tmp_path, capsys):
    argv = ["--participants", "20", "--trials", "10", "--images", "20", "--studies", "100"]
    assert main(["power", *argv, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert HALF in text
    assert "coverage of 95 % intervals over 100 simulated studies" in text
    content = json.loads((tmp_path / "power.json").read_text())
    assert [row["comparison"] for row in content["comparisons"]] == [HALF, BETWEEN, WITHIN]
    assert (tmp_path / "power.png").read_bytes()[:4] == b"\x89PNG"


def test_spreads_come_from_a_pilot(tmp_path, capsys):
    pilot = tmp_path / "pilot.csv"
    argv = ["--participants", "60", "--participant-sd", "1.2", "--image-sd", "0.1"]
    main(["simulate", "numbers", *argv, "--rates", "sr3=0.4", "--out", str(pilot)])
    assert main(["power", "--pilot", str(pilot), "--studies", "100"]) == 0
    text = capsys.readouterr().out
    spread = float(text.split("spreads in logits: participants ")[1].split(",")[0])
    assert spread == pytest.approx(1.2, abs=0.3)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--participants", "1"], "wanted 2 or more of each"),
        (["--rate", "1"], "found rate 1.0"),
        (["--power", "0"], "found power 0.0"),
        (["--studies", "5"], "found 5 studies"),
        (["--trials", "200"], "wanted at least as many images"),
        (["--pilot", "missing.csv"], "found no file"),
    ],
)
def test_bad_plans_are_refused(option, message):
    with pytest.raises(InputError, match=message):
        main(["power", *option])


def test_a_pilot_of_one_participant_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("participant,image,system,chosen\na,b,s,real\na,c,s,fake\n")
    with pytest.raises(InputError, match="says nothing about spreads"):
        main(["power", "--pilot", str(tmp_path / "p.csv")])
