"""`payout`: whom to approve, ask to return, or give a bonus; lists first, then by confirmation.

`plan` writes the lists and asks nobody for anything. `send` does through Prolific's API exactly
what the plan with the same digest says; `record` notes that you did it by hand. What the ledger
holds is never done again.
"""

import argparse
import csv
import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from twoafc_server.base.clock import now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.base.files import write_atomic
from twoafc_server.base.keys import Keys, keys_from
from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.platforms.decisions import Facts, decide
from twoafc_server.platforms.money import Money, money
from twoafc_server.platforms.prolific import (
    BATCH,
    Prolific,
    RefusedError,
    Submission,
    UnknownError,
    account,
)
from twoafc_server.storage import payouts, studies
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.storage.models import Study
from twoafc_server.storage.payouts import Entry

RETURN_REASON = "The study was not finished"


@dataclass(frozen=True)
class Line:
    """One person's decision. who, submission: the platform's ids; empty where not known."""

    entry: Entry
    who: str
    submission: str = ""


@dataclass(frozen=True)
class Host:
    """Where a command works."""

    engine: Engine
    keys: Keys
    study: str


def main(argv: list[str], prolific: Prolific | None = None) -> int:
    try:
        return run(arguments(argv), prolific)
    except (RefusedError, UnknownError) as error:
        raise InputError(f"Prolific could not be asked ({error}): nothing was changed") from error


def run(given: argparse.Namespace, prolific: Prolific | None) -> int:
    host = Host(ready_engine(given.db), keys_from(os.environ), given.study)
    if given.action == "ledger":
        show_ledger(host)
        return 0
    api = (prolific or account(os.environ)) if given.platform_study else None
    if given.action == "settle":
        return settle(host, _needed(api), given)
    lines = plan(host, api, given)
    digest = digest_of(lines)
    if given.action == "plan":
        write(lines, given.out)
        print(f"nothing was sent; to do exactly this: --confirm {digest}")
        return 0
    if given.confirm != digest:
        raise InputError(f"found --confirm {given.confirm}, the plan is now {digest}: plan again")
    todo = [line for line in lines if line.entry.kind in {"approve", "return", "bonus"}]
    return send(host, api, given, todo) if given.action == "send" else record(host, todo)


def arguments(argv: list[str]) -> argparse.Namespace:
    options = parser("payout", __doc__ or "")
    options.add_argument(
        "action",
        choices=("plan", "send", "record", "settle", "ledger"),
        help="write the lists, do them at Prolific, note them as done by hand, close what a broken "
        "connection left open, or print what was done",
    )
    add_study(options)
    options.add_argument("--platform-study", metavar="ID", help="Prolific's id of the study")
    options.add_argument("--bonus", type=Path, metavar="FILE.csv", help="participant,amount")
    options.add_argument("--label", default="", help="what the bonus is for; each is paid once")
    options.add_argument("--currency", default="", help="of the study at the platform, as GBP")
    options.add_argument("--most", default="5.00", help="refuse a larger bonus")
    options.add_argument("--out", type=Path, default=Path("payout"), help="folder for the lists")
    options.add_argument("--confirm", default="", help="the digest that `plan` printed")
    options.add_argument(
        "--not-paid", action="store_true", help="settle: you looked, and what is open was not done"
    )
    add_database(options)
    return options.parse_args(argv)


def _needed(api: Prolific | None) -> Prolific:
    if api is None:
        raise InputError("this goes through Prolific's API: give --platform-study ID")
    return api


def plan(host: Host, api: Prolific | None, given: argparse.Namespace) -> list[Line]:
    """Every decision, one line per person. Statuses are stored, nothing is asked for."""
    submissions = list(api.submissions(given.platform_study)) if api else None
    with writing(host.engine) as session:
        study = studies.find(session, host.study)
        known = payouts.people(session, study)
        settled = payouts.settled(session, study)
        if submissions is None:
            lines = [
                _decided(pseudonym, one, "", one.external_id, one.external_session)
                for pseudonym, one in known.items()
            ]
        else:
            lines = _with_platform(session, host, study, known, submissions)
        lines += bonuses(host, given, study, lines)
        return [_unless_settled(line, settled, host.keys, study) for line in lines]


def _with_platform(
    session: Session,
    host: Host,
    study: Study,
    known: dict[str, payouts.Known],
    submissions: Sequence[Submission],
) -> list[Line]:
    """Ids that were deleted here are known again by their pseudonym."""
    lines = []
    for row in submissions:
        pseudonym = host.keys.pseudonym(study.name, row.participant)
        one = known.pop(pseudonym, None)
        if one is not None:
            payouts.hear(session, one.participant.id, row.status, now_ms())
        line = _decided(pseudonym, one, row.status, row.participant, row.id)
        if row.return_requested and line.entry.kind == "return":
            line = _other(line, "none", f"return already asked for; {line.entry.reason}")
        lines.append(line)
    for pseudonym, one in known.items():
        line = _decided(pseudonym, one, "", one.external_id, one.external_session)
        kind = "by hand" if line.entry.kind == "approve" else "none"
        lines.append(_other(line, kind, f"no submission there; {line.entry.reason}"))
    return lines


def _decided(
    pseudonym: str, one: payouts.Known | None, status: str, who: str, submission: str
) -> Line:
    facts = Facts(one.participant.status, one.answered, one.planned) if one else Facts("")
    decision = decide(facts, status)
    # Without an id there is nothing to put on a list.
    kind = decision.kind if who or decision.kind == "none" else "by hand"
    return Line(Entry(pseudonym, kind, decision.reason), who, submission)


def _other(line: Line, kind: str, reason: str) -> Line:
    return replace(line, entry=replace(line.entry, kind=kind, reason=reason))


def _unless_settled(
    line: Line, settled: set[tuple[str, str, str]], keys: Keys, study: Study
) -> Line:
    entry = line.entry
    if (payouts.subject(keys, study, entry.pseudonym), entry.kind, entry.label) in settled:
        return _other(line, "none", f"{entry.kind} is in the ledger already; {entry.reason}")
    return line


def bonuses(
    host: Host, given: argparse.Namespace, study: Study, lines: Sequence[Line]
) -> list[Line]:
    """From a CSV of participant (id or pseudonym) and amount. Raises InputError."""
    if given.bonus is None:
        return []
    if not given.label or len(given.label) > 60:
        raise InputError("a bonus needs --label, up to 60 characters: each is paid once per person")
    try:
        rows = list(csv.reader(io.StringIO(given.bonus.read_text("utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"found no readable {given.bonus}: {error}") from error
    most = money(given.most, given.currency)
    by_name = {name: line for line in lines for name in (line.who, line.entry.pseudonym) if name}
    found: dict[str, Line] = {}
    for n, row in enumerate(rows, 1):
        if len(row) != 2 or row[0] not in by_name:
            raise InputError(f"{given.bonus}, line {n}: wanted participant,amount of this study")
        amount, person = money(row[1], given.currency), by_name[row[0]]
        if amount > most:
            raise InputError(f"{given.bonus}, line {n}: {amount} is over --most {most}")
        if person.entry.pseudonym in found:
            raise InputError(f"{given.bonus}, line {n}: this participant is there twice")
        why = f"bonus {amount} for “{given.label}”; {person.entry.reason}"
        entry = Entry(
            person.entry.pseudonym, "bonus", why, given.label, amount.minor, amount.currency
        )
        found[entry.pseudonym] = Line(entry, person.who, person.submission)
    return list(found.values())


def digest_of(lines: Sequence[Line]) -> str:
    """Names exactly what would be done: whom, what and how much."""
    rows = sorted(
        f"{line.entry.kind}|{line.entry.pseudonym}|{line.who}|{line.submission}|"
        f"{line.entry.label}|{line.entry.minor}|{line.entry.currency}"
        for line in lines
        if line.entry.kind in {"approve", "return", "bonus"}
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:10]


def write(lines: Sequence[Line], folder: Path) -> None:
    """approve.csv, return.csv, bonus.csv for the platform; decisions.csv with every reason."""
    decisions = [(x.entry.pseudonym, x.entry.kind, x.entry.reason) for x in lines]
    _csv(folder / "decisions.csv", [("participant", "decision", "reason"), *decisions])
    for kind in ("approve", "return"):
        _csv(folder / f"{kind}.csv", [(x.who,) for x in lines if x.entry.kind == kind])
    paid = [x for x in lines if x.entry.kind == "bonus"]
    _csv(folder / "bonus.csv", [(x.who, _amount(x).major) for x in paid])
    for pseudonym, kind, reason in decisions:
        print(f"{pseudonym[:12]}  {kind:<8}{reason}")
    counts = {k: sum(x.entry.kind == k for x in lines) for k in ("approve", "return", "by hand")}
    total = sum(x.entry.minor or 0 for x in paid)
    print(", ".join(f"{k} {n}" for k, n in counts.items()), end="")
    print(
        f", bonus {len(paid)}" + (f" of {Money(total, _amount(paid[0]).currency)}" if paid else "")
    )


def _amount(line: Line) -> Money:
    return Money(line.entry.minor or 0, line.entry.currency)


def _csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    write_atomic(path, buffer.getvalue().encode())


def record(host: Host, todo: Sequence[Line]) -> int:
    """Note that the lists were worked off by hand."""
    mine = [line for line in todo if _claim(host, line)]
    _mark(host, mine, "done")
    print(f"recorded {len(mine)}; they are never listed again")
    return 0


def send(host: Host, api: Prolific | None, given: argparse.Namespace, todo: Sequence[Line]) -> int:
    """Ask the platform, one claim before each; exit code 1 if something stayed open."""
    prolific = _needed(api)
    open_ = 0
    for line in todo:
        if line.entry.kind != "bonus" and _claim(host, line):
            open_ += _ask(host, prolific, line)
    paid = [line for line in todo if line.entry.kind == "bonus"]
    if paid:
        there = prolific.currency(given.platform_study)
        if there and there != given.currency:
            raise InputError(f"the study pays in {there}, the bonuses are in {given.currency}")
    for start in range(0, len(paid), BATCH):
        open_ += _pay(host, prolific, given.platform_study, paid[start : start + BATCH])
    print(f"sent; {open_} stayed open" if open_ else "sent; all acknowledged")
    return int(open_ > 0)


def _ask(host: Host, prolific: Prolific, line: Line) -> int:
    state, open_ = "done", 0
    try:
        if line.entry.kind == "approve":
            prolific.approve(line.submission)
        else:
            prolific.request_return(line.submission, RETURN_REASON)
    except RefusedError as error:
        print(f"{line.entry.pseudonym[:12]}  refused: {error}")
        state, open_ = "refused", 1
    except UnknownError as error:
        print(f"{line.entry.pseudonym[:12]}  unknown: {error}")
        state, open_ = "sending", 1
    _mark(host, [line], state)
    return open_


def _pay(host: Host, prolific: Prolific, platform_study: str, batch: Sequence[Line]) -> int:
    """One batch: claimed, set up, its reference stored, then paid by a single request."""
    mine = [line for line in batch if _claim(host, line)]
    if not mine:
        return 0
    try:
        # Nothing is paid by setting up, so any failure until here is a refusal.
        reference = prolific.set_up_bonuses(platform_study, [(x.who, _amount(x)) for x in mine])
    except (RefusedError, UnknownError) as error:
        print(f"bonuses were not set up: {error}")
        _mark(host, mine, "refused")
        return len(mine)
    _mark(host, mine, "sending", reference)
    try:
        prolific.pay(reference)
    except RefusedError as error:
        print(f"bonuses were refused: {error}")
        _mark(host, mine, "refused")
        return len(mine)
    except UnknownError as error:
        print(f"whether batch {reference} was paid is unknown ({error}): run `payout settle`")
        return len(mine)
    _mark(host, mine, "done")
    return 0


def settle(host: Host, prolific: Prolific, given: argparse.Namespace) -> int:
    """Look at the platform whether open bonuses were paid and returns were asked for."""
    there = {}
    for row in prolific.submissions(given.platform_study):
        there[host.keys.pseudonym(host.study, row.participant)] = row
    open_ = 0
    with writing(host.engine) as session:
        study = studies.find(session, host.study)
        pseudonyms = {payouts.subject(host.keys, study, name): row for name, row in there.items()}
        for paid in payouts.ledger(session, study):
            if paid.state != "sending" or paid.kind not in {"bonus", "return"}:
                continue
            found = pseudonyms.get(paid.subject)
            # Not the list's row, which need not hold the payments.
            now = prolific.submission(found.id) if found else None
            if now and (now.return_requested if paid.minor is None else paid.minor in now.bonuses):
                paid.state = "done"
            elif given.not_paid:
                paid.state = "refused"
            else:
                open_ += 1
    print(f"{open_} payouts are still open" if open_ else "no payout is open")
    return int(open_ > 0)


def show_ledger(host: Host) -> None:
    with reading(host.engine) as session:
        for row in payouts.ledger(session, studies.find(session, host.study)):
            amount = str(Money(row.minor, row.currency)) if row.minor else "-"
            print(f"{row.subject[:12]}  {row.kind:<8}{row.state:<9}{amount:<12}{row.label}")


def _claim(host: Host, line: Line) -> bool:
    with writing(host.engine) as session:
        study = studies.find(session, host.study)
        return payouts.claim(session, study, host.keys, line.entry, now_ms())


def _mark(host: Host, lines: Sequence[Line], state: str, reference: str | None = None) -> None:
    with writing(host.engine) as session:
        study = studies.find(session, host.study)
        entries = [line.entry for line in lines]
        payouts.mark(session, study, host.keys, entries, state, now_ms(), reference)
