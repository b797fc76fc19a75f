"""Public checkpoints run directly: spandrel reads the file and tells which network it is.

ESRGAN, Real-ESRGAN, RCAN, SwinIR, HAT and many more, from a .pth or .safetensors the user has. The
public re-implementation of SR3 is no spandrel network: it runs under our own samplers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from baselines.foreign.presets import preset_of
from baselines.protocol import System, SystemOptions
from baselines.shared.trained import Trained
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.networks.precision import resolve
from sr3.networks.public_weights import is_public

SUFFIXES = (".pth", ".pt", ".safetensors", ".ckpt")
PUBLIC_SR3 = "Janspiry's re-implementation of Saharia et al. 2023, its own weights"
PUBLIC_SR3_HOME = "https://github.com/Janspiry/Image-Super-Resolution-via-Iterative-Refinement"


@dataclass(frozen=True)
class Public:
    """A spandrel model as a system. `network` maps (1, 3, h, w) in [0, 1] to [0, 1]."""

    name: str
    source: str
    scale: int
    network: Callable[[Tensor], Tensor]
    provenance: Mapping[str, Any]
    stochastic: bool = False

    @torch.inference_mode()
    def upscale(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, 3, h, w) in [-1, 1] -> (B, 3, h * scale, w * scale) in [-1, 1], image by image."""
        outputs = [self.network(image[None] / 2 + 0.5) for image in lr]
        return (torch.cat(outputs).float() * 2 - 1).clamp(-1, 1)


def load_public(
    name: str, path: Path, options: SystemOptions, import_module: Callable[[str], ModuleType]
) -> System:
    """A checkpoint as the system `name`.

    Args:
        import_module: imports spandrel; it needs torchvision, which needs a guard beside a CPU
            build of torch, and that lives in `bench`.

    Raises:
        InputError: no such file, an architecture that spandrel does not know, a network that is no
            RGB super-resolution, or another scale than the suite's.
    """
    if not path.is_file():
        raise InputError(f"found no checkpoint at {path} for system {name}")
    if is_public(path):
        options = replace(options, precision=resolve(options.precision, options.device))
        more = {"home": PUBLIC_SR3_HOME, "licence": "Apache-2.0"}
        return Trained(name, PUBLIC_SR3, options, path, task="sr3", more=more)
    spandrel = import_module("spandrel")
    try:
        model = spandrel.ModelLoader(device=options.device).load_from_file(path)
    except Exception as error:  # spandrel raises whatever the broken file provokes
        raise InputError(
            f"found no network that spandrel knows in {path} ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(model, spandrel.ImageModelDescriptor) or model.input_channels != 3:
        raise InputError(f"found a {model.architecture.name} in {path}, wanted one for RGB images")
    if model.scale != options.scale:
        raise InputError(f"found scale {model.scale} in {path}, wanted {options.scale}")
    preset = preset_of(name)
    provenance = {
        "checkpoint": path.name,
        "checkpoint_sha256": sha256_of_file(path),
        "architecture": model.architecture.name,
        "spandrel": spandrel.__version__,
        "licence": preset.licence if preset else "not given",
        "device": torch.device(options.device).type,
    }
    source = preset.citation if preset else f"{model.architecture.name} from {path.name}"
    return Public(name, source, model.scale, model.eval(), provenance)
