"""What to do about one submission, and why, in one line. Pure: nothing is asked or stored here.

The rule: everybody who finished is paid, also who failed checks; quality is the analysis's matter.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["approve", "return", "none", "by hand"]

PAID = ("APPROVED", "PARTIALLY APPROVED")
CLOSED = (*PAID, "REJECTED", "RETURNED", "SCREENED OUT")


@dataclass(frozen=True)
class Facts:
    """What is known here of a person. status: "" for somebody who never arrived."""

    status: str
    answered: int = 0
    planned: int = 0


@dataclass(frozen=True)
class Decision:
    kind: Kind
    reason: str


def decide(facts: Facts, platform: str) -> Decision:
    """platform: the submission's status there, upper case; "" where it is not known."""
    here = _here(facts)
    if platform in PAID:
        return Decision("none", f"already approved there; {here}")
    if platform in CLOSED:
        finished = facts.status in {"completed", "failed_checks"}
        kind: Kind = "by hand" if finished else "none"
        return Decision(kind, f"{platform.lower()} there; {here}")
    if facts.status in {"completed", "failed_checks"}:
        if platform in {"", "AWAITING REVIEW"}:
            return Decision("approve", here)
        return Decision("by hand", f"{platform.lower()} there, but {here}")
    if facts.status == "":
        return Decision("by hand", here)
    if facts.status in {"arrived", "consented", "screened", "active"}:
        claims = platform == "AWAITING REVIEW"
        return Decision("by hand" if claims else "none", f"not finished: {here}")
    return Decision("return" if platform in {"AWAITING REVIEW", "ACTIVE"} else "none", here)


def _here(facts: Facts) -> str:
    count = f"{facts.answered} of {facts.planned} trials answered"
    return {
        "": "never arrived at this study",
        "completed": f"finished, {count}",
        "failed_checks": f"finished, {count}, too few checks passed: paid and left out of analysis",
        "no_consent": "did not agree to take part",
        "screened_out": "was screened out before the start",
        "incompatible": "had no suitable device",
        "withdrawn": "left the study; the answers were deleted",
        "expired": f"ran out of time, {count}",
    }.get(facts.status, f"is at “{facts.status}”, {count}")
