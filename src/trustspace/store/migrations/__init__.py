"""Alembic's scripts: `env.py` is its entry, `versions` holds one module per revision."""
