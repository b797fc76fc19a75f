"""Low resolution by MATLAB's imresize, as the classic test sets are made."""

from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.separable import Resizing
from sr3.degradations.protocol import Degradation, Request
from sr3.pictures.operators import MATLAB


def operator(request: Request) -> Operator:
    """imresize, which on 8-bit pictures rounds after the rows already."""
    return Resizing(MATLAB, request.size, request.scale)


DEGRADATION = Degradation(
    title="MATLAB's bicubic reduction",
    source="MATLAB imresize, bicubic with antialiasing; borders mirrored with the edge twice",
    version=1,
    operator=operator,
    resizes=True,
    look="low_resolution",
)
