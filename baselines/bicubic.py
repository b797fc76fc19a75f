"""Bicubic interpolation by the operator behind LR: ours, the condition that SR3 itself starts from.

Where LR was made by MATLAB's `imresize`, as in the papers of the classic test sets, so is the
enlarged picture; the two differ at the border alone.
"""

from baselines.protocol import SystemOptions
from baselines.shared.interpolation import Interpolation
from sr3.pictures.operators import BICUBIC, KNOWN, MATLAB


def load(options: SystemOptions) -> Interpolation:
    """The system at the suite's scale."""
    behind = options.lr_made_by or BICUBIC.name
    operator = KNOWN[behind] if behind.startswith(MATLAB.name) else BICUBIC
    return Interpolation(
        name="bicubic",
        source="Keys 1981, a = -0.5",
        scale=options.scale,
        resize=operator.up,
        provenance={"version": 1, "operator": operator.id},
    )
