"""Low resolution by averaging squares of pixels: Pillow's BOX, average pooling."""

from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.separable import Resizing
from sr3.degradations.protocol import Degradation, Request
from sr3.pictures.operators import KNOWN


def operator(request: Request) -> Operator:
    """The mean of each square, whatever the picture."""
    return Resizing(KNOWN["box"], request.size, request.scale)


DEGRADATION = Degradation(
    title="box average",
    source="the mean of scale x scale pixels, as DDRM (Kawar et al. 2022) and others make it",
    version=1,
    operator=operator,
    resizes=True,
    look="low_resolution",
)
