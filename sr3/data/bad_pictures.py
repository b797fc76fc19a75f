"""Pictures that a run could not use: named, counted, and refused when they are too many."""

from sr3.base.errors import InputError
from sr3.machine.processes import World


class BadPictures:
    """Names and counts training pictures that could not be used, and stops a run with too many.

    Args:
        allowed: share of the training pictures that may be unusable.
        total: training pictures there are.
    """

    SHOWN = 20

    def __init__(self, allowed: float, total: int) -> None:
        self.allowed, self.total = allowed, total
        self.reasons: dict[str, str] = {}
        self.waiting: dict[str, str] = {}

    def note(self, bad: list[tuple[str, str]]) -> None:
        """Remember what this process met."""
        self.waiting |= {name: reason for name, reason in bad if name not in self.reasons}

    def share(self, world: World) -> list[str]:
        """Bring together what all processes met; lines to print about it.

        Raises:
            InputError: on every process, when there are too many.
        """
        if not world.any(bool(self.waiting)):
            return []
        new: dict[str, str] = {}
        for found in world.gather(self.waiting):
            new |= {name: reason for name, reason in found.items() if name not in self.reasons}
        self.waiting = {}
        shown = max(0, self.SHOWN - len(self.reasons))
        self.reasons |= new
        if len(self.reasons) > self.allowed * self.total:
            name, reason = next(iter(self.reasons.items()))
            raise InputError(
                f"found {len(self.reasons)} unusable pictures of {self.total}, wanted at most "
                f"{self.allowed:.1%} (max_bad), such as {name}: {reason}"
            )
        return [f"passed over {name}: {reason}" for name, reason in list(new.items())[:shown]]
