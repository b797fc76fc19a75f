"""The memorisation figure: known values, scipy's own test, and intervals that hold."""

import numpy as np
import pytest
from scipy import stats

from bench.statistics import copying as statistics
from bench.statistics.copying import copying, nearer


def test_nearer_is_the_mann_whitney_statistic_over_all_pairs():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=30), rng.normal(size=20) + 0.3
    ours[:3] = theirs[:3]  # ties count half
    wanted = np.mean([(a < b) + 0.5 * (a == b) for a in ours for b in theirs])
    assert nearer(ours, theirs) == pytest.approx(wanted)
    u = stats.mannwhitneyu(theirs, ours).statistic
    assert nearer(ours, theirs) == pytest.approx(u / 600)


def test_copies_and_strangers():
    held_out = np.linspace(1, 2, 50)
    copies = copying(np.zeros(40), held_out)
    assert (copies.nearer.value, copies.ratio.value, copies.tail.value) == (1, 0, 1)
    far = copying(held_out + 5, held_out)
    assert (far.nearer.value, far.tail.value) == (0, 0)
    assert far.ratio.value == pytest.approx(6.5 / 1.5)


def test_of_one_distribution_nothing_is_nearer_and_intervals_hold(monkeypatch):
    """40 of 40 sets is 95 % of them give or take; two sets of one kind are as far."""
    monkeypatch.setattr(statistics, "DRAWS", 200)
    held = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = copying(rng.gamma(4, size=60), rng.gamma(4, size=50), seed)
        held.append(found.nearer.low <= 0.5 <= found.nearer.high)
        assert 0 <= found.tail.low <= found.tail.value <= found.tail.high <= 1
    assert np.mean(held) >= 0.85


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="found 1 and 5 distances"):
        copying([1.0], np.ones(5))
