"""What services find of a version on trial is added up over hosts; the latest trial of a version counts."""

from __future__ import annotations

from modelwright.release.registry.findings import Findings, found_of, tell


def test_hosts_are_added_up_and_a_later_report_takes_the_place_of_an_earlier(registry, make_run):
    registry.release(make_run("a"), "desk"), registry.release(make_run("b"), "desk")
    _, trial = registry.canary("desk", 2, 0.1)
    revision = registry.revision()
    tell(registry.url, trial, "one:1", Findings(requests=10, rows=4, equal=4))
    one = Findings(100, 2, 0.02, 0.01, rows=50, equal=49, measured=50, distance=1.0, dropped=3)
    tell(registry.url, trial, "one:1", one)
    tell(registry.url, trial, "two:1", Findings(100, 0, 0.03, rows=50, equal=50, measured=50))
    found = found_of(registry.url, "desk")["desk", 2]
    assert found == Findings(200, 2, 0.03, 0.01, 100, 99, 100, 1.0, 3, 0)
    assert (
        found.words.en
        == "200 requests, 1% failed, p95 30 ms (the other 10 ms); 100 rows compared, 99% equal, mean distance 0.01"
    )
    assert found.words.zh == "200 个请求，1% 失败，p95 30 毫秒（对照 10 毫秒）；比较 100 行，99% 相同，平均距离 0.01"
    assert registry.revision() == revision, "nothing that services follow has changed"
    registry.end_canary("desk")
    _, again = registry.canary("desk", 2, 0.1)
    tell(registry.url, again, "one:1", Findings(requests=1))
    assert found_of(registry.url)["desk", 2].requests == 1
    assert Findings().words.en == ""
