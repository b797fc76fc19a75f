"""The exclusion rules of a study, locked with its hash. They never look at who was fooled."""

from collections.abc import Collection
from dataclasses import dataclass

from twoafc_server.design.study_file import Rules

# What each reason means; the codebook prints it.
MEANING = {
    "incomplete": "the participant did not finish, or gave the place back",
    "failed_checks": "fewer instructed catch trials passed than the study's rule asks",
    "too_many_flagged": "more than the allowed share of the participant's test trials is flagged",
    "hidden": "the page was hidden or out of focus during this exposure",
    "mistimed": "this exposure was off by more than one frame",
}


@dataclass(frozen=True)
class Person:
    """What the rules may look at. flags: one collection per answered test trial."""

    status: str
    catch_passed: int
    flags: tuple[Collection[str], ...]


def person_reason(rules: Rules, person: Person) -> str:
    """Why all of a participant's trials are excluded, or empty."""
    if person.status not in {"completed", "failed_checks"}:
        return "incomplete"
    if person.status == "failed_checks" or person.catch_passed < rules.catch_pass:
        return "failed_checks"
    flagged = sum(bool(trial_reason(rules, flags)) for flags in person.flags)
    if person.flags and flagged / len(person.flags) > rules.max_flagged:
        return "too_many_flagged"
    return ""


def trial_reason(rules: Rules, flags: Collection[str]) -> str:
    """Why one trial is excluded, or empty."""
    if rules.drop_hidden and ("hidden" in flags or "blurred" in flags):
        return "hidden"
    if rules.drop_mistimed and "mistimed" in flags:
        return "mistimed"
    return ""
