"""A model as a folder that diffusers loads: weights, scheduler, and the code they need beside them.

diffusers has no network like ours (residual blocks scaled by 1/sqrt(2), resampling within them, a
noise level instead of a step number), so the folder brings it as code; the scheduler is one of
diffusers' own.
"""

import ast
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib import util
from pathlib import Path
from typing import Any

from sr3.base.errors import InputError
from sr3.base.files import disk_errors, write_json, write_text
from sr3.base.torchvision_guard import require_diffusers
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec
from sr3.sampling import schedule_choice
from sr3.sampling.upscaling import softening

UNET, PIPELINE = "sr3_unet", "sr3_pipeline"  # files beside the weights, and their sources:
SOURCES = {
    f"unet/{UNET}.py": ("sr3.networks.layers", "sr3.networks.unet", "sr3.exchange.diffusers_unet"),
    f"{PIPELINE}.py": ("sr3.exchange.diffusers_pipeline",),
}
HEADER = "# Written by `sr3.export --diffusers` of sr3bench (Apache-2.0) from {}.\n\n"
WHOLE = {"timestep_spacing": "leading"}  # of all steps: every one
SOLVER = WHOLE | {"timestep_spacing": "trailing", "final_sigmas_type": "zero"}
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ancestral": ("DDPMScheduler", WHOLE | {"variance_type": "fixed_large", "clip_sample": False}),
    "posterior": ("DDPMScheduler", WHOLE | {"variance_type": "fixed_small", "clip_sample": False}),
    "ddim": ("DDIMScheduler", WHOLE | {"set_alpha_to_one": True, "clip_sample": False}),
    "dpmpp-2m": ("DPMSolverMultistepScheduler", SOLVER),
    "dpmpp-2m-sde": (
        "DPMSolverMultistepScheduler",
        SOLVER | {"algorithm_type": "sde-dpmsolver++"},
    ),
    "heun": ("HeunDiscreteScheduler", WHOLE),
    "unipc": ("UniPCMultistepScheduler", SOLVER | {"solver_type": "bh2"}),
}


def write_folder(
    source: Path,
    out: Path,
    sampler: str | None = None,
    steps: int | None = None,
    schedule: str | None = None,
    temperature: float | None = None,
    spread: float | None = None,
) -> None:
    """Write the weights `source` as the folder `out`, whole or not at all.

    Args:
        sampler, steps, schedule, temperature, spread: of the run that the folder samples; None is
            the model's own default.

    Raises:
        InputError: weights of another kind than sr3, options that cannot be, an `out` that is
            there, or no diffusers.
    """
    require_diffusers()
    if out.exists():
        raise InputError(f"found {out}, wanted a new folder: remove it or give another name")
    model = checkpoint.load_model(source)
    spec = _wanted(model.spec, source)
    plan = schedule_choice.choose(spec, sampler or spec.sampler, steps, schedule)
    soft = softening(spec, temperature, spread)
    kind, options = scheduler_of(sampler or spec.sampler, soft["temperature"])
    options |= {"num_train_timesteps": plan.num_steps, "trained_betas": plan.beta[1:].tolist()}
    index: dict[str, Any] = {"scale": spec.scale, "objective": spec.objective, **soft}
    index["residual_scale"] = spec.residual_scale
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as aside:
            folder = Path(aside) / out.name
            _fill(folder, model, kind, options, index)
            shutil.move(folder, out)


def scheduler_of(sampler: str, temperature: float) -> tuple[str, dict[str, Any]]:
    """The class of diffusers that walks as our sampler does, and its settings but the betas.

    Raises:
        InputError: a temperature that the class cannot give its noise.
    """
    kind, options = SCHEDULERS[sampler]
    if kind == "DDPMScheduler" and temperature != 1:
        raise InputError(
            f"found temperature {temperature:g} with sampler {sampler}, whose scheduler in "
            "diffusers draws noise of 1 only: give --temperature 1, or --sampler dpmpp-2m-sde"
        )
    return kind, options | {"prediction_type": "sample"}  # of y_0


def standalone(modules: tuple[str, ...]) -> str:
    """The source of modules of ours as one file, without their imports of each other."""
    parts = []
    for name in modules:
        spec = util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        text = Path(spec.origin).read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sr3."):
                start, end = node.lineno - 1, node.end_lineno or node.lineno
                lines[start:end] = [""] * (end - start)
        parts.append("".join(lines))
    return HEADER.format(", ".join(modules)) + "\n\n".join(parts)


def _fill(
    folder: Path, model: Model, kind: str, options: dict[str, Any], index: Mapping[str, Any]
) -> None:
    import diffusers

    from sr3.exchange.diffusers_unet import SR3UNet

    unet = SR3UNet(unet=json.loads(json.dumps(asdict(model.spec.unet))))
    unet.network.load_state_dict(model.network.state_dict())
    unet.save_pretrained(folder / "unet", safe_serialization=True)
    getattr(diffusers, kind)(**options).save_pretrained(folder / "scheduler")
    write_json(
        folder / "model_index.json",
        {
            "_class_name": [PIPELINE, "SR3Pipeline"],
            "_diffusers_version": diffusers.__version__,
            "unet": [UNET, "SR3UNet"],
            "scheduler": ["diffusers", kind],
            **index,
        },
    )
    for name, modules in SOURCES.items():
        write_text(folder / name, standalone(modules))


def _wanted(spec: ModelSpec, source: Path) -> ModelSpec:
    if spec.task != "sr3" or source.suffix != ".safetensors":
        kind = spec.task if spec.task != "sr3" else "public SR3 network"
        raise InputError(f"found a {kind} in {source}, wanted weights of sr3 by sr3.train")
    if spec.degradation is not None:
        raise InputError(
            f"found weights trained with {spec.degradation} in {source}, wanted ones of the "
            "bicubic reduction, which the pipeline of diffusers makes its condition by"
        )
    return spec
