"""Alembic's home: `env.py` and the versions travel in the package.

It imports `storage` and is run by `storage/migrate.py`.
"""
