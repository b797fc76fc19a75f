"""The pictures of the page: tiles, worst and best images, maps of consistency, the spectrum."""

import base64
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from bench.images.pixels import to_batch
from bench.metrics.protocol import Metric
from bench.metrics.spectrum import radial_power
from bench.plots.charts import curves
from bench.records.finished import FinishedRun
from bench.records.finished_pictures import down_of, read_lr, read_picture
from bench.records.record import REFERENCE
from bench.reporting.gallery import shown_of
from bench.reporting.sheet import spread

EXTREMES = 3
SPECTRUM_IMAGES = 200
BINS = 64  # of the spectrum of images of several sizes, up to half a cycle per pixel
CONSISTENCY_GAIN = 16  # as the page says beside the maps


@dataclass
class Pictures:
    """Data URIs by id, each stored once however often the page shows it."""

    uris: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, pixels: np.ndarray) -> str:
        """RunCache (H, W, 3) uint8 losslessly under `key` and return it."""
        if key not in self.uris:
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, method=3)
            encoded = base64.b64encode(buffer.getvalue()).decode()
            self.uris[key] = f"data:image/webp;base64,{encoded}"
        return key


def choose(finished: FinishedRun, shown: int) -> list[str]:
    """Stems of the tiles: worst and best of each system, then evenly spread ones."""
    chosen: set[str] = set()
    for _, _, order in _orders(finished):
        chosen |= set(order[:EXTREMES]) | set(order[-EXTREMES:])
    rest = [stem for stem in finished.images if stem not in chosen]
    chosen |= {rest[i] for i in spread(len(rest), max(2, shown - len(chosen)))} if rest else set()
    return [stem for stem in finished.images if stem in chosen]


def _orders(finished: FinishedRun) -> Iterator[tuple[str, str, list[str]]]:
    """System, metric and stems from worst to best, for the first ranked per-image metric."""
    names = [n for n in per_image_metrics(finished) if finished.metrics[n].direction != "none"]
    if not names:
        return
    higher = finished.metrics[names[0]].direction == "higher"
    for record in finished.measured:
        values = finished.values[record.system].get(names[0])
        if values is not None:
            order = np.argsort(values if higher else -values, kind="stable")
            yield record.system, names[0], [finished.images[i] for i in order]


def extremes(finished: FinishedRun, pictures: Pictures) -> list[Mapping[str, Any]]:
    """Worst and best images of each system by the first ranked per-image metric."""
    found: list[Mapping[str, Any]] = []
    for system, metric, order in _orders(finished):
        definition = finished.metrics[metric]
        for kind, stems in (("worst", order[:EXTREMES]), ("best", order[::-1][:EXTREMES])):
            images = [
                {
                    "stem": stem,
                    "sr": _picture(finished, system, stem, pictures),
                    "hr": _picture(finished, REFERENCE, stem, pictures),
                    "value": _shown(definition, _value(finished, system, metric, stem)),
                }
                for stem in stems
            ]
            found.append(
                {"system": system, "kind": kind, "metric": definition.title, "images": images}
            )
    return found


def bands(finished: FinishedRun, pictures: Pictures) -> Iterator[Mapping[str, Any]]:
    """Pictures of each system of an unpaired run, evenly spread; real ones last."""
    order = [record.system for record in finished.measured]
    for system in (*order, *({REFERENCE} & finished.own.keys())):
        stems = finished.own[system]
        shown = [stems[place] for place in shown_of(len(stems))]
        yield {
            "name": "real pictures" if system == REFERENCE else system,
            "n": len(stems),
            "images": [_picture(finished, system, stem, pictures) for stem in shown],
        }


def tile(finished: FinishedRun, stem: str, pictures: Pictures) -> Mapping[str, Any]:
    """All pictures and values of one image, as the page's script reads them."""
    hr = _read(finished, REFERENCE, stem)
    scale = finished.records[0].scale
    lr, bring_down = read_lr(finished, stem, hr), down_of(finished, hr)
    small = lr[0].permute(1, 2, 0).numpy()
    consistency = []
    for record in finished.measured:
        down = bring_down(to_batch([_read(finished, record.system, stem)]).double(), scale)
        error = (down.clamp(0, 255) - lr).abs()[0].permute(1, 2, 0).numpy() * CONSISTENCY_GAIN
        pixels = error.clip(0, 255).round().astype(np.uint8)
        consistency.append(pictures.add(f"consistency/{record.system}/{stem}", pixels))
    index = finished.images.index(stem)
    values = [
        [
            _finite(finished.values[r.system].get(name), index)
            for name in per_image_metrics(finished)
        ]
        for r in finished.measured
    ]
    return {
        "stem": stem,
        "lr": pictures.add(f"lr/{stem}", small),
        "hr": pictures.add(f"{REFERENCE}/{stem}", hr),
        "sr": [_picture(finished, r.system, stem, pictures) for r in finished.measured],
        "consistency": consistency,
        "values": values,
    }


def spectrum(finished: FinishedRun) -> tuple[str, int]:
    """The mean radial power of HR and of every system, as a chart; a line marks what LR holds."""
    stems = [finished.images[i] for i in spread(len(finished.images), SPECTRUM_IMAGES)]
    lines = {}
    for system in (REFERENCE, *(record.system for record in finished.measured)):
        total = sum(_power(finished, system, stem) for stem in stems)
        lines["HR" if system == REFERENCE else system] = np.asarray(total / len(stems)).tolist()
    first = finished.records[0]
    side, unit = (min(first.size), "image") if first.size else (2 * BINS, f"{2 * BINS} pixels")
    limit = side / first.scale / 2 if first.scale > 1 else None
    return curves(lines, f"cycles per {unit}", "dB", limit), len(stems)


def _power(finished: FinishedRun, system: str, stem: str) -> np.ndarray:
    """Radial power; of images of several sizes at common frequencies, interpolated."""
    picture = _read(finished, system, stem)
    power = radial_power(to_batch([picture]).double() / 255)[0].numpy()
    if finished.records[0].size:
        return power
    own = np.arange(1, len(power) + 1) / min(picture.shape[:2])  # cycles per pixel
    return np.asarray(np.interp(np.arange(1, BINS + 1) / (2 * BINS), own, power))


def _read(finished: FinishedRun, system: str, stem: str) -> np.ndarray:
    return read_picture(finished, system, stem, "the report")


def _picture(finished: FinishedRun, system: str, stem: str, pictures: Pictures) -> str:
    return pictures.add(f"{system}/{stem}", _read(finished, system, stem))


def per_image_metrics(finished: FinishedRun) -> list[str]:
    """Metrics with a value per image, in the order of the table."""
    columns = {name for values in finished.values.values() for name in values}
    return [name for name in finished.metrics if name in columns]


def _value(finished: FinishedRun, system: str, metric: str, stem: str) -> float:
    return float(finished.values[system][metric][finished.images.index(stem)])


def _shown(metric: Metric, value: float) -> str:
    return "∞" if math.isinf(value) else f"{value * metric.shown_times:.{metric.decimals}f}"


def _finite(values: Any, index: int) -> float | None:
    if values is None or not math.isfinite(values[index]):
        return None
    return float(values[index])
