"""A picture without its colours, whose inversion is colorization."""

from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.pixelwise import Luma
from sr3.degradations.protocol import Degradation, Request


def operator(_: Request) -> Operator:
    """Luma, whatever the picture."""
    return Luma()


DEGRADATION = Degradation(
    title="grayscale",
    source="ITU-R BT.601 luma, as Pillow's mode L",
    version=1,
    operator=operator,
    channels=1,
    look="gray",
)
