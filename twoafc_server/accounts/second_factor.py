"""Time-based one-time passwords (RFC 6238), for accounts that asked for them.

The secret is encrypted under `TWOAFC_SECRET`, so a copy of the database does not hold it.
"""

import hmac

import pyotp
from cryptography.fernet import InvalidToken
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import Keys
from twoafc_server.storage.models import Researcher

_STEP_S = 30
# One step either way, for clocks that are a little off (RFC 6238, 5.2).
_WINDOW = (-1, 0, 1)


def enrol(session: Session, name: str, keys: Keys) -> str:
    """Give an account a new secret; returns the address that an authenticator app reads."""
    row = find(session, name)
    secret = pyotp.random_base32()
    row.totp = keys.vault().encrypt(secret.encode()).decode()
    row.totp_step = None
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="twoafc_server")


def drop(session: Session, name: str) -> None:
    """Let an account sign in with the password alone again."""
    row = find(session, name)
    row.totp = row.totp_step = None


def is_right(row: Researcher, code: str, keys: Keys, now: int) -> bool:
    """Whether this is the code of now, not used before; True for accounts without a second factor.

    now: in ms. A code that was right is used up.
    """
    if row.totp is None:
        return True
    try:
        secret = keys.vault().decrypt(row.totp.encode())
    except InvalidToken:
        return False
    generator = pyotp.TOTP(secret.decode())
    current = now // 1000 // _STEP_S
    for step in (current + offset for offset in _WINDOW):
        expected = generator.generate_otp(step).encode()
        fresh = row.totp_step is None or step > row.totp_step
        if hmac.compare_digest(expected, code.encode()) and fresh:
            row.totp_step = step
            # Under the newest key from now on, so that the old one can be dropped.
            row.totp = keys.vault().encrypt(secret).decode()
            return True
    return False


def find(session: Session, name: str) -> Researcher:
    """An account by name. Raises InputError if there is none."""
    row = session.get(Researcher, name)
    if row is None:
        raise InputError(f"found no researcher {name!r}: add one with `admin add NAME`")
    return row
