"""What all tests share: the same chance in every run, and a home for keys that is not the developer's own."""

import random
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from postgres_made import postgres  # noqa: F401 - a fixture

# How quickly examples come says how busy the machine is, and nothing of the code. The same examples come in every run, so that a commit
# passes always or never; `pytest --hypothesis-profile explore` looks for others.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Seed what networks are filled from where a test names no seed: whichever tests ran before, it sees the same."""
    random.seed(0)
    np.random.seed(0)  # the generator that libraries take when they are given none
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory):
    """Keep the ledger's key and heads of the tests, and of the programs they start, out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("MODELWRIGHT_VAULT", "MODELWRIGHT_LEDGER", "MODELWRIGHT_LEDGER_KEY"):
            patch.delenv(name, raising=False)
        yield
