"""`modelwright new`: every project is written whole, in both languages, and runs from its own folder."""

import csv
import json
import subprocess
import sys

import pytest
import yaml

import modelwright as mw
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.task import get_task, task_names
from modelwright.data.projects import get_project, names, write
from modelwright.tune.gate import check_gate

ALL = (
    "churn",
    "customer-service",
    "defect-inspection",
    "demand-forecast",
    "machine-health",
    "marketing-copy",
    "product-pictures",
    "sentiment",
    "shop-recommender",
    "translator",
    "tutor",
    "voice-desk",
    "voice-digits",
)


def call(folder, *words):
    command = [sys.executable, "-m", "modelwright.cli", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)


def test_all_projects_are_there():
    assert names() == ALL


@pytest.mark.parametrize("name", ALL)
def test_projects_are_whole(name, tmp_path):
    files = write(name, tmp_path / "p")
    assert {"run.yaml", "README.md", "README.zh-CN.md", ".gitignore", "try_it.py"} <= set(files)
    settings = yaml.safe_load((tmp_path / "p" / "run.yaml").read_text(encoding="utf-8"))
    config = make_config(**settings)
    assert (tmp_path / "p" / config.data).exists()
    check_gate(config.gate, get_task(config.task))
    english = (tmp_path / "p" / "README.md").read_text(encoding="utf-8")
    chinese = (tmp_path / "p" / "README.zh-CN.md").read_text(encoding="utf-8")
    assert f"--name {name}" in english
    assert f"--name {name}" in chinese
    assert "换成自己的数据" in chinese
    rows = 2 * len(list((tmp_path / "p").rglob("*.png")))
    for path in (tmp_path / "p").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as f:
            found = list(csv.DictReader(f))
        assert None not in found[0]
        rows += len(found)
    assert rows >= 70
    again = write(name, tmp_path / "q")
    assert again == files
    assert all((tmp_path / "p" / f).read_bytes() == (tmp_path / "q" / f).read_bytes() for f in files)
    assert get_project(name).asks


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        write("sentiment", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    with pytest.raises(OptionError, match="sentiment"):
        write("sentimental", tmp_path / "new")


def test_without_a_name_projects_are_listed(tmp_path):
    done = call(tmp_path, "new", "--json")
    assert json.loads(done.stdout)["projects"] == list(ALL)
    shown = call(tmp_path, "new")
    assert "Translates" in shown.stdout
    assert [line.split()[0] for line in shown.stdout.splitlines() if line[2] != " "] == list(ALL)
    assert "modelwright new PROJECT" in shown.stderr


@pytest.mark.parametrize(
    "name",
    [
        "customer-service",
        "sentiment",
        "tutor",
        "demand-forecast",
        pytest.param("churn", marks=pytest.mark.slow),
        pytest.param("marketing-copy", marks=pytest.mark.slow),
        pytest.param("translator", marks=pytest.mark.slow),
        pytest.param("product-pictures", marks=pytest.mark.slow),
        pytest.param("defect-inspection", marks=pytest.mark.slow),
        pytest.param("voice-digits", marks=pytest.mark.slow),
        pytest.param("voice-desk", marks=pytest.mark.slow),
    ],
)
def test_projects_run(name, tmp_path):
    assert get_project(name).task in task_names()
    done = call(tmp_path, "new", name, "p")
    assert done.returncode == 0, done.stderr
    few = {
        "sentiment": ("linear", "constant"),
        "tutor": ("skill-rate", "bkt", "elo"),
        "demand-forecast": ("seasonal-naive", "lag-ridge", "lag-trees", "phase-ridge"),
    }.get(name, ())
    quick = [word for recipe in few for word in ("--recipe", recipe)]
    done = call(
        tmp_path / "p", "run", "--config", "run.yaml", "--name", name, "--budget", "60s", "--search", "none", *quick
    )
    assert done.returncode in (0, 3), done.stderr
    if name in ("customer-service", "sentiment", "tutor", "churn", "demand-forecast"):
        assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "try_it.py"], cwd=tmp_path / "p", capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    if name == "customer-service":
        lines = done.stdout.splitlines()
        assert "thirty days" in lines[0]
        assert "forty-five" in lines[2]
        assert "forty-five" not in lines[3]
        assert '"refused": true' in lines[4]


def test_documents_of_the_voice_desk_answer_what_is_asked_of_it(tmp_path):
    write("voice-desk", tmp_path / "p")
    how = {"budget": "60s", "recipes": ["answer-bm25"], "search": "none", "out": tmp_path}
    desk = mw.fit(str(tmp_path / "p" / "docs"), task="question-answering", **how).predictor
    asked = sorted({row["text"] for row in csv.DictReader((tmp_path / "p" / "questions.csv").read_text().splitlines())})
    said = [a["prediction"]["answer"] for a in desk.predict([{"question": q} for q in asked])]
    assert all(said)
    assert dict(zip(asked, said, strict=True))["what is the price of a lamp"] == "A lamp costs twenty."
