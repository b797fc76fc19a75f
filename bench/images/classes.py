"""ImageNet-1k class indices from file names that begin with a WordNet id."""

import re
from functools import cache
from pathlib import Path

WORDNET_ID = re.compile(r"^(n\d{8})(?:_|$)")


@cache
def wordnet_ids() -> tuple[str, ...]:
    """The 1000 WordNet ids of ILSVRC 2012 in class order, which is their sorted order."""
    text = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="ascii")
    return tuple(text.split())


@cache
def _index_of() -> dict[str, int]:
    return {wordnet_id: index for index, wordnet_id in enumerate(wordnet_ids())}


def class_of(stem: str) -> int | None:
    """Class index 0..999 of `n01443537_goldfish` and its kin, or None."""
    match = WORDNET_ID.match(stem)
    return _index_of().get(match[1]) if match else None
