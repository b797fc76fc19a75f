"""Blur by straight even motion of the camera while the shutter is open."""

from sr3.degradations.kinds.kernels import PeriodicBlur, line, stacked
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Degradation, Parameter, Request


def operator(request: Request) -> Operator:
    """Each picture's own stroke."""
    kernels = stacked([line(v["length"], v["angle"]) for v in request.values])
    return PeriodicBlur(kernels, request.size)


DEGRADATION = Degradation(
    title="motion blur",
    source="a straight stroke with bilinear weights, borders joined",
    version=1,
    operator=operator,
    parameters={
        "length": Parameter((15, 15), (1, 63), "pixels", "how far the picture moves"),
        "angle": Parameter((30, 30), (0, 180), "degrees", "direction, from right to the top"),
    },
    look="blurred",
)
