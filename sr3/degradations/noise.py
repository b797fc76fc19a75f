"""Independent Gaussian noise on every value."""

import torch
from torch import Generator, Tensor

from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Degradation, Parameter, Request


class Noise(Operator):
    """x + std * z, each picture with its own std (B,) in levels of 255 and generator for z."""

    linear = False

    def __init__(self, levels: Tensor, generators: list[Generator]) -> None:
        self.std, self.generators = levels / 127.5, generators
        self.states = [generator.get_state() for generator in generators]

    def __call__(self, hr: Tensor) -> Tensor:
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.set_state(state)  # the same noise whenever A is applied again
        draws = [torch.randn(hr.shape[1:], generator=g) for g in self.generators]
        return hr + self.std.to(hr)[:, None, None, None] * torch.stack(draws).to(hr)


def operator(request: Request) -> Operator:
    """Each picture's own noise."""
    levels = torch.tensor([values["std"] for values in request.values], dtype=torch.float64)
    return Noise(levels, list(request.generators))


DEGRADATION = Degradation(
    title="additive Gaussian noise",
    source="white noise on 8-bit values, clipped and rounded with them",
    version=1,
    operator=operator,
    parameters={
        "std": Parameter((25, 25), (0, 100), "levels of 255", "standard deviation of the noise")
    },
    linear=False,
    repeats=False,
    drawn=True,
    look="noisy",
)
