"""Researchers' accounts: argon2 hashes, a check that takes as long for an unknown name, lock-out,
and the end of every session."""

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from twoafc_server.accounts import second_factor
from twoafc_server.accounts.second_factor import find
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import Keys
from twoafc_server.storage.models import Researcher
from twoafc_server.storage.studies import log

SHORTEST = 12
TRIES = 10
LOCKED_MS = 15 * 60_000
_hasher = PasswordHasher()
# Of a random password that nobody has: verified against for unknown names.
_DUMMY = (
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$"
    "q1b3p0q0m0r5nq2k3m9m8Q6t1u5w7y9A2C4E6G8I0K0"
)


def add(session: Session, name: str, password: str, now: int) -> None:
    """Create an account, or set a new password, which ends its sessions and unlocks it.

    Raises InputError for a short password.
    """
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise InputError(f"found the name {name!r}, wanted 1..60 printable characters")
    if len(password) < SHORTEST:
        raise InputError(
            f"found a password of {len(password)} characters, wanted {SHORTEST} or more"
        )
    row = session.get(Researcher, name)
    hashed = _hasher.hash(password)
    if row is None:
        session.add(Researcher(name=name, password_hash=hashed, created_at=now))
    else:
        row.password_hash = hashed
        row.epoch += 1
        row.failed, row.locked_until = 0, None


def verify(session: Session, name: str, password: str) -> bool:
    """Whether this is the account's password. Takes as long for a name that is not there."""
    row = session.get(Researcher, name) if name.isprintable() else None
    try:
        return _hasher.verify(row.password_hash if row else _DUMMY, password) and row is not None
    except (VerificationError, InvalidHashError):
        return False


@dataclass(frozen=True)
class Account:
    """What a signed-in session remembers."""

    name: str
    epoch: int


def admit(
    session: Session, name: str, verified: bool, code: str, keys: Keys, now: int
) -> Account | None:
    """Let an account in whose password was verified, or count the wrong try.

    After TRIES wrong ones in a row the account is locked for LOCKED_MS, also for the right
    password, so guessing gets nowhere.
    """
    row = session.get(Researcher, name, with_for_update=True) if name.isprintable() else None
    if row is None or is_locked(row, now):
        return None
    if verified and second_factor.is_right(row, code, keys, now):
        row.failed, row.locked_until = 0, None
        return Account(row.name, row.epoch)
    row.failed += 1
    if row.failed >= TRIES:
        row.failed, row.locked_until = 0, now + LOCKED_MS
        log(session, None, row.name, "locked", now)
    return None


def is_locked(row: Researcher, now: int) -> bool:
    return row.locked_until is not None and row.locked_until > now


def is_current(session: Session, name: str, epoch: int) -> bool:
    """Whether a session of this account is still good."""
    row = session.get(Researcher, name)
    return row is not None and row.epoch == epoch


def sign_out_everywhere(session: Session, name: str) -> None:
    """End every session of an account. Raises InputError if there is none."""
    find(session, name).epoch += 1


def unlock(session: Session, name: str) -> None:
    """Open a locked account before its time. Raises InputError if there is none."""
    row = find(session, name)
    row.failed, row.locked_until = 0, None
