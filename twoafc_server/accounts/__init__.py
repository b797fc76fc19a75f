"""Researchers' accounts: passwords, the second factor, lock-out, and the end of sessions.

It imports `storage`; the researcher's pages and the command `admin` get functions on a session.
"""
