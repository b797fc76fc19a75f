"""Bicubic interpolation, the one resize operator: the condition that SR3 itself starts from."""

from baselines.protocol import SystemOptions
from baselines.shared.interpolation import Interpolation
from sr3.pictures.resize import DOWNSAMPLER_ID, upsample


def load(options: SystemOptions) -> Interpolation:
    """The system at the suite's scale."""
    return Interpolation(
        name="bicubic",
        source="Keys 1981, a = -0.5",
        scale=options.scale,
        resize=upsample,
        provenance={"version": 1, "operator": DOWNSAMPLER_ID},
    )
