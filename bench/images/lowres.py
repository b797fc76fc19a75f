"""Low resolution of a set: made from HR by a known operator, or given as files and recognised."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from bench.images.pixels import LR_ID, make_lr, to_batch
from bench.images.reading import read_checked
from bench.images.recognition import Recognition
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


@dataclass(frozen=True)
class LowRes:
    """Where the LR of a set comes from.

    Attributes:
        made_by: name of the operator that makes it from HR, or that was found to have made the
            given files; None where none of the known ones fits them.
        folder: of the given files; None where LR is made.
        recognition: how well that operator fits the given files.
        sha256: of the given files by stem and content.
    """

    made_by: str | None = BICUBIC.name
    folder: Path | None = None
    recognition: Recognition | None = None
    sha256: str | None = None

    @property
    def operator(self) -> Operator | None:
        """The operator by which outputs are brought down again, or None."""
        return None if self.made_by is None else KNOWN[self.made_by]

    @property
    def down(self) -> Callable[[Tensor, int], Tensor] | None:
        """Its function, or None."""
        return None if self.operator is None else self.operator.down

    @property
    def problem(self) -> str | None:
        """Why agreement with LR cannot be measured, or None."""
        if self.operator is not None:
            return None
        assert self.recognition is not None
        return f"the given LR was {self.recognition.words}"

    @property
    def id(self) -> str:
        """For a record: how LR came to be."""
        if self.folder is None:
            return made_id(self.made_by)
        return f"given files, made by {self.made_by or 'none of the known operators'}"

    @property
    def words(self) -> str:
        """One line for people."""
        if self.recognition is not None:
            return f"files of {self.folder}, {self.recognition.words}"
        assert self.operator is not None
        return f"made by {self.operator.name} ({self.operator.title}), 8-bit"

    def key(self, file: LrFile | None) -> str:
        """For caches: all that the LR of an image and measuring against it depend on."""
        if file is None:
            return made_id(self.made_by)
        by = "unknown" if self.operator is None else self.operator.id
        return f"given {file.sha256} {by}"

    def batch(self, files: Sequence[LrFile | None], hr: Tensor, scale: int) -> Tensor:
        """(B, 3, h, w) uint8 of HR (B, 3, H, W) uint8, made or read."""
        given = [file.read() for file in files if file is not None]
        if given:
            return to_batch(given, str(hr.device))
        return made(hr, scale, self.operator or BICUBIC)

    def record(self) -> Mapping[str, Any]:
        """What a record's `extra` says; empty for the LR that every suite makes by default."""
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
