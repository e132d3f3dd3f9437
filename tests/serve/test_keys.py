"""Keys: made once, stored as hashes, private to the user; roles, scopes, expiry, revocation, quotas."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
import time

import pytest
from starlette.testclient import TestClient

from modelwright.core.errors import BundleError, DataError, OptionError
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words
from modelwright.serve import keys
from modelwright.serve.app import FACES, create_app
from modelwright.serve.keys import (
    ROLES,
    SESSION_SECONDS,
    KeyRing,
    ServiceKey,
    add_key,
    digest_of,
    read_keys,
    revoke_key,
    rotate_key,
)
from modelwright.serve.limits import Refused, ServeLimits
from modelwright.serve.quota import Quota
from modelwright.serve.roles import NEEDS, OPEN
from modelwright.serve.stores import Home


@pytest.fixture(autouse=True)
def _no_environment_key(monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    monkeypatch.setattr(keys, "_LOOK_SECONDS", 0.0)


def test_the_first_start_makes_a_key_and_later_ones_keep_it(tmp_path):
    path = tmp_path / "serve" / "keys.json"
    ring, key = KeyRing.open(path)
    assert key is not None
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, none = KeyRing.open(path)
    assert none is None
    assert again.who(key) == "first"
    assert again.key(key).role == "admin"
    assert ring.who(key[:-1]) is None
    assert ring.who("") is None
    assert ring.who(None) is None
    assert ring.who("\ud800é") is None


def test_a_key_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_KEY", "short")
    with pytest.raises(DataError):
        KeyRing.open(tmp_path / "k.json")
    monkeypatch.setenv("MODELWRIGHT_KEY", "a-long-key-of-our-own-making")
    ring, made = KeyRing.open(tmp_path / "k.json")
    assert made is None
    assert ring.who("a-long-key-of-our-own-making") == "environment"
    assert ring.key("a-long-key-of-our-own-making").role == "predictor"
    assert not (tmp_path / "k.json").exists()
    add_key(tmp_path / "k.json", "other")  # the file coming into being leaves it known
    assert ring.who("a-long-key-of-our-own-making") == "environment"
    assert [k.name for k in ring.all()] == ["environment", "other"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"keys": 3}', '{"keys": {"a": {"digest": "x", "role": "king"}}}', '{"keys": {"a": 3}}']
)
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "k.json").write_text(text)
    with pytest.raises(BundleError):
        KeyRing.open(tmp_path / "k.json")


def test_a_file_from_before_there_were_roles_opens_what_it_opened(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"keys": {"first": digest_of("old-key")}}))
    ring, made = KeyRing.open(path)
    assert made is None
    found = ring.key("old-key")
    assert (found.name, found.role) == ("first", "predictor")


def test_sessions_end_with_their_key(tmp_path):
    path = tmp_path / "k.json"
    text = add_key(path, "page")
    ring, _ = KeyRing.open(path)
    token = ring.begin("page")
    assert ring.session(token).name == "page"
    assert ring.session("x") is None
    assert ring.session(None) is None
    assert ring.who(text) == "page"
    rotate_key(path, "page")
    assert ring.session(token) is None
    other = ring.begin("page")
    revoke_key(path, "page")
    assert ring.session(other) is None


def test_a_token_that_was_changed_opens_nothing(tmp_path, monkeypatch):
    path = tmp_path / "k.json"
    add_key(path, "page", role="viewer")
    add_key(path, "boss", role="admin")
    ring, _ = KeyRing.open(path)
    token, other = ring.begin("page"), ring.begin("boss")
    head, _, sign = token.partition(".")
    mixed = [
        f"{other.partition('.')[0]}.{sign}",
        f"{head}.",
        head,
        f"{head}x.{sign}",
        f"{head}.{sign[:-2]}",
        "é.é",
        "a.b" * 900,
    ]
    assert [ring.session(t) for t in mixed] == [None] * len(mixed)
    assert ring.session(token).name == "page"
    later = time.time() + SESSION_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert ring.session(token) is None


def test_expired_revoked_and_rotated_keys_open_nothing(tmp_path, monkeypatch):
    path = tmp_path / "k.json"
    brief, other = add_key(path, "brief", expires_in=50), add_key(path, "other")
    ring, _ = KeyRing.open(path)
    assert [ring.who(brief), ring.who(other)] == ["brief", "other"]
    new = rotate_key(path, "other", grace=10)
    assert [ring.who(other), ring.who(new)] == ["other", "other"]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 11)
    assert [ring.who(other), ring.who(new)] == [None, "other"]
    monkeypatch.setattr(time, "time", lambda: now + 51)
    assert ring.who(brief) is None
    revoke_key(path, "other")
    assert ring.who(new) is None
    assert {k["name"]: k["state"] for k in (k.shown() for k in ring.all())} == {"brief": "expired", "other": "revoked"}
    with pytest.raises(OptionError):
        revoke_key(path, "other")
    with pytest.raises(OptionError):
        rotate_key(path, "nobody")
    assert ring.who(add_key(path, "other")) == "other"  # the name is free again


def test_wrong_wishes_are_refused(tmp_path):
    path = tmp_path / "k.json"
    add_key(path, "a")
    for wish in (
        {"name": "a"},
        {"name": ""},
        {"name": "environment"},
        {"name": "b", "role": "king"},
        {"name": "b", "rows_per_day": 0},
        {"name": "b", "tenant": " "},
        {"name": "b", "tenant": "x" * 201},
        {"name": "b", "tenant": "acme", "role": "admin"},
    ):
        with pytest.raises(OptionError):
            add_key(path, **wish)
    assert list(read_keys(path)) == ["a"]


def test_a_tenant_stays_with_its_key(tmp_path):
    path = tmp_path / "k.json"
    text = add_key(path, "shop", tenant="acme")
    ring, _ = KeyRing.open(path)
    assert ring.key(text).tenant == "acme"
    assert ring.key(text).shown()["tenant"] == "acme"
    rotate_key(path, "shop")
    assert read_keys(path)["shop"].tenant == "acme"


def test_a_file_damaged_while_serving_leaves_the_keys_as_they_were(tmp_path):
    path = tmp_path / "k.json"
    text = add_key(path, "a")
    ring, _ = KeyRing.open(path)
    path.write_text("{")
    assert ring.who(text) == "a"


def every_route(app):
    return [(m, r.path) for r in app.routes for m in sorted(r.methods - {"HEAD"})]


@pytest.mark.parametrize("role", ROLES)
def test_every_route_is_shut_to_lesser_roles(predictor, role, tmp_path):
    ring = KeyRing({"k": ServiceKey("k", digest_of("the-key"), role)})
    home = Home("sample", "1", f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    app = create_app(predictor, keys=ring, home=home)
    needs = dict(NEEDS)
    for package, name in ((folder, found) for folder in FACES for found in names_in(folder)):
        needs |= getattr(load_file(package, name, Words("face", "接口")), "ROLES", {})
    with TestClient(app, headers={"X-API-Key": "the-key"}, follow_redirects=False) as c:
        for method, path in every_route(app):
            assert path in needs or path in OPEN, f"{path} has no role"
            code = c.request(method, re.sub(r"\{\w+\}", "nobody", path), content=b"{}").status_code
            allowed = path in OPEN or ROLES.index(role) >= ROLES.index(needs[path])
            # the form of the login answers 401 to a body without a key
            assert (code == 403) == (not allowed), (method, path, role, code)
            assert code != 401 or path == "/login"
        assert c.get("/nowhere").status_code == (404 if role == "admin" else 403)


def test_a_key_is_for_its_releases_only(predictor):
    named = {
        "all": (),
        "this": ("sample",),
        "version": (f"sample/{predictor.version}",),
        "other": ("tickets/*", "sample/99"),
    }
    ring = KeyRing({n: ServiceKey(n, digest_of(f"key-{n}"), "predictor", s) for n, s in named.items()})
    with TestClient(create_app(predictor, keys=ring)) as c:
        codes = {n: c.get("/schema", headers={"X-API-Key": f"key-{n}"}).status_code for n in named}
    assert codes == {"all": 200, "this": 200, "version": 200, "other": 403}


def test_admins_make_list_and_revoke_keys_over_http(predictor, tmp_path, monkeypatch, row):
    monkeypatch.setenv("MODELWRIGHT_LEDGER", str(tmp_path / "ledger.jsonl"))
    ring, admin = KeyRing.open(tmp_path / "keys.json")
    with TestClient(create_app(predictor, keys=ring), headers={"X-API-Key": admin}) as c:
        wish = {"name": "app", "role": "predictor", "scopes": ["sample"], "expires": "1h", "rows_per_minute": 3}
        made = c.post("/keys", json=wish)
        assert made.status_code == 201
        key = made.json()["key"]
        assert c.post("/keys", json={"name": "app"}).status_code == 422
        for body in (
            b"{",
            b"[]",
            b"{}",
            b'{"name": 3}',
            b'{"name": "x", "role": true}',
            b'{"name": "x", "y": 1}',
            b'{"name": "x", "expires": "soon"}',
        ):
            assert c.post("/keys", content=body).status_code in (400, 422), body
        assert c.post("/predict", json=row, headers={"X-API-Key": key}).status_code == 200
        listed = c.get("/keys")
        assert {k["name"]: k["role"] for k in listed.json()["keys"]} == {"first": "admin", "app": "predictor"}
        for secret in (key, digest_of(key), digest_of(admin)):
            assert secret not in listed.text
        assert c.delete("/keys/app").status_code == 200
        assert c.delete("/keys/app").status_code == 422
        assert c.post("/predict", json=row, headers={"X-API-Key": key}).status_code == 401
    said = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [(e["did"], e["key"], e["by"]) for e in said] == [
        ("service key made", "app", "first"), ("service key revoked", "app", "first"),
    ]  # fmt: skip
    assert key not in (tmp_path / "ledger.jsonl").read_text()


def test_one_key_spends_its_own_quota_and_the_other_is_unaffected(predictor, row):
    ring = KeyRing(
        {
            "a": ServiceKey("a", digest_of("key-a"), rows_per_minute=3),
            "b": ServiceKey("b", digest_of("key-b")),
            "c": ServiceKey("c", digest_of("key-c"), rows_per_day=2),
        }
    )
    with TestClient(create_app(predictor, keys=ring)) as c:

        def ask(key):
            return c.post("/predict", json=row, headers={"X-API-Key": key})

        assert [ask("key-a").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert [ask("key-c").status_code for _ in range(3)] == [200, 200, 429]
        assert 0 < int(ask("key-c").headers["Retry-After"]) <= 86400
        assert [ask("key-b").status_code for _ in range(5)] == [200] * 5


def test_a_quota_holds_for_routes_that_know_the_name_only():
    ring = KeyRing({"a": ServiceKey("a", "", rows_per_minute=5, rows_per_day=7)})
    spending = Quota(1000, None, ring)
    spending.spend("a", 5)
    with pytest.raises(Refused):
        spending.spend("a", 1)
    spending.spend("b", 900)


def test_a_key_never_reaches_logs_metrics_or_errors(predictor, tmp_path, row, caplog, capfd):
    ring, key = KeyRing.open(tmp_path / "keys.json")
    wrong = "mws_canary-key-that-nobody-made"
    with (
        TestClient(create_app(predictor, keys=ring), raise_server_exceptions=False) as c,
        caplog.at_level(logging.DEBUG),
    ):
        shown = [
            c.post("/predict", json=row, headers={"Authorization": f"Bearer {key}"}).text,
            c.post("/predict", json=row, headers={"Authorization": f"Bearer {wrong}"}).text,
            c.post("/predict", content=b"{", headers={"X-API-Key": key}).text,
            c.post("/login", content=f"key={wrong}").text,
            c.get("/metrics", headers={"X-API-Key": key}).text,
            c.get(f"/nowhere?key={key}", headers={"X-API-Key": key}).text,
            c.get("/schema", headers={"X-API-Key": key}).text,
        ]
    captured = capfd.readouterr()
    ours = [
        r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))
    ]  # the test's own client
    for place in (
        *shown,
        *ours,
        captured.out,
        captured.err,
        *(p.read_bytes().decode("utf-8", "replace") for p in tmp_path.rglob("*") if p.is_file()),
    ):
        assert key not in place
        assert wrong not in place


def test_time_of_a_wrong_key_does_not_tell_how_much_of_it_is_right():
    """Every key is compared in full, whatever was found before: the loop has no early end and compares digests."""
    seen = []
    ring = KeyRing({str(i): ServiceKey(str(i), digest_of(f"k{i}")) for i in range(5)})
    real = keys.hmac.compare_digest
    try:
        keys.hmac.compare_digest = lambda a, b: seen.append(b) or real(a, b)
        for text in ("k0", "k4", "nothing"):
            seen.clear()
            ring.key(text)
            assert sum(1 for b in seen if b) == 5
    finally:
        keys.hmac.compare_digest = real


def test_limits_of_the_service_hold_where_a_key_has_none(predictor, row):
    ring = KeyRing.of({"a": "key-a"})
    with TestClient(create_app(predictor, keys=ring, limits=ServeLimits(rows_per_minute=2))) as c:
        codes = [c.post("/predict", json=row, headers={"X-API-Key": "key-a"}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_the_file_stays_closed_to_others_after_changes(tmp_path):
    path = tmp_path / "k.json"
    os.umask(os.umask(0o022))
    add_key(path, "a")
    rotate_key(path, "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_that_others_can_change_are_refused_at_the_start(tmp_path):
    path = tmp_path / "k.json"
    add_key(path, "a")
    for mode in (0o622, 0o660, 0o666):
        path.chmod(mode)
        with pytest.raises(DataError, match=r"Others can change .*chmod 600"):
            KeyRing.open(path)
    path.chmod(0o644)  # hashes may be read
    KeyRing.open(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="no ordinary file"):
        KeyRing.open(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="no ordinary file"):
        KeyRing.open(path)
    path.rmdir()
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match="leads nowhere"):
        KeyRing.open(path)
    with pytest.raises(DataError, match="leads nowhere"):
        add_key(path, "b")


def test_keys_of_another_user_are_refused(tmp_path, monkeypatch):
    add_key(tmp_path / "k.json", "a")
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    if os.stat(tmp_path / "k.json").st_uid == 0:
        KeyRing.open(tmp_path / "k.json")  # root's are trusted by all
        os.chown(tmp_path / "k.json", 1234, -1)
    with pytest.raises(DataError, match="another user"):
        KeyRing.open(tmp_path / "k.json")


_CHANGE = """
import sys
from pathlib import Path
from modelwright.serve.keys import add_key, revoke_key
path, who = Path(sys.argv[1]), sys.argv[2]
for i in range(8):
    add_key(path, f"{who}-{i}")
    revoke_key(path, f"old-{who}-{i}")
"""


def test_changes_by_several_processes_at_once_all_stand(tmp_path):
    path = tmp_path / "k.json"
    workers = ["a", "b", "c"]
    for who in workers:
        for i in range(8):
            add_key(path, f"old-{who}-{i}")
    started = [subprocess.Popen([sys.executable, "-c", _CHANGE, str(path), who]) for who in workers]
    assert [p.wait() for p in started] == [0, 0, 0]
    found = read_keys(path)
    assert sorted(n for n, k in found.items() if k.revoked is None) == sorted(
        f"{who}-{i}" for who in workers for i in range(8)
    )
    assert sum(k.revoked is not None for k in found.values()) == 24


def test_two_services_that_start_at_once_make_one_first_key(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: KeyRing.open(tmp_path / "serve" / "k.json")[1], range(8)))
    assert sum(m is not None for m in made) == 1


def test_revocations_asked_for_at_once_all_stand(predictor, tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("MODELWRIGHT_LEDGER", str(tmp_path / "ledger.jsonl"))
    ring, admin = KeyRing.open(tmp_path / "k.json")
    texts = {f"k{i}": add_key(tmp_path / "k.json", f"k{i}") for i in range(12)}
    with (
        TestClient(create_app(predictor, keys=ring), headers={"X-API-Key": admin}) as c,
        ThreadPoolExecutor(12) as pool,
    ):
        assert all(r.json()["revoked"] for r in pool.map(lambda n: c.delete(f"/keys/{n}"), texts))
    assert [n for n, text in texts.items() if ring.who(text)] == []
    assert sum(k.revoked is not None for k in read_keys(tmp_path / "k.json").values()) == 12


def test_without_an_entry_in_the_ledger_no_key_is_changed(predictor, tmp_path, monkeypatch):
    ring, admin = KeyRing.open(tmp_path / "k.json")
    add_key(tmp_path / "k.json", "app")
    before = (tmp_path / "k.json").read_bytes()
    monkeypatch.setenv("MODELWRIGHT_LEDGER", str(tmp_path))  # a folder takes no entry
    with TestClient(create_app(predictor, keys=ring), headers={"X-API-Key": admin}) as c:
        assert c.post("/keys", json={"name": "more"}).status_code == 503
        assert c.delete("/keys/app").status_code == 503
    assert (tmp_path / "k.json").read_bytes() == before


def test_a_first_key_that_nobody_saw_is_taken_back(tmp_path, monkeypatch):
    """A start that fails after its key was made would lock everybody out: the next start must show one."""
    from modelwright.serve.keys import shown_or_taken_back, were_shown

    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    path = tmp_path / "keys.json"

    def failing_start(shown: bool) -> None:
        with shown_or_taken_back():
            KeyRing.open(path)
            if shown:
                were_shown()
            raise OSError("no port")

    with pytest.raises(OSError, match="no port"):
        failing_start(shown=False)
    with pytest.raises(OSError, match="no port"):
        failing_start(shown=True)
    _, made = KeyRing.open(path)
    assert made is None  # the second one was seen
