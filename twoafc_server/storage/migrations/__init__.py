"""Alembic's home: `env.py` and the versions travel in the package."""
