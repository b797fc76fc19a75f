"""The paper's low resolution: antialiased bicubic, as Pillow's BICUBIC."""

from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.separable import Resizing
from sr3.degradations.protocol import Degradation, Request
from sr3.pictures.operators import BICUBIC


def operator(request: Request) -> Operator:
    """The one resize operator, whatever the picture."""
    return Resizing(BICUBIC, request.size, request.scale)


DEGRADATION = Degradation(
    title="bicubic reduction",
    source="Saharia et al. 2021; Keys 1981, a = -0.5",
    version=1,
    operator=operator,
    resizes=True,
    look="low_resolution",
)
