"""What CI looks for: secrets in tracked files, and packages that do not fit or are known to be bad."""

import importlib.util
import random
import string
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


finder, checker = script("find_secrets"), script("check_dependencies")


DRAWN = random.Random(0)  # no secret of anybody's, and the same in every run


def made(alphabet: str, size: int) -> str:
    return "".join(DRAWN.choice(alphabet) for _ in range(size))


WORD = string.ascii_letters + string.digits
PLANTED = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "Modelwright vault key": "mwk_" + made(WORD, 43),
    "Modelwright service key": "mws_" + made(WORD, 43),
    "AWS key": "AKIA" + made(string.ascii_uppercase + string.digits, 16),
    "Aliyun key": "LTAI" + made(WORD, 20),
    "Tencent Cloud key": "AKID" + made(WORD, 32),
    "GitHub token": "ghp_" + made(WORD, 36),
    "GitLab token": "glpat-" + made(WORD, 20),
    "Hugging Face token": "hf_" + made(string.ascii_letters, 34),
    "model provider key": "sk-" + made(WORD, 40),
    "Stripe key": "sk_live_" + made(WORD, 24),
    "Slack token": "xoxb-" + made(string.digits, 12),
    "Google key": "AIza" + made(WORD, 35),
    "PyPI token": "pypi-" + made(WORD, 60),
    "JSON web token": ".".join(("eyJ" + made(WORD, 20), "eyJ" + made(WORD, 20), made(WORD, 20))),
    "password in a URL": "postgresql://user:" + made(WORD, 12) + "@db.example.com/x",
    "named secret": 'api_key = "' + made(WORD, 30) + '1"',
}


@pytest.mark.parametrize("kind", PLANTED)
def test_every_kind_of_secret_is_found_and_not_shown(tmp_path, capsys, kind):
    path = tmp_path / "settings.py"
    path.write_text(f"x = 1\ny = {PLANTED[kind]!r}\n" if "named" not in kind else f"x = 1\n{PLANTED[kind]}\n")
    assert finder.main([str(path)]) == 1
    said = capsys.readouterr().err
    assert kind in said
    assert ":2:" in said
    assert PLANTED[kind] not in said


def test_all_kinds_are_planted():
    assert set(PLANTED) == {*finder.PATTERNS, "named secret"}


def test_ordinary_text_is_no_secret(tmp_path):
    path = tmp_path / "a.md"
    path.write_text(
        'password = "correct horse battery"\ntoken: str = "the-name-of-a-token-column"\nhttps://example.com/a:b@c\n'
        "task-classification sk-learn ask-for-the-key-of-the-house\nMODELWRIGHT_KEY\nsqlite:///x.db\n"
        "postgresql://user:***@host/db  postgresql://USER:$PASSWORD@host/db\n"
    )
    assert finder.main([str(path)]) == 0


def test_the_repository_holds_no_secret(capsys):
    assert len(finder.tracked()) > 200
    assert finder.main([]) == 0, capsys.readouterr().err


def test_the_installation_fits():
    have = {n: d.version for n, d in checker.installed().items()}
    asked = checker.asked(ROOT)
    assert checker.outside(have, asked) + checker.bad(have, asked, checker.known_bad(ROOT)) == []


def needs(*texts: str) -> list:
    return [("core", Requirement(t)) for t in texts]


def test_what_is_outside_its_range_is_named():
    assert checker.outside({"numpy": "1.26.0"}, needs("numpy>=2,<3")) == [
        "numpy 1.26.0 is installed; core asks for <3,>=2"
    ]
    assert checker.outside({"numpy": "2.1.0"}, needs("numpy>=2,<3", "absent>=1")) == []


@pytest.mark.parametrize(
    ("have", "need", "no", "found"),
    [
        ("1.40", "litellm>=1", "litellm", True),
        (None, "litellm>=1", "litellm", True),
        ("2.4", "torch>=2.9", "torch<2.6", True),
        ("2.9", "torch>=2.9", "torch<2.6", False),
        (None, "torch>=2.1", "torch<2.6", True),
        (None, "torch", "torch<2.6", True),
        ("8.3.42", None, "ultralytics>=8.3.41,<8.3.47", True),
        ("8.3.40", "ultralytics>=8.3.50", "ultralytics>=8.3.41,<8.3.47", False),
        (None, "ultralytics>=8,<9", "ultralytics>=8.3.41,<8.3.47", True),
    ],
)
def test_what_is_known_to_be_bad_is_refused_installed_or_allowed(have, need, no, found):
    name = Requirement(no).name
    out = checker.bad({name: have} if have else {}, needs(need) if need else [], [(Requirement(no), "a reason")])
    assert bool(out) == found
    assert all("a reason" in line for line in out)


def test_every_line_of_the_list_has_a_reason():
    listed = checker.known_bad(ROOT)
    assert len(listed) >= 8
    assert all(len(reason) > 20 for _, reason in listed)
