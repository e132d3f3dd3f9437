"""Every series that the dashboard names is told by a service, with the labels by which it is asked for."""

import json
import re
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

import modelwright as mw
from modelwright.core.task import get_task
from modelwright.evaluate.drift.reference import make_reference
from modelwright.improve.drift import monitor
from modelwright.release.export_to import export_model
from modelwright.serve import metrics
from modelwright.serve.compare import Compared
from modelwright.serve.counters import Shared
from modelwright.serve.quota import Quota
from modelwright.serve.trial import TrialCounters
from modelwright.serve.workers.peers import Gathered
from modelwright.testing import sample_table
from served_made import running

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "where is my parcel"}


def asked(dashboard):
    """Return {series: labels} of all expressions."""
    out: dict = {}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            by = set().union(*(g.replace(" ", "").split(",") for g in re.findall(r"by \(([^)]*)\)", target["expr"])))
            for name, inside in re.findall(r"(modelwright_\w+)\{([^}]*)\}", target["expr"]):
                out.setdefault(name, set()).update(by, re.findall(r"(\w+)=", inside))
    for variable in dashboard["templating"]["list"]:
        for name, label in re.findall(r"label_values\((\w+), (\w+)\)", variable["query"]):
            out.setdefault(name, set()).add(label)
    return out


class Two:
    """What a worker knows of the other one."""

    async def gather(self, what):
        return Gathered([], workers=2, restarts=1)


@pytest.fixture
def told(predictor, tmp_path, monkeypatch):
    """Return {series: labels} of a service of a name that has answered, by one of two workers, with a canary and a job."""
    monkeypatch.setattr(metrics, "peers", Two())
    table, _ = sample_table(get_task("classification"), 80)
    monkeypatch.setattr(predictor, "reference", make_reference(table, predictor.schema).to_json())
    shared = Shared(Quota(10_000), Quota(10_000))
    trial = TrialCounters(shared.counters)
    trial.share.labels("sample/1").set(0.1)
    trial.rollbacks.labels("sample/1", "errors").inc()
    trial.add("sample/1", Compared(rows=2, equal=1))
    with running(predictor, tmp_path, shared=shared) as served:
        with mw.Client(served.url, served.key) as client:
            answer = client.predict(ROW)
            client.feedback(answer.id, thumb=True)
        monkeypatch.setattr(monitor, "_FLUSH_SECONDS", 0.0)

        def ask(path, data=None):
            headers = {"X-API-Key": served.key, "Content-Type": "application/x-ndjson"}
            request = urllib.request.Request(served.url + path, data, headers)
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.read().decode()

        ask("/jobs", (json.dumps(ROW) + "\n").encode())
        until = time.monotonic() + 20
        while (
            "drift_rows{" not in (text := ask("/metrics"))
            or 'ended_total{release="sample/1",state="done"} 1' not in text
        ):
            assert time.monotonic() < until, text
            time.sleep(0.1)
    found: dict = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_the_dashboard_asks_for_what_is_told(run, told):
    folder = export_model("tickets", "grafana")
    dashboard = json.loads((folder / "dashboard.json").read_text(encoding="utf-8"))
    wanted = asked(dashboard)
    assert {re.match("modelwright_[a-z]+", name)[0] for name in wanted} >= {
        f"modelwright_{what}"
        for what in ("requests", "feedback", "drift", "trial", "compared", "rollbacks", "jobs", "workers")
    }
    for name, labels in wanted.items():
        assert name in told, f"no service tells {name}"
        assert labels <= told[name], name
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
