"""Migrations of the registry by Alembic: one file a step in `versions/`, never changed once it was released."""
