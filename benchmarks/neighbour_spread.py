"""How well draws of halves tell the sampling error of precision, recall, density and coverage.

    python benchmarks/neighbour_spread.py [--sets 200]   # minutes

Sets of features are drawn anew many times from two known distributions (correlated, cut at 0 as
pooled ReLU outputs are; the generated ones narrower and beside the real), so the true standard
deviation is seen. Beside it: the mean spread of draws of halves, as the harness takes them, and of
the plain bootstrap, whose repeated pictures have balls of no size. 1 is right, above 1 is too wide.
`held` is how often the 95 % interval of the metric holds the mean over all sets.
"""

import numpy as np

from bench.metrics.kinds.neighbours import OF_BALLS, OF_MANIFOLDS, interval_of
from bench.statistics.neighbours import count, halving
from sr3.base.commands import Parser
from sr3.base.errors import run_command

SETTINGS = ((50, 50), (100, 100))  # generated, real pictures
FEATURES, DRAWS, PLAIN = 64, 200, 40
KINDS = ((3, OF_MANIFOLDS), (5, OF_BALLS))


def drawn(n: int, m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) generated and (m, d) real features."""
    mixing = np.random.default_rng(0).normal(size=(8, FEATURES))
    real = np.maximum(rng.normal(size=(m, 8)) @ mixing + 1, 0)
    made = np.maximum((0.8 * rng.normal(size=(n, 8)) + 0.2) @ mixing + 1, 0)
    return made.astype(np.float32), real.astype(np.float32)


def row(n: int, m: int, sets: int) -> str:
    values, halves, plain, held = ([] for _ in range(4))
    for number in range(sets):
        rng = np.random.default_rng([n, m, number])
        made, real = drawn(n, m, rng)
        found, spread, bounds = [], [], []
        for k, kin in KINDS:
            counts = count(made, real, k)
            draws = halving(made, real, k).draws(list(kin), DRAWS, number, number + 1)
            for statistic, of in zip(kin, draws, strict=True):
                found.append(statistic(counts))
                spread.append(of.std())
                bounds.append(interval_of(statistic, found[-1], of, n, m))
        values.append(found)
        halves.append(spread)
        held.append(bounds)
        if number < sets // 5:
            plain.append(bootstrapped(made, real, rng))
    truth, middle = np.std(values, axis=0), np.mean(values, axis=0)
    inside = np.array(
        [[i.low <= x <= i.high for i, x in zip(b, middle, strict=True)] for b in held]
    )
    names = [s.__name__ for _, kin in KINDS for s in kin]
    ratios = np.mean(halves, axis=0) / truth, np.mean(plain, axis=0) / truth
    lines = zip(names, middle, *ratios, inside.mean(axis=0), strict=True)
    return "\n".join(
        f"| {n}, {m} | {name} | {value:.2f} | {ours:.2f} | {other:.2f} | {share:.1%} |"
        for name, value, ours, other, share in lines
    )


def bootstrapped(made: np.ndarray, real: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(4,) spreads of the plain bootstrap."""
    draws = []
    for _ in range(PLAIN):
        x, y = (rows[rng.integers(0, len(rows), len(rows))] for rows in (made, real))
        draws.append([s(counts) for k, kin in KINDS for counts in [count(x, y, k)] for s in kin])
    return np.std(draws, axis=0)


def main() -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200, help="sets per setting (default 200)")
    options = parser.parse_args()
    print("| generated, real | metric | value | halves | plain bootstrap | held |")
    print("|---|---|---|---|---|---|")
    for n, m in SETTINGS:
        print(row(n, m, options.sets), flush=True)
    return 0


if __name__ == "__main__":
    run_command(main)
