"""Which metric predicts people? Per-image human rates beside per-image metrics, by rank.

Spearman's correlation, its sign turned so that positive always means "a better score goes with
fooling more people". Intervals resample images, of all systems together. Human rates of single
images rest on few answers, which weakens every correlation; `ceiling` estimates what a perfect
predictor would reach given that noise (the root of the rates' reliability).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from bench.metrics.protocol import Metric, Values
from bench.records.finished import FinishedRun
from sr3.base.errors import InputError

DRAWS = 2000
LEVEL = 0.95
HUMAN = ("task", "system", "image", "answers", "human_rate", "human_shrunk")
ACROSS = "all"
FEWEST = 5  # images: below it a rank correlation says nothing

Array = NDArray[np.float64]


def join(finished: FinishedRun, images: pd.DataFrame) -> pd.DataFrame:
    """One row per task, system and image: the human rate, raw and shrunken, and every metric.

    images: the `images.csv` of an analysis. Metrics that a system lacks are blank.

    Raises:
        InputError: no image of the study has metrics.
    """
    people = images.rename(columns={"rate": "human_rate", "shrunk": "human_shrunk"})
    parts = [
        pd.DataFrame({"image": list(finished.images), **by_metric}).assign(system=system)
        for system, by_metric in finished.values.items()
    ]
    metrics = pd.concat(parts, ignore_index=True)
    joined = people[list(HUMAN)].merge(metrics, on=["system", "image"], how="inner")
    if joined.empty:
        raise InputError(f"found no image of the study among those of {finished.folder}")
    return joined


def correlate(joined: pd.DataFrame, metrics: Mapping[str, Metric], seed: int = 0) -> pd.DataFrame:
    """Rank correlation of each metric with people, per task, within each system and across all.

    Returns:
        Columns task, metric, system (`all`: over every system's images at once), images, rho,
        low, high, ceiling; the best predictor first within each task and system.
    """
    rows = list(_correlations(joined, metrics, seed))
    names = ["task", "metric", "system", "images", "rho", "low", "high", "ceiling"]
    table = pd.DataFrame(rows, columns=names)
    return table.sort_values(
        ["task", "system", "rho"], ascending=[True, True, False], kind="stable"
    ).reset_index(drop=True)


def _correlations(
    joined: pd.DataFrame, metrics: Mapping[str, Metric], seed: int
) -> Iterator[dict[str, Any]]:
    for task in sorted(set(joined["task"])):
        of_task = joined[joined["task"] == task]
        systems = sorted(set(of_task["system"]))
        for system in [*systems, *([ACROSS] if len(systems) > 1 else [])]:
            part = of_task if system == ACROSS else of_task[of_task["system"] == system]
            for name in metrics:
                if name in part and metrics[name].direction != "none":
                    yield {
                        "task": task,
                        "metric": name,
                        "system": system,
                        **_one(part, name, metrics[name].direction == "higher", seed),
                    }


def _one(part: pd.DataFrame, metric: str, higher: bool, seed: int) -> dict[str, Any]:
    known = part[np.isfinite(part[metric])]
    images = int(known["image"].nunique())
    values = np.asarray(known[metric], dtype=np.float64) * (1 if higher else -1)
    people = np.asarray(known["human_rate"], dtype=np.float64)
    if images < FEWEST or np.ptp(values) == 0 or np.ptp(people) == 0:
        nothing = {"rho": np.nan, "low": np.nan, "high": np.nan, "ceiling": np.nan}
        return {"images": images, **nothing}
    low, high = _bounds(values, people, np.asarray(known["image"]), seed)
    return {
        "images": images,
        "rho": spearman(values[None], people[None])[0],
        "low": low,
        "high": high,
        "ceiling": ceiling(people, np.asarray(known["answers"], dtype=np.float64)),
    }


def spearman(a: Array, b: Array) -> Values:
    """Rank correlation of each row of two (rows, n) arrays; NaN where one does not vary."""
    ranks = [rankdata(x, axis=1) - (x.shape[1] + 1) / 2 for x in (a, b)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (ranks[0] * ranks[1]).sum(axis=1)
            / np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
        )


def _bounds(values: Array, people: Array, images: NDArray[Any], seed: int) -> tuple[float, float]:
    """Percentile bootstrap over images; an image's rows of all systems are drawn together."""
    _, code = np.unique(images, return_inverse=True)
    clusters = [np.flatnonzero(code == k) for k in range(code.max() + 1)]
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(clusters), size=(DRAWS, len(clusters)))
    sizes = {len(cluster) for cluster in clusters}
    if len(sizes) == 1:
        index = np.stack(clusters)[picks].reshape(DRAWS, -1)
        found = spearman(values[index], people[index])
    else:  # not every system has every image
        drawn = (np.concatenate([clusters[k] for k in pick]) for pick in picks)
        found = np.array([spearman(values[i][None], people[i][None])[0] for i in drawn])
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(found, [tail, 1 - tail])
    return float(low), float(high)


def ceiling(people: Array, answers: Array) -> float:
    """Correlation that a perfect predictor would reach: the root of the rates' reliability.

    Reliability is the share of the rates' variance that binomial chance does not explain.
    """
    chance = float(np.mean(people * (1 - people) / np.maximum(answers - 1, 1)))
    total = float(people.var(ddof=1))
    return float(np.sqrt(max(total - chance, 0.0) / total))


def summary(found: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    """The best predictor of each task and system in words."""
    lines = ["which metric predicts people? (Spearman, 95 % interval over images)"]
    for (task, system), part in found.groupby(["task", "system"], sort=True):
        known = part.dropna(subset=["rho"])
        if known.empty:
            lines.append(f"  {task}, {system}: too few images, or rates that do not vary")
            continue
        best = known.iloc[0]
        where = "over all systems" if system == ACROSS else f"within {system}"
        text = (
            f"{metrics[str(best['metric'])].title} {best['rho']:.2f} "
            f"[{best['low']:.2f}, {best['high']:.2f}], noise ceiling about {best['ceiling']:.2f}"
        )
        sure = known[known["low"] > 0]
        verdict = "" if len(sure) else "; no metric's interval lies above 0"
        lines.append(f"  {task}, {where}: {text}{verdict}")
    return "\n".join(lines)
