"""Upscaling pipelines of diffusers, from a folder that holds one: offline, and no code but ours.

A folder of `save_pretrained` has a `model_index.json` that names the pipeline and its parts. Only
parts of diffusers and transformers themselves are loaded, from safetensors alone: neither pickles
nor code that lies in the folder ever run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.protocol import SystemOptions
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json
from sr3.base.torchvision_guard import require_diffusers

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers", None)
LEFT_OUT = ("safety_checker", "feature_extractor", "watermarker")  # they would alter pictures
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Kind:
    """What one class of pipelines wants to be told.

    Attributes:
        decoder: the part that enlarges latents to the picture.
        call: arguments beside picture, steps and generator.
        picture: LR in [-1, 1] in the range that it takes.
    """

    decoder: str
    citation: str
    call: Mapping[str, Any]
    picture: Callable[[Tensor], Tensor]


KINDS = {
    "LDMSuperResolutionPipeline": Kind(
        "vqvae",
        "Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022",
        {"eta": 1.0},  # as its authors sample
        lambda lr: lr,
    ),
    "StableDiffusionUpscalePipeline": Kind(
        "vae",
        "Stable Diffusion x4 upscaler, Rombach et al., CVPR 2022",
        {"prompt": "", "guidance_scale": 1.0},  # without a text there is nothing to guide to
        lambda lr: lr / 2 + 0.5,
    ),
}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as a system; an image's noise comes from its own generator."""

    name: str
    source: str
    scale: int
    pipeline: Callable[..., Any]
    kind: Kind
    steps: int | None
    device: str
    precision: str
    provenance: Mapping[str, Any]
    stochastic: bool = True

    def upscale(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, 3, h, w) in [-1, 1] -> (B, 3, h * scale, w * scale) in [-1, 1], image by image."""
        made = [self._one(x[None], g) for x, g in zip(lr, generators, strict=True)]
        return (torch.cat(made) * 2 - 1).clamp(-1, 1)

    def _one(self, lr: Tensor, generator: torch.Generator) -> Tensor:
        told = dict(self.kind.call) | {"generator": generator, "output_type": "pt"}
        if self.steps is not None:
            told["num_inference_steps"] = self.steps
        half = self.precision == "bf16"
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=half):
            made: Tensor = self.pipeline(image=self.kind.picture(lr), **told).images
        return made.float()


def is_pipeline(path: Path) -> bool:
    """Whether a folder holds a pipeline of diffusers, or one that has lost its index."""
    return (path / INDEX).is_file() or (path / "scheduler").is_dir()


def load_pipeline(name: str, path: Path, options: SystemOptions) -> Pipeline:
    """The pipeline in the folder `path` as the system `name`.

    Raises:
        InputError: no diffusers, another pipeline than those of `KINDS`, parts that are not of
            diffusers or transformers, pickled weights, files that do not load, or another scale
            than the suite's.
    """
    index = _read_index(path)
    kind = KINDS[index["_class_name"]]
    digest = _examine(path, index)
    pipeline = _load(path, index["_class_name"])
    decoder = getattr(pipeline, kind.decoder)
    scale = 2 ** (len(decoder.config.block_out_channels) - 1)
    if scale != options.scale:
        raise InputError(f"found scale {scale} in {path}, wanted {options.scale}")
    pipeline.set_progress_bar_config(disable=True)
    provenance = {
        "checkpoint": path.name,
        "checkpoint_sha256": digest,
        "pipeline": index["_class_name"],
        "diffusers": require_diffusers().__version__,
        "steps": options.steps,
        "call": dict(kind.call),
        "precision": options.precision,
        "device": torch.device(options.device).type,
        "licence": "not given",
    }
    return Pipeline(
        name, kind.citation, scale, pipeline.to(options.device), kind, options.steps,
        options.device, options.precision, provenance,
    )  # fmt: skip


def _read_index(path: Path) -> dict[str, Any]:
    """`model_index.json`; InputError for a pipeline or a part that is not wanted here."""
    if not (path / INDEX).is_file():
        raise InputError(f"found no {INDEX} in {path}, wanted a folder of `save_pretrained`")
    index: dict[str, Any] = read_json(path / INDEX)
    found = index.get("_class_name") if isinstance(index, dict) else None
    if not isinstance(found, str) or found not in KINDS:
        raise InputError(f"found pipeline {found!r} in {path}, wanted one of {', '.join(KINDS)}")
    for part, origin in _parts(index).items():
        if origin[0] not in LIBRARIES or (path / part / f"{origin[0]}.py").exists():
            raise InputError(
                f"found {part} from {origin[0]!r} in {path / INDEX}, wanted parts of diffusers "
                "and transformers only: other code is not run"
            )
    return index


def _parts(index: Mapping[str, Any]) -> dict[str, Any]:
    """(library, class) by part, without those that are left out."""
    lists = {k: v for k, v in index.items() if isinstance(v, list) and k not in LEFT_OUT}
    return {k: v for k, v in lists.items() if not k.startswith("_") and len(v) == 2}


def _examine(path: Path, index: Mapping[str, Any]) -> str:
    """SHA-256 over all that is read; InputError where weights are there as pickles alone."""
    read: list[list[str]] = []
    for part in sorted(_parts(index)):
        files = sorted(p for p in (path / part).glob("*") if p.is_file())
        pickles = [p.name for p in files if p.suffix in PICKLES]
        if pickles and not any(p.suffix == ".safetensors" for p in files):
            raise InputError(
                f"found pickled weights {pickles[0]} in {path / part}, wanted .safetensors: "
                "save the pipeline again with safe_serialization=True"
            )
        kept = [p for p in files if p.suffix not in PICKLES]
        read += [[p.relative_to(path).as_posix(), sha256_of_file(p)] for p in kept]
    return sha256_of_json([index, read])


def _load(path: Path, class_name: str) -> Any:
    pipeline_class = getattr(require_diffusers(), class_name)
    without = {} if class_name.startswith("LDM") else dict.fromkeys(LEFT_OUT)
    try:
        pipeline = pipeline_class.from_pretrained(
            path, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False, **without
        )
    except Exception as error:  # diffusers raises whatever the broken file provokes
        raise InputError(
            f"found no readable {class_name} in {path} ({type(error).__name__}: {error})"
        ) from error
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.float()  # some parts stay in half precision where they were stored so
    return pipeline
