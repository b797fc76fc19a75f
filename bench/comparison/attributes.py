"""Attributes of images, from a file, and the groups that they make."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.images.hr import EMBEDDED
from sr3.base.attributes import LEVELS, number_of, read_rows, thirds
from sr3.base.errors import InputError

KEYS = ("image", "file", "name", "stem")  # columns that may name the image
NOT_ATTRIBUTES = (*KEYS, "seed")
RARE = 5  # levels with fewer images are joined as "other"
OTHER = "other"

Attributes = Mapping[str, Mapping[str, Any]]
Names = NDArray[np.str_]


def resolve(name: str) -> Path:
    """The file of `--groups`; `embedded` is that of the embedded faces."""
    return EMBEDDED / "faces-rendered" / "attributes.jsonl" if name == "embedded" else Path(name)


def read_attributes(path: Path) -> Attributes:
    """Attributes by image stem, from JSONL or CSV.

    Raises:
        InputError: unreadable, or no column that names the image.
    """
    key, rows = read_rows(path, KEYS, "attributes", "images")
    return {Path(str(row[key])).stem: row for row in rows}


def levels(values: Sequence[Any]) -> list[str]:
    """The group of each value: thirds of a number, the largest share of a blend, else itself."""
    plain = [max(v, key=lambda k: v[k]) if isinstance(v, Mapping) else v for v in values]
    numbers = [number_of(value) for value in plain]
    if all(n is not None for n in numbers) and len(set(numbers)) > LEVELS:
        return thirds(np.array(numbers, dtype=np.float64))
    named = [str(value) for value in plain]
    count = Counter(named)
    return [name if count[name] >= RARE else OTHER for name in named]


def require_rows(attributes: Attributes, images: Sequence[str]) -> None:
    """InputError unless every image, named by its stem, has attributes."""
    lacking = [image for image in images if image not in attributes]
    if lacking:
        raise InputError(
            f"found no attributes of {len(lacking)} of {len(images)} images, such as {lacking[0]}: "
            f"wanted a row for each, and have {len(attributes)}, such as "
            f"{next(iter(attributes), 'none')}"
        )


def grouped(attributes: Attributes, images: Sequence[str]) -> dict[str, Names]:
    """Level of each image by attribute; those with fewer than two groups of two are left out.

    Raises:
        InputError: an image without attributes.
    """
    require_rows(attributes, images)
    rows = [attributes[image] for image in images]
    by_name = {}
    for name in rows[0]:
        if name not in NOT_ATTRIBUTES:
            found = levels([row.get(name) for row in rows])
            if sum(count > 1 for count in Counter(found).values()) > 1:
                by_name[name] = np.array(found)
    return by_name


def in_order(found: Names) -> list[str]:
    """Levels by their leading number, words after numbers, "other" last."""
    names = sorted(set(found.tolist()), key=lambda level: (level == OTHER, _leading(level), level))
    return [str(name) for name in names]


def _leading(level: str) -> float:
    number = number_of(level.split(" ")[0])
    return float("inf") if number is None else number
