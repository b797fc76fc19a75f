"""The load generator and the drills: their arithmetic, and one small round of each kind."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return importlib.import_module("load"), importlib.import_module("drill")


def level(people, rate, p99, server=0.5, database=0.2):
    waits = [5.0, 20.0, p99]
    return {
        "participants": people,
        "requests_per_s": rate,
        "trials_per_s": rate / 4,
        **dict.fromkeys(("next", "picture", "onset", "answer"), waits),
        "cpu_s_per_participant": {"server": server, "database": database, "generator": 1.0},
        "cores": {"server": 1.2, "database": 0.5, "generator": 0.2},
    }


def test_the_knee_is_the_last_level_within_the_limit(modules, monkeypatch):
    load, _ = modules
    monkeypatch.setattr(load.os, "cpu_count", lambda: 2)
    said = load.knee([level(30, 200, 90.0), level(60, 400, 200.0), level(120, 410, 900.0)])
    assert "up to 60 at once; passed at 120" in said
    assert "410" in said
    assert "limited by the cores" in said
    assert "not reached" in load.knee([level(30, 200, 90.0)])


def test_two_versions_are_compared_by_their_medians(modules):
    load, _ = modules
    rows = {
        "before": [level(30, rate, 90.0, 1.0, 0.5) for rate in (100, 200, 900)],
        "now": [level(30, rate, 45.0) for rate in (400, 380, 10)],
    }
    said = load.compared(rows, 30)
    assert "requests/s 200 -> 380 (1.90x)" in said
    assert "worst p99 ms 90 -> 45 (0.50x)" in said


def test_the_count_sees_what_is_lost_and_what_is_twice(modules, monkeypatch, tmp_path):
    counting = importlib.import_module("hosting.counting")
    service = importlib.import_module("hosting.service")
    participants = importlib.import_module("hosting.participants")
    url = f"sqlite:///{tmp_path / 'c.db'}"
    service.create(ROOT, url, "empty", 4, 100)
    log = participants.Log(answers=["a", "b", "b"])
    found = counting.count(ROOT, url, "empty", log, {"p1": "gone"})
    assert (found["lost"], found["duplicated"], found["without code"]) == (2, 1, 1)
    assert found["over-filled"] == found["check failed"] == 0


@pytest.mark.timeout(600)
def test_a_round_with_lost_requests_loses_nothing(modules, capsys):
    _, drill = modules
    words = "--rounds 1 --faults lost,worker --participants 2 --exposure 60 --database sqlite"
    assert drill.main(words.split()) == 0
    assert "2 of 2 rounds good" in capsys.readouterr().out


def test_impossible_numbers_are_refused(modules):
    load, drill = modules
    for wrong in (["--participants", "0"], ["--database", "oracle"]):
        with pytest.raises(SystemExit):
            load.arguments(wrong)
    with pytest.raises(SystemExit):
        drill.arguments(["--faults", "earthquake"])


def test_the_page_shows_what_was_kept(modules):
    figures = importlib.import_module("hosting.figures")
    page = figures.PAGE.read_text(encoding="utf-8")
    assert figures.filled(page) == page, "run `python benchmarks/hosting/figures.py`"
    assert "| lost | 20 of 20 | 4080 | 0 | 0 | 0 | 0 | 0 |" in figures.drills()
