"""A bundle as a pyfunc model: it loads and answers as the bundle, and nothing is left elsewhere."""

import os

import pytest

from modelwright.core.errors import MissingExtra
from modelwright.release.export_to import export_model

ROWS = [
    {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"},
    {"amount": None, "channel": "chat", "member": False, "message": "parcel late"},
]


@pytest.mark.filterwarnings("ignore")  # the library warns of its own code
def test_it_loads_and_answers_equally(run, predictor, tmp_path, monkeypatch, capfd):
    pytest.importorskip("mlflow")
    pd = pytest.importorskip("pandas")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = set(os.listdir(tmp_path))
    folder = export_model("tickets", "mlflow", tmp_path / "out")
    assert capfd.readouterr() == ("", "")
    files = [p.suffix for p in folder.rglob("*") if p.is_file()]  # who loads it may leave bytecode beside the code
    import mlflow

    model = mlflow.pyfunc.load_model(str(folder))
    wanted = predictor.predict(ROWS, scores=True)
    frame = pd.DataFrame(ROWS).astype({"amount": "float64"})
    got = model.predict(frame, params={"scores": True}).to_dict("records")
    assert [g["prediction"] for g in got] == [w["prediction"] for w in wanted]
    assert [g["confidence"] for g in got] == pytest.approx([w["confidence"] for w in wanted], abs=1e-6)
    assert [g["scores"] for g in got] == [pytest.approx(w["scores"], abs=1e-6) for w in wanted]
    assert {c.name for c in model.metadata.signature.inputs} == {"amount", "channel", "member", "message"}
    assert set(os.listdir(tmp_path)) - before <= {"out", "runs", "home"}, "no tracking store is made"
    assert ".pkl" not in files
    assert ".pyc" not in files
    names = {line.split("==")[0] for line in (folder / "requirements.txt").read_text().split()}
    assert "scikit-learn" in names
    assert "modelwright" not in names, "its code comes along"


def test_a_missing_extra_is_named(run, monkeypatch):
    from modelwright.core import extras

    monkeypatch.setattr(extras, "_there", lambda module: module != "mlflow")
    with pytest.raises(MissingExtra, match=r"modelwright\[mlflow\]"):
        export_model("tickets", "mlflow")
