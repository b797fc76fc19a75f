"""Marks follow paired intervals on unrounded values; references and interpolation never rank."""

import numpy as np
import pytest

from bench.comparison.ranking import Scored, marks, rank
from bench.metrics.protocol import load_metric


def scored(**systems):
    return {name: Scored(per_image=np.asarray(values)) for name, values in systems.items()}


@pytest.fixture
def base():
    return np.random.default_rng(0).normal(25, 3, 100)


def test_a_clear_winner_and_a_second(base):
    ranking = rank(load_metric("psnr"), scored(a=base, b=base + 1, c=base - 1))
    assert ranking.best == ("b",)
    assert ranking.second == "a"


def test_a_consistent_small_gain_wins_though_the_intervals_overlap(base):
    noise = np.random.default_rng(1).normal(0, 0.05, 100)
    assert rank(load_metric("psnr"), scored(a=base, b=base + 0.05 + noise)).best == ("b",)


def test_equal_on_average_means_tied_best_and_no_second(base):
    noise = np.random.default_rng(1).normal(0, 1, 100)
    ranking = rank(load_metric("psnr"), scored(a=base, b=base + noise - noise.mean() + 0.01))
    assert ranking.best == ("a", "b")
    assert ranking.second is None


def test_lower_is_better_for_consistency(base):
    assert rank(load_metric("consistency"), scored(a=base, b=base + 1)).best == ("a",)


def test_interpolation_is_compared_but_never_ranked(base):
    ranking = rank(load_metric("psnr"), scored(bicubic=base + 9, a=base, b=base - 1))
    assert ranking.best == ("a",)
    assert ("bicubic", "a") in {(pair.a, pair.b) for pair in ranking.pairs}


def test_time_is_never_ranked(base):
    assert rank(load_metric("seconds_per_image"), scored(a=base, b=base + 1)).best == ()


def test_p_values_are_corrected_over_the_pairs(base):
    shifts = np.random.default_rng(2).normal(0.2, 1, (4, 100))
    ranking = rank(
        load_metric("psnr"), scored(a=base, **{f"s{i}": base + s for i, s in enumerate(shifts)})
    )
    assert len(ranking.pairs) == 10
    assert all(pair.p_holm >= pair.p_value for pair in ranking.pairs)
    smallest = min(ranking.pairs, key=lambda pair: pair.p_value)
    assert smallest.p_holm == pytest.approx(min(1, 10 * smallest.p_value))


def test_set_metrics_compare_draws_over_the_same_resamples():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 5, 200)
    near = Scored(set_value=10.0, draws=10 + common, n=100)
    far = Scored(set_value=12.0, draws=12 + common + rng.normal(0, 0.1, 200), n=100)
    ranking = rank(load_metric("consistency"), {"near": near, "far": far})
    assert ranking.best == ("near",)
    assert ranking.pairs[0].p_value < 0.05


def test_a_floor_of_the_draws_is_carried_through_the_correction():
    rng, common = np.random.default_rng(0), np.random.default_rng(1).normal(0, 5, 99)

    def of(value):
        return Scored(set_value=value, draws=value + common + rng.normal(0, 0.1, 99), n=100)

    ranking = rank(load_metric("consistency"), {"a": of(10), "b": of(12), "c": of(12.02)})
    found = {(pair.a, pair.b): pair for pair in ranking.pairs}
    assert found["a", "b"].p_value == found["a", "c"].p_value == 1 / 100
    assert found["a", "b"].p_holm == pytest.approx(3 / 100)
    assert {pair for pair in found if found[pair].p_is_bound} == {("a", "b"), ("a", "c")}


def test_tests_of_images_have_no_floor(base):
    gain = np.random.default_rng(1).uniform(0.1, 1, 100)
    ranking = rank(load_metric("psnr"), scored(a=base, b=base + gain, c=base + 2 * gain))
    assert all(0 < pair.p_holm < 1e-20 for pair in ranking.pairs)
    assert not any(pair.p_is_bound for pair in ranking.pairs)


def test_marks_read_back_what_was_stored(base):
    stored = {"psnr": rank(load_metric("psnr"), scored(a=base, b=base + 1, c=base - 1)).to_json()}
    assert marks(stored, "psnr") == {"b": "best", "a": "second"}
    assert marks(stored, "ssim") == {}
