"""Decoded pictures, kept in memory up to a budget, so that a trial only puts them side by side.

A picture never changes: its name is the SHA-256 of its bytes. Decoding it takes several times as
long as making a composite, and a study shows each of its pictures many times.
"""

from collections import OrderedDict
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from twoafc_server.design.study_file import Display
from twoafc_server.storage.models import Picture
from twoafc_server.storage.plans import Plan, PlannedTrial
from twoafc_server.web.participant.composite import Pixels, decode, enlarge

BUDGET = 96 * 1024 * 1024


class Panels:
    """The pictures used last. budget: bytes of pixels that are kept by one process."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._kept: OrderedDict[str, Pixels] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def read(self, session: Session, names: set[str]) -> dict[str, Pixels]:
        """Pixels by SHA-256; what is not in memory is read and decoded."""
        with self._lock:
            found = {name: self._kept[name] for name in names if name in self._kept}
            for name in found:
                self._kept.move_to_end(name)
        missing = sorted(names - set(found))
        if missing:
            rows = session.execute(
                select(Picture.sha256, Picture.png).where(Picture.sha256.in_(missing))
            )
            for name, png in rows:
                found[name] = self._keep(name, decode(png))
        return found

    def _keep(self, name: str, pixels: Pixels) -> Pixels:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = pixels
                self._bytes += pixels.nbytes
            while self._bytes > self._budget and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pixels


def parts(
    session: Session, panels: Panels, plan: Plan, trial: PlannedTrial
) -> tuple[Pixels, Pixels, Pixels | None, Display]:
    """What a trial shows: left, right, for task 1 the enlarged input, and how to lay them out."""
    display = plan.study.display
    with_lr = plan.task == "task1"
    wanted = {trial.left, trial.right} | ({trial.lr} if with_lr else set())
    found = panels.read(session, wanted)
    lr = enlarge(found[trial.lr], plan.size, display) if with_lr else None
    return found[trial.left], found[trial.right], lr, display
