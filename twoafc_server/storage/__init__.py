"""Studies, participants and trials in a database, the same on SQLite and PostgreSQL.

It imports `base`, `design` and `texts`; others get functions on a session, in their transaction.
"""
