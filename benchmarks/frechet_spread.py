"""How well the draws of a Frechet distance tell its sampling error, where the truth is known.

    python benchmarks/frechet_spread.py [--sets 300]   # nine minutes, most for the plain way

Sets of pictures are drawn anew many times from known distributions of features (correlated, cut at
0 as pooled ReLU outputs are), so the true standard deviation of the distance, and of the difference
between two systems, is seen. Beside it: the mean spread of the draws that the harness takes (the
tangent), and of distances over images resampled with repeats (the plain bootstrap). 1 is right;
above 1 the interval is too wide. The last column is how often the 95 % interval of the difference
holds its true value, which is the mean over all sets.
"""

import numpy as np

from bench.statistics.frechet import frechet, paired_bootstrap
from bench.statistics.intervals import interval_of_draws, resampling_indices
from sr3.base.commands import Parser
from sr3.base.errors import run_command

SETTINGS = ((50, 200), (100, 200), (400, 200), (100, 400))  # images, features
DRAWS, PLAIN = 400, 40


class World:
    """Features of HR and of two systems for any number of new pictures."""

    def __init__(self, d: int) -> None:
        rng = np.random.default_rng(d)
        fading = np.exp(-np.arange(d) / (d / 4))[:, None] / np.sqrt(d)
        self.shared, self.first, self.second = (rng.normal(size=(d, d)) * fading for _ in range(3))
        self.d = d

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(n, d) features of HR, a near system and a far one."""
        picture, one, other = (rng.normal(size=(n, self.d)) for _ in range(3))
        near = 0.9 * picture @ self.shared + 0.4 * one @ self.first + 0.32
        far = 0.8 * picture @ self.shared + 0.5 * other @ self.second + 0.35
        hr = picture @ self.shared + 0.3
        return tuple(np.maximum(f, 0).astype(np.float32) for f in (hr, near, far))


def plain(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Distances over resampled pairs, repeats and all."""
    rows = resampling_indices(len(x), PLAIN, seed)
    return np.array([frechet(x[row], y[row]) for row in rows])


def row(n: int, d: int, sets: int) -> str:
    world, rng = World(d), np.random.default_rng(n)
    values, gaps, intervals = [], [], []
    spreads: dict[str, list[float]] = {k: [] for k in ("tangent", "plain", "gap", "plain gap")}
    for number in range(sets):
        hr, near, far = world.draw(n, rng)
        value, draws = paired_bootstrap(near, hr, DRAWS, number)
        rival, others = paired_bootstrap(far, hr, DRAWS, number)
        values.append(value)
        gaps.append(value - rival)
        intervals.append(interval_of_draws(value - rival, draws - others, n))
        spreads["tangent"].append(draws.std())
        spreads["gap"].append((draws - others).std())
        if number < sets // 5:  # the slow way needs fewer for its mean
            first, second = plain(near, hr, number), plain(far, hr, number)
            spreads["plain"].append(first.std())
            spreads["plain gap"].append((first - second).std())
    truth = {"tangent": np.std(values), "gap": np.std(gaps)}
    truth |= {"plain": truth["tangent"], "plain gap": truth["gap"]}
    cells = [f"{np.mean(s) / truth[k]:.2f}" for k, s in spreads.items()]
    held = np.mean([i.low <= np.mean(gaps) <= i.high for i in intervals])
    return f"| {n} | {d} | " + " | ".join(cells) + f" | {held:.1%} |"


def main() -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", type=int, default=300, help="sets per setting (default 300)")
    options = parser.parse_args()
    print("| images | features | spread | plain bootstrap | of a difference | plain | held |")
    print("|---|---|---|---|---|---|---|")
    for n, d in SETTINGS:
        print(row(n, d, options.sets), flush=True)
    return 0


if __name__ == "__main__":
    run_command(main)
