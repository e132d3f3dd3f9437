"""What Alembic runs for a migration: all steps within the transaction that `database.migrate` has begun."""

from alembic import context

from modelwright.release.registry.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
