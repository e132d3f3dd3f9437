"""What all tests share: a home for keys that is not the developer's own."""

import pytest

from postgres_made import postgres  # noqa: F401 - a fixture


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory):
    """Keep the ledger's key and heads of the tests, and of the programs they start, out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("MODELWRIGHT_VAULT", "MODELWRIGHT_LEDGER", "MODELWRIGHT_LEDGER_KEY"):
            patch.delenv(name, raising=False)
        yield
