"""Every series that the dashboard names is told by a service, with the labels by which it is asked for."""

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

import modelwright as mw
from modelwright.release.export_to import export_model
from modelwright.serve.counters import Shared
from modelwright.serve.quota import Quota
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


@pytest.fixture
def told(predictor, tmp_path):
    """Return {series: labels} of a service of a name that has answered."""
    with running(predictor, tmp_path, shared=Shared(Quota(10_000), Quota(10_000))) as served:
        with mw.Client(served.url, served.key) as client:
            answer = client.predict(ROW)
            client.feedback(answer.id, thumb=True)
        import urllib.request

        request = urllib.request.Request(served.url + "/metrics", headers={"X-API-Key": served.key})
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read().decode()
    found: dict = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_the_dashboard_asks_for_what_is_told(run, told):
    folder = export_model("tickets", "grafana")
    dashboard = json.loads((folder / "dashboard.json").read_text(encoding="utf-8"))
    wanted = asked(dashboard)
    assert len(wanted) >= 8
    for name, labels in wanted.items():
        assert name in told, f"no service tells {name}"
        assert labels <= told[name], name
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
