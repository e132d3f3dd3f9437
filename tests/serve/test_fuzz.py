"""Fuzzed requests never meet a 5xx. `pytest -m slow tests/serve/test_fuzz.py` sends 10,000, as benchmarks/fuzz.py does."""

import importlib.util
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parent.parent.parent / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzzing():
    pytest.importorskip("schemathesis")
    spec = importlib.util.spec_from_file_location("fuzz_of_the_service", PLACE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_of_the_service"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_a_few_hundred_fuzzed_requests(fuzzing, predictor):
    fuzzer = fuzzing.Fuzzer.around(predictor)
    with fuzzer.client:
        fuzzer.by_schema(24, 1)
        fuzzer.by_rows(110, 1)
        fuzzer.by_bytes(110, 1)
    assert fuzzer.failures == {}
    assert sum(fuzzer.statuses.values()) >= 150
    assert {200, 400, 404, 405, 422} <= set(fuzzer.statuses)


@pytest.mark.filterwarnings("ignore")
def test_a_failure_would_be_seen(fuzzing, predictor, monkeypatch):
    fuzzer = fuzzing.Fuzzer.around(predictor)
    service = fuzzer.app.state.service

    async def fail(*args):
        raise ZeroDivisionError

    with fuzzer.client:
        monkeypatch.setattr(service, "predict", fail)
        fuzzer.by_rows(10, 1)
    assert any(w.startswith("POST /predict") for w in fuzzer.failures.values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(1800)
def test_ten_thousand_fuzzed_requests(fuzzing):
    statuses, failures, _ = fuzzing.fuzz(10_000, 0)
    assert failures == {}
    assert sum(statuses.values()) >= 9_500
