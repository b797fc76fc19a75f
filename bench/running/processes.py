"""Several processes of one run share its images: `torchrun --nproc-per-node N -m bench.run ...`.

Each process makes and judges every N-th image into the common cache; then the first one reads all
of it back and writes the records. A record is thus made from the same cached values whoever
computed them, so that results equal those of one process.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")
PATIENCE = timedelta(days=7)  # a slow system may keep the others waiting at the barrier


@dataclass(frozen=True)
class World:
    """This process among those of the run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes records."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share."""
        return items[self.rank :: self.size]

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.size == 1:
            return
        import torch.distributed as distributed

        if not distributed.is_initialized():
            distributed.init_process_group("gloo", timeout=PATIENCE)
        distributed.barrier()

    def close(self) -> None:
        """Leave the process group, if there is one."""
        if self.size > 1:
            import torch.distributed as distributed

            if distributed.is_initialized():
                distributed.destroy_process_group()


def world_of(environ: Mapping[str, str] = os.environ) -> World:
    """What torchrun's environment variables say, else one process alone."""
    return World(
        int(environ.get("RANK", 0)),
        int(environ.get("WORLD_SIZE", 1)),
        int(environ.get("LOCAL_RANK", 0)),
    )
