"""Several processes of one run: torchrun's world, and the network wrapped for it.

Every process takes every world-th position of a batch, so the global batch is the same pictures
with the same noise whatever the number of processes.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Self, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from sr3.base.errors import InputError
from sr3.machine.options import Strategy
from sr3.networks.unet import UNet


@dataclass(frozen=True)
class Process:
    """This process among those that torchrun started; the first of one when it started none."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def from_environment(cls) -> Self:
        read = os.environ.get
        rank = int(read("RANK", "0"))
        return cls(rank, int(read("WORLD_SIZE", "1")), int(read("LOCAL_RANK", rank)))


@dataclass(frozen=True)
class World:
    """This process among the processes of the run."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum of `values` over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether any process says so; every process must ask."""
        return bool(self.sum(torch.tensor([float(flag)], device=self.device)).item())

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes in order, on every process."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        dist.all_gather_object(gathered, value)
        return gathered


def choose_device(wanted: str, process: Process, shared: bool = False) -> torch.device:
    """`auto`, `cpu` or `cuda`: each process takes the GPU of its local rank.

    Raises:
        InputError: no such GPU, unless processes may share the ones there are.
    """
    cuda = torch.cuda.is_available()
    if wanted == "cuda" and not cuda:
        raise InputError("found no CUDA device, wanted one: use --device cpu or auto")
    if wanted == "cpu" or not cuda:
        return torch.device("cpu")
    count, local = torch.cuda.device_count(), process.local_rank
    if local >= count and not shared:
        raise InputError(
            f"found {count} GPUs for local rank {local}: lower --nproc-per-node or use --device cpu"
        )
    return torch.device("cuda", local % count)


@contextmanager
def open_world(device: torch.device, process: Process) -> Iterator[World]:
    """The processes that torchrun started, joined for exchange; one alone when it started none."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if process.size == 1:
        yield World(device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(device, dist.get_rank(), dist.get_world_size())
    finally:
        # A wrapped network that outlives the group takes it down later, while it holds the lock
        # that Gloo's own thread waits for: both then wait for ever.
        gc.collect()
        dist.destroy_process_group()


def wrap(network: UNet, world: World, strategy: Strategy) -> nn.Module:
    """`network` for training in `world`: as it is, replicated (DDP) or sharded (FSDP2) in place."""
    if world.size == 1:
        return network
    if strategy == "ddp":
        ids = [world.device.index] if world.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids, gradient_as_bucket_view=True)
    mesh = init_device_mesh(world.device.type, (world.size,))
    for stage in [*network.down, *network.middle, *network.up]:
        fully_shard(stage, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return network


def synchronised(wrapped: nn.Module, now: bool) -> AbstractContextManager[Any]:
    """Context of a backward pass that exchanges gradients only if `now`, for accumulation."""
    if isinstance(wrapped, FSDPModule):
        wrapped.set_requires_gradient_sync(now)
    elif isinstance(wrapped, DistributedDataParallel) and not now:
        return cast(AbstractContextManager[Any], wrapped.no_sync())
    return nullcontext()


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor that may be sharded; shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def full(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may be sharded; every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def fill(target: Tensor, values: Tensor) -> None:
    """Copy whole `values` into a tensor that may be sharded."""
    if isinstance(target, DTensor):
        values = distribute_tensor(
            values.to(target.device, target.dtype), target.device_mesh, target.placements
        )
    local(target).copy_(local(values))
