"""How often paired tests find a difference of means where there is none.

    python benchmarks/levels.py                       # five minutes
    python benchmarks/levels.py --sets 2000 --intervals 200

Sets of per-image differences of mean 0 are drawn from known distributions: alike systems, whose
differences are as often up as down (normal, heavy tails, two log-normal values, mostly zeros, a
coarse grid of ties), and systems that are equal only on average (skewed ones). A row says how many
sets of 100 each test takes for different at 5 %, 1 % and 0.1 %: the sign-flip test of
`bench.statistics`, Student's t test, and the BCa interval by which tables mark ties, at 5 %. 5, 1
and 0.1 are right; less is careful, more is wrong.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from bench.statistics.intervals import bootstrap_mean, sign_flips
from sr3.base.commands import Parser
from sr3.base.errors import run_command

SIZES = (5, 10, 30, 100)
LEVELS = (0.05, 0.01, 0.001)
MEAN_OF_LOGNORMAL = np.exp(0.5)

Draw = Callable[[np.random.Generator, int], np.ndarray]

DIFFERENCES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails (t of 3)": lambda rng, n: rng.standard_t(3, n),
    "of two log-normals": lambda rng, n: rng.lognormal(size=n) - rng.lognormal(size=n),
    "60 % zeros": lambda rng, n: rng.normal(size=n) * (rng.random(n) < 0.4),
    "ties: whole numbers": lambda rng, n: np.rint(rng.normal(0, 1.2, n)),
    "ties: win, draw, loss": lambda rng, n: rng.integers(-1, 2, n).astype(float),
    "skewed by 1 (gamma of 4)": lambda rng, n: rng.gamma(4, 1, n) - 4,
    "skewed by 2 (exponential)": lambda rng, n: rng.exponential(1, n) - 1,
    "skewed by 6 (log-normal)": lambda rng, n: rng.lognormal(size=n) - MEAN_OF_LOGNORMAL,
}


def found(p_values: np.ndarray) -> str:
    """Share below each level, %."""
    return " / ".join(f"{100 * (p_values <= level).mean():.2g}" for level in LEVELS)


def t_test(sample: np.ndarray) -> float:
    """Two-sided p-value; equal values are no evidence where they are 0, else all there is."""
    if np.ptp(sample) == 0:
        return 1.0 if sample[0] == 0 else 0.0
    error = sample.std(ddof=1) / len(sample) ** 0.5
    return float(2 * stats.t.sf(abs(sample.mean()) / error, len(sample) - 1))


def row(name: str, n: int, sets: int, intervals: int) -> str:
    rng = np.random.default_rng([n, list(DIFFERENCES).index(name)])
    samples = [DIFFERENCES[name](rng, n) for _ in range(sets)]
    flips = np.array([sign_flips(sample)[0] for sample in samples])
    t = np.array([t_test(sample) for sample in samples])
    few = samples[:intervals]
    away = [bootstrap_mean(sample, seed=i).excludes(0.0) for i, sample in enumerate(few)]
    return f"| {name} | {n} | {found(flips)} | {found(t)} | {100 * np.mean(away):.2g} |"


def main() -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", type=int, default=20_000, help="per row (default 20000)")
    parser.add_argument(
        "--intervals", type=int, default=2000, help="of them with an interval (default 2000)"
    )
    options = parser.parse_args()
    print("| differences | N | sign flips | t test | interval without 0 |")
    print("|---|---|---|---|---|")
    for name in DIFFERENCES:
        for n in SIZES:
            print(row(name, n, options.sets, options.intervals), flush=True)
    return 0


if __name__ == "__main__":
    run_command(main)
