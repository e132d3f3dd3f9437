"""Requests that are kept: only where asked for, by consent, without personal data in the clear, for a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.errors import OptionError
from modelwright.core.keyref import Key
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.privacy.shield import Shield
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.feedback.erase import forget
from modelwright.serve.feedback.keep import Keep
from modelwright.serve.feedback.keeper import margins_of
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.stores import Home
from modelwright.testing import context, sample_table

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}


@pytest.fixture
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 80)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="desk")


@contextmanager
def served(predictor: Predictor, folder: Path, keep: Keep | None) -> Iterator[Any]:
    home = Home("desk", "3", f"sqlite:///{folder / 'records.db'}", folder)
    ring = KeyRing({"app": ServiceKey("app", digest_of("key-app"), "admin")})
    app = create_app(predictor, keys=ring, home=home, keep=keep)
    with TestClient(app, headers={"Authorization": "Bearer key-app"}) as client:
        yield client


def ask(client: Any, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    found = client.post("/predict", json={"rows": list(rows)})
    assert found.status_code == 200, found.text
    answers: list[dict[str, Any]] = found.json()["answers"]
    return answers


def waited(client: Any, count: int) -> list[Any]:
    store = client.app.state.service.feedback
    until = time.monotonic() + 20
    while store.count_kept() < count and time.monotonic() < until:
        time.sleep(0.05)
    return list(store.kept())


def test_nothing_is_kept_unless_asked_for(predictor: Predictor, tmp_path: Path) -> None:
    with served(predictor, tmp_path, None) as client:
        ask(client, ROW)
        time.sleep(0.3)
        assert not (tmp_path / "records.db").exists(), "not even a database is made"


def test_rows_and_answers_are_kept_until_they_expire(predictor: Predictor, tmp_path: Path) -> None:
    with served(predictor, tmp_path, Keep(3600.0)) as client:
        answers = ask(client, {**ROW, "extra": "x"}, {**ROW, "amount": "a lot"})
        (kept,) = waited(client, 1)
        assert (kept.id, kept.prediction, kept.confidence) == (
            answers[0]["id"],
            answers[0]["prediction"],
            answers[0]["confidence"],
        )
        assert kept.row == {**ROW, "extra": "x"}
        assert kept.expires_at == pytest.approx(time.time() + 3600, abs=30)
        assert sum(kept.scores.values()) == pytest.approx(1.0)
        assert "modelwright_requests_kept_total 1.0" in client.get("/metrics").text
        client.app.state.service.feedback.expire(time.time() + 3601)
        assert client.app.state.service.feedback.count_kept() == 0


def test_what_is_over_is_deleted_at_the_start(predictor: Predictor, tmp_path: Path) -> None:
    with served(predictor, tmp_path, Keep(60.0)) as client:
        ask(client, ROW)
        (kept,) = waited(client, 1)
        store = client.app.state.service.feedback
        store.expire(time.time() + 61)
        store.keep([type(kept)(**{**kept.__dict__, "expires_at": time.time() - 1})])
    with served(predictor, tmp_path, Keep(60.0)) as client:
        store, until = client.app.state.service.feedback, time.monotonic() + 20
        while store.count_kept() and time.monotonic() < until:
            time.sleep(0.05)
        assert store.count_kept() == 0


def test_by_consent_and_forgotten(predictor: Predictor, tmp_path: Path) -> None:
    consents = tmp_path / "consents.csv"
    consents.write_text(
        "customer,purpose,given,withdrawn\nann,improve,2026-01-01,\nbob,improve,2026-01-01,2026-02-01\n"
    )
    keep = Keep.asked("30d", "improve", "customer", consents)
    with served(predictor, tmp_path, keep) as client:
        ask(client, *({**ROW, "customer": who} for who in ("ann", "bob", "eve", "")), ROW)
        (kept,) = waited(client, 1)
        assert "customer" not in kept.row, "whose it is is kept as a keyed digest alone"
        metrics = client.get("/metrics").text
        assert 'modelwright_requests_not_kept_total{reason="consent"} 2.0' in metrics
        assert 'modelwright_requests_not_kept_total{reason="subject"} 2.0' in metrics
        client.post("/feedback", json={"id": kept.id, "thumb": True})
        store = client.app.state.service.feedback
        assert list(forget(tmp_path, "ann", erase=False).rows.values()) == [2]
        assert forget(tmp_path, "bob", erase=True).rows == {}
        assert store.count_kept() == 1
        assert list(forget(tmp_path, "ann", erase=True).rows.values()) == [2]
        assert (store.count_kept(), list(store.told())) == (0, [])


def test_personal_data_is_kept_replaced_and_encrypted_only(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor.shield = Shield({"message": {"email": "placeholder"}})
    with pytest.raises(OptionError, match="MODELWRIGHT_VAULT"), served(predictor, tmp_path, Keep(3600.0)):
        pass
    key = tmp_path / "vault.key"
    key.write_text(Key.new().text())
    key.chmod(0o600)
    monkeypatch.setenv("MODELWRIGHT_VAULT", str(key))
    with served(predictor, tmp_path, Keep(3600.0)) as client:
        ask(client, {**ROW, "message": "write to ann.smith@example.com please", "extra": "ann"})
        (kept,) = waited(client, 1)
        assert "ann.smith" not in kept.row["message"]
        assert "extra" not in kept.row
    assert not any(b"please" in p.read_bytes() for p in tmp_path.glob("records.db*"))


def test_a_database_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"no database at all, and long enough to be read as one" * 100)
    found = forget(tmp_path, "ann", erase=True)
    assert found.rows == {}
    assert [place for place, _ in found.unread] == [str((tmp_path / "records.db").resolve())]


def test_a_full_queue_drops_and_counts(predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelwright.serve.feedback.keeper._ROWS", 1)
    with served(predictor, tmp_path, Keep(3600.0)) as client:
        ask(client, ROW, ROW)
        assert 'modelwright_requests_not_kept_total{reason="queue"} 2.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, "improve", None, None), "--purpose"), ((None, None, "customer", None), "--subject"), (("5s", None, None, None), "a minute"),
        (("soon", None, None, None), "soon"), (("30d", None, None, Path("x.csv")), "--purpose NAME"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(options: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Keep.asked(*options)
    assert Keep.asked(None, None, None, None) is None


def test_margins() -> None:
    assert margins_of(np.array([[0.7, 0.2, 0.1]]), True) == pytest.approx([0.5])
    assert margins_of(np.array([[0.9, 0.6]]), True) == pytest.approx([0.2])
    assert margins_of(np.array([[3.5]]), False) == [None]
