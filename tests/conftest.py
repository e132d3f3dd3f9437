"""What all tests share: a home for keys that is not the developer's own."""

import pytest
from hypothesis import HealthCheck, settings

from postgres_made import postgres  # noqa: F401 - a fixture

# how quickly examples come says how busy the machine is, and nothing of the code
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory):
    """Keep the ledger's key and heads of the tests, and of the programs they start, out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("MODELWRIGHT_VAULT", "MODELWRIGHT_LEDGER", "MODELWRIGHT_LEDGER_KEY"):
            patch.delenv(name, raising=False)
        yield
