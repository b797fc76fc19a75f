"""Blur by a Gaussian, as of a lens out of focus."""

import torch

from sr3.degradations.kinds.kernels import gaussian_matrix
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.separable import Separable
from sr3.degradations.protocol import Degradation, Parameter, Request


def operator(request: Request) -> Operator:
    """Each picture's own Gaussian along rows and columns."""
    sigmas = [values["sigma"] for values in request.values]
    rows, columns = (
        torch.stack([gaussian_matrix(side, sigma) for sigma in sigmas]) for side in request.size
    )
    return Separable(rows, columns)


DEGRADATION = Degradation(
    title="Gaussian blur",
    source="a Gaussian out to four deviations, borders mirrored",
    version=1,
    operator=operator,
    parameters={
        "sigma": Parameter((2, 2), (0.1, 20), "pixels", "standard deviation of the Gaussian")
    },
    look="blurred",
)
