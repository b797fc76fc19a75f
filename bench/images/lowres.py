"""What systems are given of a set: LR made from HR by a known operator, or files of it that are
recognised, or pictures that another degradation made from HR.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.images.pixels import LR_ID, make_lr, to_batch
from bench.images.reading import read_checked
from bench.images.recognition import Recognition
from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.degradations.kinds.operator import Operator as Degrading
from sr3.degradations.protocol import LOW_RESOLUTION, Chosen, choose
from sr3.pictures.images import base_of
from sr3.pictures.operators import BICUBIC, KNOWN, Operator


@dataclass(frozen=True)
class LrFile:
    """The given LR of one image; `size` is (height, width)."""

    path: Path
    sha256: str
    size: tuple[int, int]
    gray: bool = False

    def read(self) -> np.ndarray:
        """(h, w, 3) uint8; InputError where the file has changed its size or mode."""
        return read_checked(self.path, self.size, "its HR image", self.gray)


Bring = Callable[[Tensor, int], Tensor]
HOLE = 128  # level that a hole is shown as
CHECKS, CONTRAST = 4, 32  # pixels and levels of the pattern that a hole has on a gray page


@dataclass(frozen=True)
class LowRes:
    """Where the LR of a set comes from.

    Attributes:
        made_by: name of the operator that makes it from HR, or that was found to have made the
            given files; None where none of the known ones fits them.
        folder: of the given files; None where LR is made.
        recognition: how well that operator fits the given files.
        sha256: of the given files by stem and content.
        degradation: what makes the systems' input instead, from HR; what is random in it is keyed
            by the picture's content, so that it can be made again.
    """

    made_by: str | None = BICUBIC.name
    folder: Path | None = None
    recognition: Recognition | None = None
    sha256: str | None = None
    degradation: Chosen | None = None

    @property
    def operator(self) -> Operator | None:
        """The operator by which outputs are brought down again, or None."""
        return None if self.made_by is None else KNOWN[self.made_by]

    @property
    def down(self) -> Bring | None:
        """Its function, or None."""
        return None if self.operator is None else self.operator.down

    def down_for(self, hr: Tensor) -> Bring | None:
        """How outputs on [0, 1] become what was made of HR (B, 3, H, W) uint8, in three channels.

        None where that is not known, or a matter of chance.
        """
        chosen = self.degradation
        if chosen is None:
            return self.down
        if not chosen.degradation.repeats:
            return None
        operator = self._drawn(hr)

        def down(images: Tensor, _: int) -> Tensor:
            made = (base_of(operator(images * 2 - 1)) + 1) / 2
            if operator.told is None:
                return made
            return torch.where(operator.told.to(made.device) > 0, made, HOLE / 255)

        return down

    def down_levels(self, hr: Tensor) -> Bring | None:
        """The same for outputs on 0..255."""
        bring = self.down_for(hr)
        if bring is None or self.degradation is None:
            return bring
        return lambda images, scale: 255 * bring(images / 255, scale)

    @property
    def called(self) -> str:
        """What the systems' input is called beside pictures; a degraded one may be of HR's size."""
        return "LR" if self.degradation is None else "input"

    @property
    def look(self) -> str:
        """What people see in it, of `sr3.degradations.protocol.LOOKS`."""
        return LOW_RESOLUTION if self.degradation is None else self.degradation.degradation.look

    @property
    def problem(self) -> str | None:
        """Why agreement with LR cannot be measured, or None."""
        if self.degradation is not None:
            title = self.degradation.degradation.title
            noisy = not self.degradation.degradation.repeats
            return f"the input was made by chance ({title})" if noisy else None
        if self.operator is not None:
            return None
        assert self.recognition is not None
        return f"the given LR was {self.recognition.words}"

    @property
    def id(self) -> str:
        """For a record: how LR came to be."""
        if self.degradation is not None:
            return self.degradation.id
        if self.folder is None:
            return made_id(self.made_by)
        return f"given files, made by {self.made_by or 'none of the known operators'}"

    @property
    def words(self) -> str:
        """One line for people."""
        if self.degradation is not None:
            return f"made from HR: {self.degradation.title}, 8-bit"
        if self.recognition is not None:
            return f"files of {self.folder}, {self.recognition.words}"
        assert self.operator is not None
        return f"made by {self.operator.name} ({self.operator.title}), 8-bit"

    def key(self, file: LrFile | None) -> str:
        """For caches: all that the LR of an image and measuring against it depend on."""
        if self.degradation is not None:
            return f"{self.degradation.id} float64-8bit"
        if file is None:
            return made_id(self.made_by)
        by = "unknown" if self.operator is None else self.operator.id
        return f"given {file.sha256} {by}"

    def batch(self, files: Sequence[LrFile | None], hr: Tensor, scale: int) -> Tensor:
        """(B, 3, h, w) uint8 of HR (B, 3, H, W) uint8, made or read: for people and metrics."""
        if self.degradation is not None:
            return base_of(self.input(files, hr, scale)).contiguous()
        given = [file.read() for file in files if file is not None]
        if given:
            return to_batch(given, str(hr.device))
        return made(hr, scale, self.operator or BICUBIC)

    def input(self, files: Sequence[LrFile | None], hr: Tensor, scale: int) -> Tensor:
        """What systems are given: the same, but one channel for gray, and a mask as a fourth."""
        if self.degradation is None:
            return self.batch(files, hr, scale)
        return self._drawn(hr).levels(hr)

    def shown(self, files: Sequence[LrFile | None], hr: Tensor, scale: int) -> Tensor:
        """As `batch`, on a page of the gray that holes have: they are checked there."""
        given = self.input(files, hr, scale)
        if given.shape[1] <= 3:
            return self.batch(files, hr, scale)
        rows, columns = (torch.arange(side) // CHECKS % 2 for side in given.shape[-2:])
        checks = HOLE + CONTRAST * (2 * (rows[:, None] ^ columns) - 1)
        known = given[:, 3:] > 127
        return torch.where(known, given[:, :3], checks.to(given))

    def _drawn(self, hr: Tensor) -> Degrading:
        """A for each of HR (B, 3, H, W) uint8."""
        assert self.degradation is not None
        digests = [hashlib.sha256(p.cpu().numpy().tobytes()).hexdigest() for p in hr]
        generators = [generator_of("degradation", digest) for digest in digests]
        return self.degradation.draw((hr.shape[-2], hr.shape[-1]), generators)

    def record(self) -> Mapping[str, Any]:
        """What a record's `extra` says; empty for the LR that every suite makes by default."""
        if self.degradation is not None:
            return {"lr": {"degradation": self.degradation.text, "id": self.degradation.id}}
        if self.folder is None:
            return {} if self.made_by == BICUBIC.name else {"lr": {"operator": self.made_by}}
        assert self.recognition is not None
        found = self.recognition
        return {
            "lr": {
                "operator": self.made_by,
                "folder": str(self.folder),
                "sha256": self.sha256,
                "recognised": found.words,
                "also": list(found.also),
                "rms_levels": round(found.rms, 4),
                "equal": round(found.equal, 6),
            }
        }


def low_of_suite(operator: str, degradation: str | None, scale: int) -> LowRes:
    """What a suite's systems are given where no files are.

    Raises:
        InputError: a degradation that is not there or does not fit the suite's scale.
    """
    if degradation is None:
        return LowRes(operator)
    chosen = choose(degradation, scale)
    if chosen.scale != scale:
        raise InputError(f"found scale {scale} with {chosen.name}, which keeps the size: wanted 1")
    return LowRes(None, degradation=chosen)


def made(hr: Tensor, scale: int, operator: Operator) -> Tensor:
    """8-bit LR of 8-bit HR."""
    if operator is BICUBIC:
        return make_lr(hr, scale)
    return operator.eight_bit(hr.cpu(), scale).to(hr.device)  # the same bits on every device


def made_id(operator: str | None) -> str:
    """How LR made here is called in records and cache keys."""
    if operator in (None, BICUBIC.name):
        return LR_ID
    return f"{KNOWN[str(operator)].id}-float64-8bit"
