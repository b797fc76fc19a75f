"""The plan is exactly balanced whatever its numbers, and the checker sees when it is not."""

from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_study import write_stimuli

from twoafc_server.base.errors import InputError
from twoafc_server.design.allocation import Pool, euler_split, plan
from twoafc_server.design.check import FactRow, PlanRow, check_fact, check_plan
from twoafc_server.design.exclusion import Person, person_reason, trial_reason
from twoafc_server.design.flags import Measured, flags_of
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.design.study_file import Rules, StudyFile, from_dict, load, parse, presets

SYSTEMS = ("sr3", "regression")


def pool(images: int, practice: int = 5, catch: int = 8) -> Pool:
    return Pool(
        tuple(f"i{n}" for n in range(images)),
        tuple((f"p{n}", "easy") for n in range(practice)),
        tuple((f"c{n}", "easy") for n in range(catch)),
    )


def rows_of(study: StudyFile, systems=SYSTEMS) -> list[PlanRow]:
    slots = plan(study.design, study.timing.exposures_ms, systems, pool(study.design.images))
    return [
        PlanRow(
            slot.number,
            slot.task,
            slot.exposure_ms,
            t.number,
            t.phase,
            t.position,
            t.image,
            t.system,
            t.side_model,
            t.instructed or "",
        )
        for slot in slots
        for t in slot.trials
    ]


@pytest.mark.parametrize("name", presets())
def test_presets_are_balanced(name):
    study = load(name)
    systems = study.design.systems or SYSTEMS
    findings = check_plan(study, systems, rows_of(study, systems))
    assert [finding.name for finding in findings if not finding.holds] == []


@pytest.mark.parametrize("name", presets())
def test_presets_state_the_paper(name):
    design = load(name).design
    assert (design.participants, design.images, design.images_per_participant) == (50, 100, 50)
    assert load(name).name == name


def test_presets_state_tasks_and_exposures():
    def short(name):
        study = load(name)
        return study.design.tasks, study.timing.exposures_ms

    assert short("sr3-faces") == (("task1", "task2"), (3000,))
    assert short("sr3-imagenet-arxiv") == (("task1", "task2"), (3000,))
    assert short("sr3-imagenet-tpami") == (("task2",), (6000,))
    assert short("exposure-sweep")[1][-1] == 12000
    assert load("model-vs-model").design.reference == "regression"


@settings(max_examples=40, deadline=None)
@given(
    images=st.integers(2, 24),
    take=st.integers(1, 12),
    times=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_any_exact_design_balances(images, take, times, seed):
    """Participants chosen so that the showings divide; everything else is free."""
    take = min(take, images)
    participants = times * images // np.gcd(images, take)
    study = from_dict(
        {
            "name": "any",
            "design": {
                "participants": int(participants),
                "images": images,
                "images_per_participant": take,
                "seed": seed,
            },
            "rules": {"catch_pass": 0},
        }
    )
    findings = check_plan(study, SYSTEMS, rows_of(study))
    assert [finding for finding in findings if not finding.holds] == []


def test_within_design_shows_each_image_once_and_each_system_equally():
    study = from_dict(
        {
            "name": "w",
            "design": {
                "kind": "within",
                "participants": 12,
                "images": 12,
                "images_per_participant": 12,
            },
        }
    )
    rows = rows_of(study, ("a", "b", "c"))
    assert all(f.holds for f in check_plan(study, ("a", "b", "c"), rows))
    per_slot = Counter((r.slot, r.system, r.side_model) for r in rows if r.phase == "test")
    assert set(per_slot.values()) == {2}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"participants": 3}, "multiple of images"),
        ({"images": 5}, "found 4 test images"),
        ({"practice_trials": 99}, "practice images"),
        ({"catch_trials": 99}, "catch images"),
        ({"kind": "within", "participants": 3}, "multiple of the number of systems"),
        ({"kind": "within", "images_per_participant": 2}, "twice the number of systems"),
    ],
)
def test_designs_that_cannot_be_exact_are_refused(change, wanted):
    design = replace(
        load("sr3-faces").design, participants=4, images=4, images_per_participant=3, **{}
    )
    design = replace(design, **change)
    with pytest.raises(InputError, match=wanted):
        plan(design, (3000,), SYSTEMS, pool(4))


def test_the_seed_fixes_the_plan_and_another_seed_changes_it():
    study = load("sr3-imagenet-tpami")
    other = replace(study, design=replace(study.design, seed=1))
    assert rows_of(study) == rows_of(study)
    assert rows_of(study) != rows_of(other)


def test_slots_come_in_rounds_of_all_conditions():
    rows = rows_of(load("sr3-faces"))
    first = {(r.slot, r.task, r.system) for r in rows if r.slot <= 4 and r.phase == "test"}
    assert len({(task, system) for _, task, system in first}) == 4


def test_catch_trials_are_spread_and_never_come_first():
    planned = rows_of(load("sr3-imagenet-tpami"))
    for slot in range(1, 20):
        rows = [r for r in planned if r.slot == slot]
        places = [r.trial for r in rows if r.phase == "catch"]
        assert places[0] > 6
        assert max(np.diff(places)) <= 16
        assert Counter(r.instructed for r in rows if r.phase == "catch") == {"left": 4, "right": 4}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_euler_split_halves_every_node(data):
    edges = data.draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), unique=True, max_size=49)
    )
    colours = euler_split(edges, np.random.default_rng(data.draw(st.integers(0, 99))))
    for side in (0, 1):
        for node in range(7):
            mine = [c for e, c in zip(edges, colours, strict=True) if e[side] == node]
            assert abs(2 * sum(mine) - len(mine)) == len(mine) % 2


def tampered(rows: list[PlanRow], index: int, **change) -> list[PlanRow]:
    return [replace(row, **change) if n == index else row for n, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"side_model": "flip"}, "sides are balanced within every participant"),
        ({"image": "other"}, "every image is shown equally often per condition"),
        ({"image": "p0"}, "practice and catch images are outside the test set"),
        ({"system": "other"}, "every condition has its participants"),
        ({"position": 99}, "positions are complete"),
        ({"phase": "catch"}, "every slot has the planned trials"),
    ],
)
def test_the_checker_sees_a_single_changed_trial(change, finding):
    study = load("sr3-imagenet-tpami")
    rows = rows_of(study)
    index = next(n for n, row in enumerate(rows) if row.phase == "test")
    if change.get("side_model") == "flip":
        change = {"side_model": "left" if rows[index].side_model == "right" else "right"}
    wrong = [
        f.name for f in check_plan(study, SYSTEMS, tampered(rows, index, **change)) if not f.holds
    ]
    assert finding in wrong


def test_the_checker_sees_double_and_missing_facts():
    study = load("sr3-imagenet-tpami")
    rows = rows_of(study)
    facts = [FactRow(r.slot, r.trial, f"p{r.slot}", "completed", True) for r in rows if r.slot <= 2]
    states = Counter(done=2, free=98)
    assert all(f.holds for f in check_fact(rows, facts, [1, 2], states))
    twice = [*facts, replace(facts[0], participant="another")]
    missing = facts[1:]
    for wrong in (twice, missing):
        assert not all(f.holds for f in check_fact(rows, wrong, [1, 2], states))
    assert not all(f.holds for f in check_fact(rows, facts, [1], states))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "found no 'name'"),
        ("name = 3", "name: found 3, wanted a text"),
        ("name = 'UPPER'", "lower-case"),
        ("name = 'a'\nnope = 1", "found unknown 'nope'"),
        ("name = 'a'\n[design]\nparticipants = true", "wanted a whole number"),
        ("name = 'a'\n[design]\nparticipants = 0", "wanted 1..10000"),
        ("name = 'a'\n[design]\ntasks = ['task3']", "wanted one of task1, task2"),
        ("name = 'a'\n[design]\ntasks = []", "at least one"),
        ("name = 'a'\n[design]\nreference = 'sr3'", "shows the input"),
        ("name = 'a'\n[timing]\nexposures_ms = [1]", "wanted 50..60000"),
        ("name = 'a'\n[timing]\nexposures_ms = 3000", "wanted a list"),
        ("name = 'a'\nestimated_minutes = inf", "finite"),
        ("name = 'a'\n[rules]\ncatch_pass = 9", "0..catch_trials"),
        ("name = 'a'\n[platform]\nredirect = 'http://x/{code}'", "https URL"),
        ("name = 'a'\ndesign = 3", "wanted a table"),
        ("name = 'a'\n[texts]\na = 1", "table of texts"),
        ("name =", "is not TOML"),
    ],
)
def test_wrong_study_files_are_refused_in_one_sentence(text, wanted):
    with pytest.raises(InputError, match=wanted):
        parse(text, "study.toml")


def test_study_files_survive_their_canonical_form():
    for name in presets():
        study = load(name)
        assert from_dict(asdict(study)).sha256() == study.sha256()


def test_the_lease_is_prolifics_minimum():
    assert replace(load("sr3-faces"), estimated_minutes=9.0).lease_minutes == 2 + 18 + 6


def test_an_unknown_study_file_names_the_presets():
    with pytest.raises(InputError, match="sr3-faces"):
        load("nowhere.toml")


def swap(old: str, new: str):
    """Replaces a text in the manifest."""
    return lambda _, manifest: manifest.write_text(manifest.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda f, m: f.write_bytes(f.read_bytes() + b"x"), "does not match its name"),
        (lambda f, m: f.unlink(), "no readable"),
        (lambda f, m: m.write_text("{"), "no readable"),
        (lambda f, m: m.write_text('{"version": 2}'), "version 1"),
        (swap("practice-0", "test-0"), "twice"),
        (swap('"scale": 4', '"scale": 2'), "found an input of"),
        (swap('"role": "catch"', '"role": "x"'), "role"),
        (lambda f, m: swap(f.name, "../a.png")(f, m), "wanted <sha256>"),
        (swap('["sr3", "', '["new", "'), "no output"),
    ],
)
def test_spoilt_stimulus_folders_are_refused(tmp_path, spoil, wanted):
    folder = write_stimuli(tmp_path / "stimuli")
    spoil(next(folder.glob("*.png")), folder / "manifest.json")
    with pytest.raises(InputError, match=wanted):
        read_stimuli(folder)


def measured(**changes) -> Measured:
    plain = Measured(500, 3000, 16.7, 0, 0, 0, 0, 1280, 800, 2, 1)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, []),
        ({"exposure_ms": 3017}, []),
        ({"exposure_ms": 3018.5}, ["mistimed"]),
        ({"exposure_ms": 2980}, ["mistimed"]),
        ({"hidden_ms": 1}, ["hidden"]),
        ({"blurred_ms": 1, "frames_dropped": 2}, ["blurred", "dropped_frames"]),
        ({"pixel_ratio": 1.25, "early_presses": 1}, ["fractional_pixels", "early_press"]),
    ],
)
def test_flags_say_what_was_measured(changes, flags):
    assert flags_of(measured(**changes), 3000, None) == flags


def test_exclusion_rules_look_at_checks_and_timing_only():
    rules = Rules(catch_pass=7)
    good = Person("completed", 7, ((),) * 10)
    assert person_reason(rules, good) == ""
    assert person_reason(rules, replace(good, catch_passed=6)) == "failed_checks"
    assert person_reason(rules, replace(good, status="expired")) == "incomplete"
    assert person_reason(rules, replace(good, status="withdrawn")) == "incomplete"
    flagged = replace(good, flags=(("hidden",),) * 3 + ((),) * 7)
    assert person_reason(rules, flagged) == "too_many_flagged"
    assert trial_reason(rules, ["mistimed"]) == "mistimed"
    assert trial_reason(rules, ["dropped_frames", "fractional_pixels"]) == ""
