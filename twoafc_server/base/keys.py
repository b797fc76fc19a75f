"""Everything derived from the two secrets of an installation. Both come from the environment only.

`TWOAFC_SECRET` signs cookies and the addresses of trials; changing it ends running sessions.
`TWOAFC_PSEUDONYM_KEY` turns platform ids into pseudonyms; changing it breaks joins for ever.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from twoafc_server.base.environment import PSEUDONYM_KEY, SECRET
from twoafc_server.base.errors import InputError

_SHORTEST = 32


@dataclass(frozen=True)
class Keys:
    """The two secrets; `repr` shows neither."""

    secret: bytes
    pseudonym_key: bytes

    def __repr__(self) -> str:
        return "Keys(...)"

    def pseudonym(self, study: str, external_id: str) -> str:
        """32 hex digits: the same for the same person in the same study, and in no other."""
        return _mac(self.pseudonym_key, "pseudonym", study, external_id)[:32]

    def trial_token(self, session: str, trial_id: int, purpose: str) -> str:
        """An opaque name for a trial that only this session can use and nobody can predict."""
        return _mac(self.secret, "trial", purpose, session, str(trial_id))[:32]

    def personal_code(self, study: str, pseudonym: str, outcome: str) -> str:
        """Eight letters and digits for the participant to hand in."""
        digest = _mac(self.secret, "code", study, pseudonym, outcome)
        return base64.b32encode(bytes.fromhex(digest))[:8].decode()

    def cookie_key(self) -> str:
        return _mac(self.secret, "cookie")


def keys_from(environment: Mapping[str, str]) -> Keys:
    """Both secrets from the environment. Raises InputError if one is missing or short."""
    for name in (SECRET, PSEUDONYM_KEY):
        if len(environment.get(name, "")) < _SHORTEST:
            raise InputError(
                f"{name} is not set or shorter than {_SHORTEST} characters: set it to the output "
                'of `python -c "import secrets; print(secrets.token_urlsafe(48))"` and keep it safe'
            )
    return Keys(environment[SECRET].encode(), environment[PSEUDONYM_KEY].encode())


def ephemeral() -> Keys:
    """Secrets that live as long as the process: for the demo and for tests."""
    return Keys(secrets.token_bytes(32), secrets.token_bytes(32))


def new_session_key() -> str:
    return secrets.token_urlsafe(32)


def session_digest(session_key: str) -> str:
    """What the database keeps of a session key."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def _mac(key: bytes, *parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    message = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()
