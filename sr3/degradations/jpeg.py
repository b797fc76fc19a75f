"""JPEG at a low quality, colours at half resolution, as most files of the web are."""

from torch import Tensor

from sr3.degradations.kinds.jpeg_codec import compressed
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Degradation, Parameter, Request


class Jpeg(Operator):
    """Through JPEG, each picture with its own quality."""

    linear = False

    def __init__(self, qualities: list[int]) -> None:
        self.qualities = qualities

    def __call__(self, hr: Tensor) -> Tensor:
        return compressed(hr, self.qualities)


def operator(request: Request) -> Operator:
    """Each picture's own quality."""
    return Jpeg([round(values["quality"]) for values in request.values])


DEGRADATION = Degradation(
    title="JPEG",
    source="ISO/IEC 10918-1, Annex K tables scaled by libjpeg's rule, 4:2:0",
    version=1,
    operator=operator,
    parameters={"quality": Parameter((10, 10), (1, 100), "", "as in libjpeg", whole=True)},
    linear=False,
    look="compressed",
)
