"""The signed session cookie, believed whatever its age.

Flask refuses a cookie that was signed "in the future", so a clock that is set back would throw
everybody out in mid-study. Nothing here relies on a cookie's age: a lease bounds a participant's
session, and a researcher's says itself when it began.
"""

import hashlib
from typing import Any

from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class Ageless(URLSafeTimedSerializer):
    """Checks the signature, not the time stamp."""

    def loads(  # type: ignore[override]
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        return super().loads(s, None, return_timestamp, salt)


class Cookies(SecureCookieSessionInterface):
    """Flask's own sessions. keys: the last one signs, all are believed."""

    def __init__(self, keys: list[str]) -> None:
        self._serializer = Ageless(
            keys,
            salt=self.salt,
            serializer=TaggedJSONSerializer(),
            signer_kwargs={
                "key_derivation": self.key_derivation,
                "digest_method": hashlib.sha256,
            },
        )

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self._serializer
