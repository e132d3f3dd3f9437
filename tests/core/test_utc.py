from datetime import UTC, datetime

from modelwright.core.utc import utc, utc_now


def test_times_are_told_in_utc_to_the_second(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert utc(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert utc(None) is None
    now = datetime.strptime(utc_now(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - now).total_seconds()) < 5
