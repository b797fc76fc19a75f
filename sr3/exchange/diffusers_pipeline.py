"""SR3 as a pipeline of diffusers: an LR picture in, a picture of `scale` times its sides out.

It stands beside exported weights and needs torch, diffusers, NumPy and Pillow alone.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DiffusionPipeline, ImagePipelineOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

Generators = torch.Generator | list[torch.Generator] | None


class SR3Pipeline(DiffusionPipeline):  # type: ignore[misc]
    """Network, scheduler and what turns their y_0 into a picture.

    The scheduler walks every step of its betas, which are those of the exported run. It is handed
    estimates of y_0 (its `prediction_type` is "sample"), kept to what a picture allows.
    """

    def __init__(
        self,
        unet: Any,
        scheduler: Any,
        scale: int = 4,  # diffusers reads back only arguments that have a default
        objective: str = "epsilon",
        residual_scale: float | None = None,
        temperature: float = 1.0,
        spread: float = 1.0,
    ) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)
        self.register_to_config(
            scale=scale,
            objective=objective,
            residual_scale=residual_scale,
            temperature=temperature,
            spread=spread,
        )

    @torch.no_grad()
    def __call__(
        self,
        image: Image.Image | Sequence[Image.Image] | Tensor,
        generator: Generators = None,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> Any:
        """Super-resolve.

        Args:
            image: RGB pictures of one size, or (B, 3, h, w) in [0, 1]. `scale` times their sides
                must be multiples of `unet.network.config.divisor`; pictures larger than those of
                training are taken whole, without windows.
            generator: one for all, or a list of one per picture.
            output_type: "pil"; "pt" for (B, 3, H, W) in [0, 1]; "np" for (B, H, W, 3).
            return_dict: with False a tuple.
        """
        lr = _batch(image).to(self.device, torch.float32) * 2 - 1
        size = [side * self.config.scale for side in lr.shape[-2:]]
        lr_up = F.interpolate(lr, size, mode="bicubic", align_corners=False, antialias=True)
        sr = self._picture(self._refine(lr_up, generator), lr_up)
        pictures = _as_asked(sr / 2 + 0.5, output_type)
        return ImagePipelineOutput(images=pictures) if return_dict else (pictures,)

    def _refine(self, lr_up: Tensor, generator: Generators) -> Tensor:
        """y_0: `spread` of the way from the first estimate, the mean, to the last."""
        scheduler, spread = self.scheduler, self.config.spread
        self.unet.network.to(memory_format=torch.channels_last)  # the kernels of sr3bench
        lr_up = lr_up.contiguous(memory_format=torch.channels_last)
        gammas = _start_exact(scheduler, lr_up.device)
        y = self._noise(lr_up, generator) * scheduler.init_noise_sigma
        first: Tensor | None = None
        for t in self.progress_bar(scheduler.timesteps):
            y_t, gamma = scheduler.scale_model_input(y, t), gammas[int(t)]
            output = self.unet(torch.cat([lr_up, y_t], 1), gamma.expand(len(y_t))).sample
            picture = self._picture(estimate(self.config.objective, output, y_t, gamma), lr_up)
            y_0 = self._y_0(picture, lr_up)
            first = y_0 if first is None else first
            y = scheduler.step(y_0, t, y, **self._randomness(lr_up, generator)).prev_sample
        return y if first is None or spread == 1 else torch.lerp(first, y, spread)

    def _picture(self, y_0: Tensor, lr_up: Tensor) -> Tensor:
        """Of a y_0, in [-1, 1]."""
        residual = self.config.residual_scale
        return (y_0 if residual is None else lr_up + residual * y_0).clamp(-1, 1)

    def _y_0(self, picture: Tensor, lr_up: Tensor) -> Tensor:
        residual = self.config.residual_scale
        return picture if residual is None else (picture - lr_up) / residual

    def _randomness(self, like: Tensor, generator: Generators) -> dict[str, Any]:
        """What `step` needs to draw; only noise that it is given can have a temperature."""
        accepted = inspect.signature(self.scheduler.step).parameters
        if "variance_noise" in accepted:
            return {"variance_noise": self._noise(like, generator)}
        if self.config.temperature != 1 and self.scheduler.__class__.__name__ == "DDPMScheduler":
            raise ValueError("DDPMScheduler draws noise of temperature 1 only: set temperature 1")
        return {"generator": generator} if "generator" in accepted else {}

    def _noise(self, like: Tensor, generator: Generators) -> Tensor:
        drawn = randn_tensor(like.shape, generator=generator, device=like.device, dtype=like.dtype)
        scaled: Tensor = drawn * self.config.temperature
        return scaled


def _start_exact(scheduler: Any, device: torch.device) -> Tensor:
    """Set the steps and give every gamma, (T,) float64.

    Schedulers keep float32, in which gamma near 1 does not survive; all that they compute from
    these tensors has the precision of these.
    """
    beta = torch.as_tensor(scheduler.config.trained_betas, dtype=torch.float64)
    gammas = scheduler.alphas_cumprod = torch.log1p(-beta).cumsum(0).exp()
    scheduler.set_timesteps(scheduler.config.num_train_timesteps, device=device)
    if hasattr(scheduler, "sigmas"):
        passed = gammas[scheduler.timesteps.long().cpu()]
        scheduler.sigmas = torch.cat([((1 - passed) / passed).sqrt(), passed.new_zeros(1)])
    return gammas.to(device)


def estimate(objective: str, output: Tensor, y_t: Tensor, gamma: Tensor) -> Tensor:
    """y_0 from the network's output; v as in Salimans & Ho (2022), eq. 10."""
    alpha, sigma = gamma.sqrt().to(y_t), (1 - gamma).sqrt().to(y_t)
    if objective == "epsilon":
        return (y_t - sigma * output) / alpha
    return output if objective == "x0" else alpha * y_t - sigma * output


def _batch(image: Image.Image | Sequence[Image.Image] | Tensor) -> Tensor:
    if isinstance(image, Tensor):
        return image
    pictures = [image] if isinstance(image, Image.Image) else image
    arrays = [np.asarray(picture.convert("RGB"), dtype=np.float32) / 255 for picture in pictures]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


def _as_asked(sr: Tensor, output_type: str) -> Any:
    if output_type == "pt":
        return sr
    arrays = sr.permute(0, 2, 3, 1).cpu().numpy()
    if output_type == "np":
        return arrays
    return [Image.fromarray(np.floor(array * 255 + 0.5).astype(np.uint8)) for array in arrays]
