"""What an extractor is: one module in `bench/extractors/` with a value `EXTRACTOR`.

An extractor turns 8-bit pictures into features that several metrics share: FID, KID and IS read
the same forward pass. Its id is a digest of the weights' SHA-256, the preprocessing and the
version, so that stored features can never be taken for another extractor's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.pretrained import weights
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_json
from sr3.base.modules import find_module, module_names

PACKAGE = "bench.extractors"
FORWARD = {"cpu": 8, "cuda": 64}  # images per forward; short batches are filled up to it
FULL_SIDE = 512  # pixels; larger pictures make smaller batches

Rows = dict[str, NDArray[np.float32]]
Network = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Extractor:
    """How an extractor is made and what it gives.

    Attributes:
        title: for people.
        weights: names in the table of weights, in the order that `build` takes their paths.
        packages: modules that must be installed.
        preprocessing: in words; a change of it makes new features.
        version: raised whenever a feature could change.
        layers: values per image of each output.
        build: (paths of the weights) -> network in eval mode with
            (B, 3, H, W) uint8 -> {layer: (B, values) float32}.
    """

    title: str
    weights: tuple[str, ...]
    packages: tuple[str, ...]
    preprocessing: str
    version: int
    layers: Mapping[str, int]
    build: Callable[[tuple[Path, ...]], nn.Module]

    def unavailable(self) -> str | None:
        """Why it cannot run here ("weights X", "package X"), or None."""
        missing = next((name for name in self.packages if find_spec(name) is None), None)
        return f"package {missing}" if missing else weights.unavailable(self.weights)

    def identity(self) -> str:
        """Digest of everything that features depend on besides the image.

        Raises:
            InputError: weights missing or not the right ones.
        """
        digests = [weights.sha256_of(weights.require(name)) for name in self.weights]
        return sha256_of_json([self.title, self.preprocessing, self.version, digests])

    def load(self, device: str) -> "LoadedExtractor":
        """Verify the weights, then build the network on a device ("cpu" or "cuda")."""
        identity = self.identity()
        network = self.build(tuple(weights.require(name) for name in self.weights))
        network.eval().requires_grad_(False).to(device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return LoadedExtractor(identity, tuple(self.layers), network, device)


@dataclass(frozen=True)
class LoadedExtractor:
    """A network ready to extract, with its identity."""

    identity: str
    layers: tuple[str, ...]
    network: Network
    device: str

    def __call__(self, images: Tensor) -> Rows:
        """Features of (B, 3, H, W) uint8 pictures; row i depends on picture i alone."""
        parts: list[Rows] = []
        with torch.inference_mode():
            for count, (filled,) in fixed_batches(self.device, images):
                outputs = self.network(filled)
                rows = {name: outputs[name][:count].float().cpu().numpy() for name in self.layers}
                parts.append(rows)
        return {name: np.concatenate([part[name] for part in parts]) for name in self.layers}


def fixed_batches(device: str, *images: Tensor) -> Iterator[tuple[int, list[Tensor]]]:
    """Batches of one size on `device`, the last filled up with copies, and how many are real.

    Convolution kernels are chosen by shape, so only batches of one shape give a picture the same
    numbers, bit by bit, whatever pictures it is judged with. Pictures above FULL_SIDE squared go in
    batches that are smaller by their size alone.
    """
    most, total = FORWARD["cuda" if device.startswith("cuda") else "cpu"], len(images[0])
    pixels = images[0].shape[-2] * images[0].shape[-1]
    size = max(1, most * FULL_SIDE**2 // max(pixels, FULL_SIDE**2))
    for start in range(0, total, size):
        count = min(size, total - start)
        rows = torch.arange(start, start + size).clamp(max=total - 1)
        yield (
            count,
            [
                batch[rows.to(batch.device)]
                .to(device)
                .contiguous(memory_format=torch.channels_last)
                for batch in images
            ],
        )


@cache
def load_extractor(name: str, device: str) -> LoadedExtractor:
    """A loaded extractor by name, made once a process."""
    return find_extractor(name).load(device)


def extractor_names() -> list[str]:
    """Names of the extractors that ship, by file name."""
    return module_names(PACKAGE)


def find_extractor(name: str) -> Extractor:
    """An extractor by name or by the path of a user's own .py file.

    Raises:
        InputError: an unknown name (the message names the known ones) or a file without EXTRACTOR.
    """
    module = find_module(PACKAGE, name, "extractor")
    extractor = getattr(module, "EXTRACTOR", None)
    if not isinstance(extractor, Extractor):
        raise InputError(f"found no value EXTRACTOR of type Extractor in {module.__file__}")
    return extractor


def unavailable(name: str, device: str = "cpu") -> str | None:
    """Why metrics that read the extractor `name` are unavailable, or None."""
    return find_extractor(name).unavailable()
