"""Researchers' accounts: argon2 hashes, and a check that takes as long for an unknown name."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError
from twoafc_server.storage.models import Researcher

SHORTEST = 12
_hasher = PasswordHasher()
# Of a random password that nobody has: verified against for unknown names.
_DUMMY = (
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$"
    "q1b3p0q0m0r5nq2k3m9m8Q6t1u5w7y9A2C4E6G8I0K0"
)


def add(session: Session, name: str, password: str, now: int) -> None:
    """Create an account, or set a new password. Raises InputError for a short password."""
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


def verify(session: Session, name: str, password: str) -> bool:
    """Whether this is the account's password."""
    row = session.get(Researcher, name) if name.isprintable() else None
    try:
        return _hasher.verify(row.password_hash if row else _DUMMY, password) and row is not None
    except (VerificationError, InvalidHashError):
        return False
