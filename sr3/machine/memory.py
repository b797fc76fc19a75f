"""How much memory and arithmetic a training step takes, found without doing it, on fake tensors."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from sr3.base.errors import InputError
from sr3.networks.presets import PRESETS
from sr3.networks.unet import Stage, UNet, UNetConfig

GIB = 2**30
HEADROOM = 0.9  # share of a GPU's memory that is ours; the rest is context, workspace, fragments


@dataclass(frozen=True)
class Requirement:
    """Bytes and operations of training one network.

    Attributes:
        weights: number of weights.
        fixed: bytes of weights, gradients, Adam's moments and averages, all float32.
        activations, recomputed: bytes kept for the backward pass per picture under bf16 autocast,
            without and with recomputation of the stages.
        flops: forward and backward per picture, a multiply-add counted as two.
    """

    weights: int
    fixed: int
    activations: int
    recomputed: int
    flops: int

    def batch(self, memory: float, recompute: bool) -> int:
        """Pictures that fit into `memory` bytes at once; 0 when not even the weights do."""
        room = HEADROOM * memory - self.fixed
        return max(0, int(room // (self.recomputed if recompute else self.activations)))


def requirement(config: UNetConfig, averages: int) -> Requirement:
    """Requirement of `config` at its training resolution, with so many averages kept."""
    with FakeTensorMode(), torch.random.fork_rng(devices=[]):
        net = UNet(config)
        weights = sum(p.numel() for p in net.parameters())
        ledger = Ledger(net)
        with FlopCounterMode(display=False) as counter:
            ledger.train_once(config)
        flops = counter.get_total_flops()
    inner = [ledger.kept[name] for name in ledger.kept if name]
    recomputed = ledger.inputs + ledger.kept[""] + max(inner)
    fixed = 4 * weights * (4 + averages)
    return Requirement(weights, fixed, sum(ledger.kept.values()), recomputed, flops)


def describe_preset(name: str) -> dict[str, Any]:
    """Size of a preset and the memory of training it."""
    if name not in PRESETS:
        raise InputError(f"found preset {name!r}, wanted one of: {', '.join(sorted(PRESETS))}")
    need = requirement(PRESETS[name], averages=2)
    lines: dict[str, Any] = {
        "network": PRESETS[name],
        "weights": f"{need.weights:,}",
        "forward and backward": f"{need.flops / 1e9:,.1f} GFLOP a picture",
        "fixed memory": f"{need.fixed / GIB:.1f} GiB (weights, gradients, Adam, two averages)",
        "activations": f"{need.activations / GIB:.2f} GiB a picture in bf16, "
        f"{need.recomputed / GIB:.2f} with --recompute",
    }
    for gib in (24, 40, 80, 141):
        plain, recomputed = (need.batch(gib * GIB, r) for r in (False, True))
        lines[f"batch on {gib} GiB"] = f"{plain}, or {recomputed} with --recompute"
    return lines


class Ledger:
    """Bytes that one picture's backward pass keeps, by stage ("" outside of all), each once."""

    def __init__(self, net: UNet) -> None:
        self.net = net
        self.kept: dict[str, int] = {"": 0}
        self.inputs = 0
        self.stage = ""
        self.alive: list[Tensor] = []  # so that no storage is freed and its number used again
        self.seen = {_storage(p) for p in net.parameters()}
        self.shapes = {tuple(p.shape) for p in net.parameters()}
        for name, module in net.named_modules():
            if isinstance(module, Stage):
                module.register_forward_pre_hook(partial(self._enter, name))
                module.register_forward_hook(self._leave)

    def _enter(self, name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.stage = name
        self.kept[name] = 0
        self.inputs += inputs[0].untyped_storage().nbytes()

    def _leave(self, *_: object) -> None:
        self.stage = ""

    def _note(self, tensor: Tensor) -> Tensor:
        """Count a saved tensor; half-precision copies of weights live once, not per picture."""
        key = _storage(tensor)
        if key not in self.seen and tuple(tensor.shape) not in self.shapes:
            self.seen.add(key)
            self.alive.append(tensor)
            self.kept[self.stage] += tensor.untyped_storage().nbytes()
        return tensor

    def train_once(self, config: UNetConfig) -> None:
        """Forward and backward of one picture."""
        side = config.resolution
        y_t = torch.zeros(1, config.image_channels, side, side)
        lr_up = torch.zeros(1, config.condition_channels, side, side)
        gamma = torch.full((1,), 0.5, dtype=torch.float64)
        with torch.autograd.graph.saved_tensors_hooks(self._note, lambda t: t):
            with torch.autocast("cpu", torch.bfloat16):
                output = self.net(lr_up, y_t, gamma)
            loss = output.float().square().mean()
        loss.backward()


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
