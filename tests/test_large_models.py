"""Large models through a whole run: only for public data, on the leaderboard with their price, as teachers."""

import json
import random

import pytest

import modelwright as mw
from hosted_made import row_of, served
from modelwright.core.errors import DataError, OptionError

SAID = {
    "refund": ("I want my money back", "refund please", "我要退款", "the payment failed twice"),
    "delivery": ("where is my parcel", "late again", "快递还没有送到", "the parcel never came"),
}


def rows(count, unlabelled=0, seed=0):
    rng = random.Random(seed)
    out = []
    for i in range(count + unlabelled):
        label = rng.choice(sorted(SAID))
        text = f"{rng.choice(('hello', 'please', '你好', 'today'))} {rng.choice(SAID[label])} {rng.randrange(1000)}"
        out.append({"message": text, "queue": label if i < count else None})
    return out


def right(body):
    row = row_of(body)
    return json.dumps({"label": next(k for k, said in SAID.items() if any(s in row for s in said))})


def fit(data, tmp_path, **options):
    options = {
        "budget": "90s",
        "search": "none",
        "recipes": ["constant", "zero-shot", "few-shot"],
        "folds": 1,
    } | options
    return mw.fit(data, "queue", out=tmp_path, name="run", **options)


def test_an_endpoint_is_for_public_data_only(tmp_path):
    with served(right) as fake, pytest.raises(OptionError, match="--public"):
        fit(rows(60), tmp_path, endpoint=fake.url, endpoint_model="large")
    assert fake.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "https://a.example/v1", "public": True},
        {"teacher": "endpoint", "public": True},
        {"base": "/nowhere"},
        {"teacher": "/nowhere"},
        {"endpoint": "http://a.example/v1", "endpoint_model": "x", "public": True},
    ],
)
def test_what_is_said_of_large_models_must_fit_together(options, tmp_path):
    with pytest.raises(OptionError):
        fit(rows(60), tmp_path, **options)


def test_hosted_models_stand_on_the_leaderboard_with_their_price(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_ENDPOINT_KEY", "canary-key-0123456789")
    with served(right) as fake:
        run = fit(
            rows(80), tmp_path, endpoint=fake.url, endpoint_model="large", public=True, price_in=5, gate="accuracy>=0.5"
        )
        board = {r["name"]: r for r in run.leaderboard if r["status"] == "ok"}
        assert board["zero-shot"]["value"] == pytest.approx(1)
        assert board["zero-shot"]["cost"] > 0
        assert "cost" not in board["constant"]
        assert run.good_enough
        asked = len(fake.asked)
        assert asked < 200, "explanations and importances ask nobody"
        assert run.predict({"message": "I want my money back"})[0]["prediction"] == "refund"
    whole = b"".join(p.read_bytes() for p in run.folder.rglob("*") if p.is_file())
    assert b"canary-key" not in whole
    assert "cost" in (run.folder / "leaderboard.csv").read_text().splitlines()[0]
    bundle = json.loads((run.folder / "bundle" / "members" / "0" / "model.json").read_text())
    assert bundle["hosted"]["model"] == "large"
    assert "sends every row" in (run.folder / "bundle" / "card.md").read_text()


def test_a_teacher_labels_what_nobody_labelled_and_only_people_judge(tmp_path):
    with served(right) as fake:
        run = fit(
            rows(40, 120), tmp_path, endpoint=fake.url, endpoint_model="large", public=True, teacher="endpoint",
            recipes=["constant", "linear", "zero-shot"],
        )  # fmt: skip
    facts = run.facts
    assert facts["teacher"]["rows"] == 120
    assert facts["teacher"]["model"] == "large"
    assert facts["rows"]["beside"] == 120
    assert facts["rows"]["test"] + facts["rows"]["valid"] + facts["rows"]["train"] == 40
    splits = json.loads((run.folder / "data" / "splits.json").read_text())
    assert max(splits["test"] + splits["folds"][0][0]) <= 40, "labelled by people: rows 1 to 40"
    assert {"linear", "zero-shot"} <= {r["name"] for r in run.leaderboard if r["status"] == "ok"}
    assert "labelled by large" in (run.folder / "bundle" / "card.md").read_text()


def test_a_teacher_needs_rows_without_a_label(tmp_path):
    with served(right) as fake, pytest.raises(DataError, match="nothing for a teacher"):
        fit(rows(40), tmp_path, endpoint=fake.url, endpoint_model="large", public=True, teacher="endpoint")
