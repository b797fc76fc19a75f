"""The optimisers of a run: Adam as the paper, or Muon on the matrices and Adam on the rest.

Muon (Jordan et al. 2024) makes the update of every weight matrix near-orthogonal. A convolution
counts as the matrix of its output channels by all it sums over. The first and the last layer, the
class embedding, the biases and the norms stay with Adam, as its authors advise. Both are PyTorch's
own, but for Muon on a device without bf16 arithmetic (`sr3.optimization.muon`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from sr3.machine.processes import fill
from sr3.networks.precision import has_bf16
from sr3.networks.unet import UNet
from sr3.optimization.muon import FloatMuon

Kind = Literal["adam", "muon"]  # of the inner matrices; all else is Adam's


def matrix_of(weight: Tensor) -> Tensor:
    """The weight (out, ...) as (out, rest) in the same memory, whichever its layout."""
    if weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        weight = weight.permute(0, 2, 3, 1)
    return weight.flatten(1)


def weight_of(matrix: Tensor, weight: Tensor) -> Tensor:
    """Inverse of `matrix_of`: `matrix` in the shape of `weight`, in the same memory."""
    if weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        out, into, height, width = weight.shape
        return matrix.view(out, height, width, into).permute(0, 3, 1, 2)
    return matrix.view(weight.shape)


def laid_out(values: Tensor, like: Tensor) -> Tensor:
    """`values` with the strides of `like`."""
    same = values.stride() == like.stride()
    return values if same else torch.empty_like(like).copy_(values)


def make_muon(matrices: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """PyTorch's Muon, which iterates in bf16, or ours in float32 where that is emulated."""
    chosen = list(matrices)
    if not has_bf16(chosen[0].device):
        return FloatMuon(chosen, lr=0.0)
    return torch.optim.Muon(chosen, lr=0.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")


def _class_embedding(network: UNet) -> list[nn.Module]:
    return [network.embed_class] if network.config.classes else []


class Optimizers:
    """One step of every weight at the learning rate of the moment."""

    def __init__(self, network: UNet, kind: Kind, betas: tuple[float, float], fused: bool) -> None:
        self.named = dict(network.named_parameters())
        self.flat: dict[str, nn.Parameter] = {}
        if kind == "muon":
            layers = [network.stem, network.head, *_class_embedding(network)]
            outer = {id(p) for layer in layers for p in layer.parameters()}
            self.flat = {
                name: nn.Parameter(matrix_of(p.detach()))
                for name, p in self.named.items()
                if p.ndim > 1 and id(p) not in outer
            }
        rest = [p for name, p in self.named.items() if name not in self.flat]
        self.adam = torch.optim.Adam(rest, lr=0.0, betas=betas, fused=fused)
        self.muon = make_muon(self.flat.values()) if self.flat else None

    def step(self, learning_rate: float) -> None:
        """Move the weights against their gradients."""
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.step()
        if self.muon is None:
            return
        for group in self.muon.param_groups:
            group["lr"] = learning_rate
        for name, flat in self.flat.items():
            weight = self.named[name]
            flat.grad = None if weight.grad is None else matrix_of(laid_out(weight.grad, weight))
        self.muon.step()

    def moments(self) -> Iterator[tuple[str, Tensor]]:
        """Everything that the optimisers remember, as `exp_avg/NAME` and so on."""
        for name, weight in self.named.items():
            if self.muon is not None and name in self.flat:
                for moment, value in self.muon.state.get(self.flat[name], {}).items():
                    yield f"{moment}/{name}", weight_of(value, weight)
                continue
            state = self.adam.state.get(weight, {})
            for moment in ("exp_avg", "exp_avg_sq"):
                if moment in state:
                    yield f"{moment}/{name}", state[moment]

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Inverse of `moments` after `step` steps."""
        self.adam.state.clear()
        if self.muon is not None:
            self.muon.state.clear()
        if not step:
            return

        def stored(moment: str, name: str) -> Tensor:
            value = torch.zeros_like(self.named[name]).detach()
            fill(value, tensors[f"{moment}/{name}"])
            return value

        for name, weight in self.named.items():
            if self.muon is not None and name in self.flat:
                momentum = matrix_of(stored("momentum_buffer", name))
                self.muon.state[self.flat[name]] = {"momentum_buffer": momentum}
                continue
            self.adam.state[weight] = {
                "step": torch.tensor(float(step), device=weight.device),
                "exp_avg": stored("exp_avg", name),
                "exp_avg_sq": stored("exp_avg_sq", name),
            }
