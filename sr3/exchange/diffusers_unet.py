"""The U-Net of SR3 as a model of diffusers.

Beside exported weights this file stands together with the source of the network, so that it needs
torch and diffusers alone.
"""

from typing import Any

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor

from sr3.networks.unet import UNet, UNetConfig


class SR3UNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """`unet` holds the fields of `UNetConfig`."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, unet: dict[str, Any]) -> None:
        super().__init__()
        told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in unet.items()}
        self.network = UNet(UNetConfig(**told))

    def forward(self, sample: Tensor, gamma: Tensor) -> UNet2DOutput:
        """The network's output under its objective.

        Args:
            sample: (B, 6, H, W), the upsampled input and then y_t, sides multiples of
                `network.config.divisor`.
            gamma: (B,) float64, the noise level (`alphas_cumprod` of a scheduler).

        Returns:
            `sample` of it is (B, 3, H, W).
        """
        lr_up, y_t = sample.chunk(2, dim=1)
        return UNet2DOutput(sample=self.network(lr_up, y_t, gamma))
