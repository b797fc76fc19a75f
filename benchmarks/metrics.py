"""The harness against the same metrics computed the usual way, in one run on one machine.

    python benchmarks/metrics.py                      # 1000 pictures of 256x256, three systems
    python benchmarks/metrics.py --n 200 --usual 24   # quick: the usual way on 24, scaled

The metrics are those of the suite natural4x, but for the seconds of sampling. The usual way opens
every file again for every metric: scikit-image and Pillow picture by picture, the lpips package
pair by pair, torchvision's ResNet-50 and EfficientNet-Lite0 picture by picture, torch-fidelity once
for paired FID, KID and IS of a system and once for its FID against reference statistics, and
EfficientNet's features of system and HR for its distance. The harness is `bench.measuring` as
`bench.run` uses it, intervals and all, from files to scores. Both use the same threads, and
networks are built before the clocks run. Where the real weights are not in BENCH_WEIGHTS, random
ones of the same networks stand in: the arithmetic is the same, and their numbers, called "random
weights", are no FID, LPIPS or error.

Pictures are mosaics of the embedded faces; the systems are Pillow's interpolations of their 64x64.
With --usual M the usual way is timed on M pictures per system and scaled; what does not grow with
the pictures (torch-fidelity's eigenvalues and KID's subsets) is timed in full. Values are compared
over the M pictures that both ways judged, those of sets over all. CPU seconds stand beside seconds
of wall clock, because beside another job only they say something.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from random_weights import stand_in
from scipy import linalg
from tqdm import tqdm
from usual_way import AGAIN, FIXED, SCALE, SIDE, Clock, Judged, UsualWay

from bench.base.run_cache import RunCache
from bench.extractors.protocol import load_extractor
from bench.images.hr import open_set
from bench.images.outputs import Output
from bench.images.reading import read_checked
from bench.measuring import reference_statistics as references
from bench.measuring.decoding import THREADS
from bench.measuring.evaluation import Evaluator
from bench.metrics.kinds import perceptual
from bench.metrics.protocol import load_metric
from bench.pretrained import catalogue, weights
from bench.statistics import frechet
from bench.suites.protocol import NamedSuite, load_suite
from sr3.base.commands import Parser
from sr3.base.errors import run_command
from sr3.base.files import sha256_of_file

KERNELS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
}
SHIPPED = load_suite("natural4x")
METRICS = tuple(name for name in SHIPPED.suite.metrics if name != "seconds_per_image")
NAMED = NamedSuite(
    SHIPPED.name,
    replace(SHIPPED.suite, systems=tuple(KERNELS), metrics=METRICS, dataset="mosaics"),
)
EXTRACTORS = ("efficientnet_lite0", "inception_2015", "resnet50_v1")


def mosaics(folder: Path, n: int) -> None:
    """HR pictures of four embedded faces each, mirrored or not, and each system's outputs."""
    root = Path(frechet.__file__).parents[1] / "embedded" / "faces-rendered"
    faces = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(root.glob("*.png"))]
    rng = np.random.default_rng(0)
    for name in ("hr", *KERNELS):
        (folder / name).mkdir(parents=True)
    for number in tqdm(range(n), desc="making pictures"):
        four = [faces[i][:, :: rng.choice((-1, 1))] for i in rng.integers(0, len(faces), 4)]
        rows = [np.concatenate(four[:2], axis=1), np.concatenate(four[2:], axis=1)]
        hr = Image.fromarray(np.ascontiguousarray(np.concatenate(rows)))
        low = hr.resize((SIDE // SCALE, SIDE // SCALE), Image.Resampling.BICUBIC)
        stem = f"n01440764_{number:05d}.png"
        hr.save(folder / "hr" / stem)
        for name, kernel in KERNELS.items():
            low.resize((SIDE, SIDE), kernel).save(folder / name / stem)


def harness(folder: Path, cache: Path, n: int, clock: Clock) -> dict[str, Judged]:
    """Every system as `bench.run` judges it, HR first."""
    judged = {}
    with clock.on("harness"), closing(RunCache(cache / "cache.sqlite")) as store:
        images = open_set(NAMED, folder / "hr", n, environ={})
        metrics = {name: load_metric(name) for name in METRICS}
        labels = [item.label for item in images.items]
        evaluator = Evaluator(NAMED, metrics, store, cache, "cpu", 0, labels)
        hr = [item.sha256 for item in images.items]
        systems = {
            name: [
                Output(item, path, sha256_of_file(path))
                for item in images.items
                for path in [folder / name / item.path.name]
            ]
            for name in ("hr", *KERNELS)
        }
        with tqdm(total=n * len(systems), desc="harness") as bar:
            evaluator.see(list(systems.values()), bar.update)
        for name, outputs in systems.items():
            found = evaluator.evaluate(outputs, hr)
            pictures = [output.sha256 for output in outputs]
            rows = {
                layer: values
                for metric in ("fid_paired", "fd_efficientnet_lite0")
                for layer, values in evaluator._rows(metrics[metric], pictures).items()
            }
            sets = {metric: found.scores[metric].value for metric in found.sets}
            judged[name] = Judged(dict(found.per_image), sets, rows)
    return judged


def on_first(judged: dict[str, Judged], name: str, m: int) -> dict[str, float]:
    """The harness's values: per picture over the first m, of sets over all."""
    per_image = {k: float(v[:m].mean()) for k, v in judged[name].per_image.items()}
    return per_image | judged[name].sets


def reference_statistics(d: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance (d,), (d, d) in the place of a data set's; stored for the harness."""
    features = wide_features(5000, d, seed=1)
    gaussian = frechet.fit(features)
    identity = load_extractor("inception_2015", "cpu").identity
    path = references.path_of(NAMED.name, "inception_2015")
    stored = references.ReferenceStatistics(gaussian, identity, "benchmark")
    references.write_reference(path, stored)
    return gaussian.mean, gaussian.root.T @ gaussian.root


def wide_features(n: int, d: int, seed: int) -> np.ndarray:
    """(n, d) correlated features, cut at 0 as those of a pooled ReLU."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(d, d)) * np.exp(-np.arange(d) / 400)
    return np.maximum(rng.normal(size=(n, d)) @ mixing.T, 0).astype(np.float32)


def frechet_term(n: int = 1000, d: int = 2048) -> list[str]:
    """The distance by scipy's matrix square root and by the nuclear norm, on the same features."""
    x, y = wide_features(n, d, 2), wide_features(n, d, 3)
    clock = Clock()
    with clock.on("nuclear norm"):
        ours = frechet.frechet(x, y)
    with clock.on("sqrtm"):
        s1, s2 = (np.cov(f, rowvar=False, dtype=np.float64) for f in (x, y))
        gap = x.mean(0, dtype=np.float64) - y.mean(0, dtype=np.float64)
        root = linalg.sqrtm(s1 @ s2)
        theirs = gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real
    ratios = [
        clock.wall["sqrtm"] / clock.wall["nuclear norm"],
        clock.cpu["sqrtm"] / clock.cpu["nuclear norm"],
    ]
    return [
        f"Frechet term at n = {n}, d = {d}: scipy sqrtm {clock.wall['sqrtm']:.2f} s, nuclear norm "
        f"{clock.wall['nuclear norm']:.3f} s: {ratios[0]:.0f} times faster ({ratios[1]:.0f} by CPU "
        f"time), values {theirs:.6g} and {ours:.6g} ({abs(ours / theirs - 1):.1e} apart)"
    ]


def decode_limit(folder: Path, n: int) -> float:
    """Pictures per second that decoding alone allows, with the harness's reader and threads."""
    paths = [p for name in ("hr", *KERNELS) for p in sorted((folder / name).iterdir())[: n // 4]]
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        list(pool.map(lambda path: read_checked(path, (SIDE, SIDE), "the benchmark"), paths))
    return len(paths) / (time.perf_counter() - started)


def values_table(ours: dict, theirs: dict) -> Iterator[str]:
    yield "| system | metric | harness | usual way | difference |\n|---|---|---|---|---|"
    for system, metrics in theirs.items():
        for metric, value in metrics.items():
            own = ours[system][metric]
            off = abs(own - value) / max(abs(value), 1e-12)
            yield f"| {system} | {metric} | {own:.6g} | {value:.6g} | {off:.1e} |"


def times_table(ours: Clock, usual: Clock, n: int) -> Iterator[str]:
    yield "| way | wall s | CPU s |\n|---|---|---|"
    for what in usual.wall:
        yield f"| usual: {what} | {usual.wall[what]:.1f} | {usual.cpu[what]:.1f} |"
    total = [sum(usual.wall.values()), sum(usual.cpu.values())]
    own = [sum(ours.wall.values()), sum(ours.cpu.values())]
    yield f"| usual way, all | {total[0]:.1f} | {total[1]:.1f} |"
    yield f"| harness, all | {own[0]:.1f} | {own[1]:.1f} |"
    wall, cpu = total[0] / own[0], total[1] / own[1]
    yield f"\nThe harness is {wall:.2f} times faster ({cpu:.2f} by CPU time)."
    once = [(total[0] - usual.wall[AGAIN]) / own[0], (total[1] - usual.cpu[AGAIN]) / own[1]]
    yield (
        f"Against somebody who makes torch-fidelity keep its features for the second call: "
        f"{once[0]:.2f} ({once[1]:.2f})."
    )
    judged = n * len(KERNELS)
    yield f"It judged {judged / own[0]:.1f} pictures a second."


def parse() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="pictures (default 1000)")
    parser.add_argument("--usual", type=int, metavar="M", help="time the usual way on M of them")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    parser.add_argument("--out", type=Path, help="write the tables there, as Markdown")
    return parser.parse_args()


def main() -> int:
    options = parse()
    torch.set_num_threads(options.threads)
    m = min(options.usual or options.n, options.n)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mosaics(folder / "pictures", options.n)
        table = stand_in(folder / "weights")
        standing = sorted(name for name, row in table.items() if row.licence == "random")
        with (
            mock.patch.object(catalogue, "TABLE", table),
            mock.patch.object(weights, "folder", return_value=folder / "weights"),
            mock.patch.object(references, "folder", return_value=folder / "references"),
        ):
            lines = list(compared(folder, options.n, m))
    processor = platform.processor() or platform.machine()
    head = (
        f"{options.n} pictures of {SIDE}x{SIDE}, {len(KERNELS)} systems, the usual way on {m}; "
        f"{processor}, {options.threads} threads, torch {torch.__version__}; "
        + (f"random weights: {', '.join(standing)}" if standing else "real weights")
    )
    text = "\n".join([head, "", *lines])
    print(text)
    if options.out:
        options.out.write_text(text + "\n")
    return 0


def compared(folder: Path, n: int, m: int) -> Iterator[str]:
    """Both ways, then the tables."""
    pictures = folder / "pictures"
    for name in EXTRACTORS:
        load_extractor(name, "cpu")  # networks are built before either clock runs
    perceptual.load("alex", "cpu")
    statistics = reference_statistics()
    limit = decode_limit(pictures, n)
    ours, usual = Clock(), Clock()
    judged = harness(pictures, folder / "cache", n, ours)
    way = UsualWay(pictures, m, usual, statistics)
    theirs = {name: way.of(name, judged) for name in ("hr", *KERNELS)}
    yield from times_table(ours, usual.scaled(n / m, FIXED), n)
    yield f"Decoding alone allows {limit:.0f} pictures a second."
    yield ""
    yield from values_table({name: on_first(judged, name, m) for name in theirs}, theirs)
    yield f"Features are at most {way.features_apart:.1e} of the largest apart."
    yield ""
    yield from frechet_term()


if __name__ == "__main__":
    run_command(main)
