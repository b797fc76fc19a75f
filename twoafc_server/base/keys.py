"""Everything derived from the two secrets of an installation. Both come from the environment only.

`TWOAFC_SECRET` signs cookies and the addresses of trials; to change it, move the old one to
`TWOAFC_SECRET_OLD`, which is still believed until it is taken away.
`TWOAFC_PSEUDONYM_KEY` turns platform ids into pseudonyms and makes personal codes; changing it
breaks joins for ever.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twoafc_server.base.environment import PSEUDONYM_KEY, SECRET, SECRET_OLD
from twoafc_server.base.errors import InputError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_SHORTEST = 32


@dataclass(frozen=True)
class Keys:
    """The two secrets, and the one that `secret` replaces, if any; `repr` shows none."""

    secret: bytes
    pseudonym_key: bytes
    old_secret: bytes | None = None

    def __repr__(self) -> str:
        return "Keys(...)"

    def pseudonym(self, study: str, external_id: str) -> str:
        """32 hex digits: the same for the same person in the same study, and in no other."""
        return _mac(self.pseudonym_key, "pseudonym", study, external_id)[:32]

    def trial_token(self, session: str, trial_id: int, purpose: str) -> str:
        """An opaque name for a trial that only this session can use and nobody can predict."""
        return _token(self.secret, session, trial_id, purpose)

    def stands_for(self, token: str, session: str, trial_id: int, purpose: str) -> bool:
        """Whether `token` is the name that this session has for a trial."""
        return any(
            hmac.compare_digest(_token(secret, session, trial_id, purpose).encode(), token.encode())
            for secret in self.secrets()
        )

    def secrets(self) -> tuple[bytes, ...]:
        """The secret in use, then the one that it replaces."""
        return (self.secret,) if self.old_secret is None else (self.secret, self.old_secret)

    def personal_code(self, study: str, pseudonym: str, outcome: str) -> str:
        """Eight letters and digits for the participant to hand in."""
        digest = _mac(self.pseudonym_key, "code", study, pseudonym, outcome)
        return base64.b32encode(bytes.fromhex(digest))[:8].decode()

    def cookie_keys(self) -> list[str]:
        """For signing cookies, then for believing older ones."""
        return [_mac(secret, "cookie") for secret in self.secrets()]

    def form_key(self) -> str:
        """For the tokens in forms, which live in a page while `secret` may change."""
        return _mac(self.pseudonym_key, "form")

    def vault(self) -> "MultiFernet":
        """Encrypts what the database keeps in secret; reads what the old secret encrypted."""
        from cryptography.fernet import Fernet, MultiFernet

        keys = [bytes.fromhex(_mac(secret, "vault")) for secret in self.secrets()]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def keys_from(environment: Mapping[str, str]) -> Keys:
    """Both secrets from the environment. Raises InputError if one is missing or short."""
    for name in (SECRET, PSEUDONYM_KEY):
        if len(environment.get(name, "")) < _SHORTEST:
            raise InputError(
                f"{name} is not set or shorter than {_SHORTEST} characters: set it to the output "
                'of `python -c "import secrets; print(secrets.token_urlsafe(48))"` and keep it safe'
            )
    old = environment.get(SECRET_OLD, "")
    if old and len(old) < _SHORTEST:
        raise InputError(f"{SECRET_OLD} is shorter than {_SHORTEST} characters: unset it")
    return Keys(
        environment[SECRET].encode(), environment[PSEUDONYM_KEY].encode(), old.encode() or None
    )


def ephemeral() -> Keys:
    """Secrets that live as long as the process: for the demo and for tests."""
    return Keys(secrets.token_bytes(32), secrets.token_bytes(32))


def new_session_key() -> str:
    return secrets.token_urlsafe(32)


def session_digest(session_key: str) -> str:
    """What the database keeps of a session key."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def _token(secret: bytes, session: str, trial_id: int, purpose: str) -> str:
    return _mac(secret, "trial", purpose, session, str(trial_id))[:32]


def _mac(key: bytes, *parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    message = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.digest(key, message.encode(), "sha256").hex()
