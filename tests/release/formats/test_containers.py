"""What is written for Docker, Compose and Kubernetes: whole, shut by default, and it answers."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from modelwright.core.errors import OptionError, RegistryError
from modelwright.release import container
from modelwright.release.export_to import export_model, formats
from modelwright.release.formats.base import Packed
from modelwright.release.formats.shared.requirements import direct, pins
from modelwright.release.registry.store import Registry

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "where is my parcel"}


def steps(folder):
    """Return (instruction, rest) of a Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (folder / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def test_the_image_is_shut_and_holds_what_it_copies(run):
    folder = export_model("tickets", "docker")
    assert folder == Path("runs/tickets/docker")
    found = steps(folder)
    for word, rest in found:
        if word == "COPY":
            *sources, _ = shlex.split(rest)
            assert all((folder / s).exists() for s in sources), rest
    users = [rest for word, rest in found if word == "USER"]
    assert users == ["10001:10001"]
    words = [word for word, _ in found]
    assert words.index("USER") > max(i for i, w in enumerate(words) if w in ("RUN", "COPY"))
    assert {"HEALTHCHECK", "VOLUME", "STOPSIGNAL"} <= set(words)
    assert sorted(p.name for p in folder.iterdir()) == [
        ".dockerignore", "Dockerfile", "README.md", "app", "bundle", "constraints.txt", "requirements.txt",
    ]  # fmt: skip
    assert (folder / "bundle" / "manifest.json").read_bytes() == (run / "bundle" / "manifest.json").read_bytes()
    assert not list(folder.rglob("*.pyc"))


def test_requirements_are_pinned_to_what_is_here(run):
    folder = export_model("tickets", "docker")
    asked = (folder / "requirements.txt").read_text().split("\n")
    pinned = dict(line.split("==") for line in (folder / "constraints.txt").read_text().split())
    import numpy

    assert pinned["numpy"] == numpy.__version__
    assert any(line.startswith("fastapi") for line in asked)
    assert {"fastapi", "starlette", "sqlalchemy", "psycopg"} <= set(pinned)
    assert not any(line.startswith(("torch", "modelwright")) for line in asked), "a linear model needs no torch"
    assert any(line.startswith("torch") for line in direct(["explain"]))
    assert pins(["torch>=2"]).get("torch", "").count("+") == 0


@pytest.fixture
def written_env(tmp_path, run):
    """The environment in which the image's program runs here: its own places, and no more of this checkout than it brought."""
    folder = export_model("tickets", "docker")
    given = dict(part.split("=", 1) for word, rest in steps(folder) if word == "ENV" for part in shlex.split(rest))
    state = tmp_path / "state"
    state.mkdir()
    env = {k: v.replace("/state", str(state)).replace("/app", str(folder.absolute() / "app")) for k, v in given.items()}
    more = {
        "MODELWRIGHT_BUNDLE": str(folder.absolute() / "bundle"),
        "MODELWRIGHT_HOST": "127.0.0.1",
        "PATH": os.environ["PATH"],
    }
    secrets = tmp_path / "given"
    secrets.mkdir()
    (secrets / "key").write_text("a-key-that-is-long-enough\n")
    return folder, state, {**env, **more, "MODELWRIGHT_SECRETS": str(secrets)}


def test_what_is_copied_answers_and_writes_into_its_state_only(written_env, tmp_path):
    folder, state, env = written_env
    entry = json.loads(next(rest for word, rest in steps(folder) if word == "ENTRYPOINT"))
    health = json.loads(next(rest for word, rest in steps(folder) if word == "HEALTHCHECK").split("CMD ")[1])
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    program = [sys.executable, *entry[1:], "--port", str(port)]
    with open(tmp_path / "log", "wb") as log:
        done = subprocess.Popen(program, cwd=state, env=env, stdout=log, stderr=log)
    try:
        for _ in range(150):
            assert done.poll() is None, (tmp_path / "log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=4)
                break
            except OSError:
                time.sleep(0.1)
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/predict",
            json.dumps(ROW).encode(),
            {"X-API-Key": "a-key-that-is-long-enough", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert "prediction" in json.loads(answer.read())
        # the check asks port 8000 of the container, where nobody answers here
        assert subprocess.run([sys.executable, *health[1:]], env=env, cwd=state, check=False).returncode == 1
    finally:
        done.terminate()
        assert done.wait(20) == 0, (tmp_path / "log").read_text()
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    assert (state / "ledger.jsonl").is_file()


def test_a_database_that_is_named_gets_the_release(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_DB", str(tmp_path / "r.db"))
    monkeypatch.setenv("MODELWRIGHT_NAME", "desk")
    bundle = run / "bundle"
    line = container.command(bundle, ["--allow-missing"])
    assert line[:2] == ["serve", "desk/champion"]
    assert line[-1] == "--allow-missing"
    container.command(bundle, [])
    assert [r.version for r in Registry().releases("desk")] == [1], "released once, however often it starts"


def test_secrets_are_taken_from_files(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("first\n")
    (tmp_path / "db_password").write_text("second\n")
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    monkeypatch.setenv("PGPASSWORD", "given")
    monkeypatch.delenv("MODELWRIGHT_DB", raising=False)
    container.take_secrets(tmp_path)
    assert (os.environ["MODELWRIGHT_KEY"], os.environ["PGPASSWORD"]) == ("first", "given")
    assert "MODELWRIGHT_DB" not in os.environ
    del os.environ["MODELWRIGHT_KEY"]  # monkeypatch would put it back at the end


def test_an_objection_is_told_when_the_container_starts(run, tmp_path, predictor, monkeypatch, capsys):
    from modelwright.release.bundle import save

    predictor.card = {"name": "t", "asked": True, "met": False, "gate": [{"condition": "f1>=1", "met": False}]}
    save(predictor, tmp_path / "b")
    monkeypatch.setenv("MODELWRIGHT_DB", str(tmp_path / "r.db"))
    monkeypatch.setenv("MODELWRIGHT_BUNDLE", str(tmp_path / "b"))
    with pytest.raises(RegistryError):
        container.released(tmp_path / "b", "desk")
    assert container.main(["serve"]) == 2
    assert "gate was not met" in capsys.readouterr().err
    assert container.released(tmp_path / "b", "desk", "for a trial") == "desk/champion"


def test_compose_is_shut_and_has_a_database(run):
    folder = export_model("tickets", "compose")
    text = (folder / "compose.yaml").read_text(encoding="utf-8")
    assert "&id" not in text
    found = yaml.safe_load(text)
    for name, service in found["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")
        assert service["healthcheck"]["test"]
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        assert all(s in found["secrets"] for s in service["secrets"])
        assert all(n in found["networks"] for n in service["networks"])
        assert all(v.split(":")[0] in found["volumes"] for v in service["volumes"])
    model = found["services"]["model"]
    assert model["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert all(p.startswith("127.0.0.1:") for p in model["ports"])
    assert "ports" not in found["services"]["db"]
    for secret in found["secrets"].values():
        place = folder / secret["file"]
        text = place.read_text()
        assert len(text) >= 40
        assert text not in (folder / "compose.yaml").read_text()
        # files are mounted as they are, so the folder is what keeps others out
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert "secrets/" in (folder / ".gitignore").read_text()
    assert "secrets/" in (folder / ".dockerignore").read_text()


def test_manifests_fit_together(run):
    folder = export_model("tickets", "kubernetes")
    top = yaml.safe_load((folder / "kustomization.yaml").read_text())
    made = {f: yaml.safe_load((folder / f).read_text()) for f in top["resources"]}
    kinds = {m["kind"]: m for m in made.values()}
    assert set(kinds) == {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
    }  # fmt: skip
    for manifest in made.values():
        assert manifest["metadata"]["name"] == "tickets"
        assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    pod = kinds["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    for spec in ("PodDisruptionBudget", "Deployment"):
        assert kinds[spec]["spec"]["selector"]["matchLabels"] == labels
    assert kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert kinds["Service"]["spec"]["selector"] == labels
    assert kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "tickets"
    spec, (one,) = pod["spec"], pod["spec"]["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(one["resources"]) == {"requests", "limits"}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(one)
    assert {m["name"] for m in one["volumeMounts"]} == {v["name"] for v in spec["volumes"]}
    assert one["ports"][0]["name"] == kinds["Service"]["spec"]["ports"][0]["targetPort"]
    secret = next(v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v)
    assert [g["name"] for g in top["secretGenerator"]] == [secret]
    assert all((folder / f).is_file() for g in top["secretGenerator"] for f in g["files"])


def test_nothing_is_replaced_without_a_word_and_secrets_stay(run):
    folder = export_model("tickets", "compose")
    before = (folder / "secrets" / "db_password").read_text()
    (folder / "mine.txt").write_text("notes")
    with pytest.raises(OptionError, match="--replace"):
        export_model("tickets", "compose")
    assert (folder / "mine.txt").is_file()
    export_model("tickets", "compose", replace=True)
    assert (folder / "secrets" / "db_password").read_text() == before
    assert not (folder / "mine.txt").exists()


def test_a_release_is_packed_with_its_reason(run, tmp_path, predictor):
    from modelwright.release.bundle import save

    predictor.card = {"name": "t", "asked": True, "met": False, "gate": [{"condition": "f1>=1", "met": False}]}
    save(predictor, tmp_path / "b")
    Registry().release(tmp_path / "b", "服务台", in_spite="costs $5, for a trial")
    folder = export_model("服务台", "compose", tmp_path / "out")
    model = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))
    assert model["name"] == "model"
    assert model["services"]["model"]["environment"]["MODELWRIGHT_IN_SPITE"] == "costs $$5, for a trial"
    assert "MODELWRIGHT_NAME=服务台" in (folder / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "host"), [("desk", "desk"), ("My_Desk.2", "my-desk-2"), ("2fast", "model-2fast"), ("工单", "model")]
)
def test_names_of_hosts(name, host):
    assert Packed(None, None, name).host == host


def test_an_unknown_format_is_told_with_the_nearest(run):
    assert {"docker", "compose", "kubernetes", "onnx"} <= set(formats())
    with pytest.raises(OptionError, match="kubernetes"):
        export_model("tickets", "kubernets")
