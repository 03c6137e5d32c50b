"""The rules of the house: directions of import, sizes, names documented, style, types."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("calibration", "labcut3d")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in FILES]

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MOST_PARAMETERS = 6

# The data flow one way: each part of labcut3d knows those before it, and none after it.
FLOW = (
    *("formats", "reconstruction", "kinematics", "labelling", "detection", "viewers"),
    *("stages", "pipeline", "app", "cli"),
)
FRONT_ENDS = ("app", "cli")
UNKNOWN_TO_CALIBRATION = ("labcut3d", "torch", "torchvision", "xarray", "pandas", "av")
TORCH_LIVES_IN = "labcut3d/detection"


def imports_of(tree: ast.Module) -> set[str]:
    """All modules that a file imports, at any depth."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def functions_of(tree: ast.Module):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("path", MODULES)
def test_imports_go_one_way(path):
    relative = path.relative_to(ROOT)
    used = imports_of(parse(path))
    package, part = relative.with_suffix("").parts[:2]
    later = FLOW[FLOW.index(part) + 1 :] if part in FLOW else FRONT_ENDS
    forbidden = [f"labcut3d.{name}" for name in later]
    if package == "calibration":
        forbidden = UNKNOWN_TO_CALIBRATION
    wrong = [name for name in used for other in forbidden if within(name, other)]
    assert not wrong, f"{relative} imports {wrong}"
    if not str(relative).startswith(TORCH_LIVES_IN):
        assert not [name for name in used if within(name, "torch")], f"{relative} imports torch"


@pytest.mark.parametrize("path", [p for p in MODULES if "/app/" in f"/{p.id}"])
def test_the_app_calls_the_pipeline_and_not_what_it_is_made_of(path):
    inner = [f"labcut3d.{name}" for name in ("stages", "reconstruction", "kinematics")]
    used = imports_of(parse(path))
    wrong = [name for name in used for other in inner if within(name, other)]
    assert not wrong, f"{path.name} imports {wrong}"


@pytest.mark.parametrize("path", MODULES)
def test_files_and_functions_stay_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE, f"{path.name}: find its second concept"
    for function in functions_of(parse(path)):
        docstring = (ast.get_docstring(function) or "").count("\n")
        lines = (function.end_lineno or function.lineno) - function.lineno + 1 - docstring
        assert lines <= LONGEST_FUNCTION, f"{path.name}: {function.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES)
def test_functions_take_few_positional_parameters(path):
    for function in functions_of(parse(path)):
        positional = [a for a in function.args.args if a.arg not in ("self", "cls")]
        assert len(positional) <= MOST_PARAMETERS, f"{path.name}: {function.name}"


@pytest.mark.parametrize("path", MODULES)
def test_nothing_prints_but_by_a_console_or_a_reporter(path):
    for node in ast.walk(parse(path)):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        assert not (called and node.func.id == "print"), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES)
def test_modules_and_public_names_are_documented(path):
    tree = parse(path)
    assert ast.get_docstring(tree), f"{path.name} has no docstring"
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    members = [node for one in classes if not one.name.startswith("_") for node in one.body]
    for node in [*tree.body, *members]:
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES)
def test_no_pickle_eval_or_broad_except(path):
    tree = parse(path)
    assert not imports_of(tree) & {"pickle", "dill", "joblib", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            caught = getattr(node.type, "id", None)
            assert node.type is not None, f"{path.name}:{node.lineno} catches everything"
            assert caught not in {"Exception", "BaseException"}, f"{path.name}:{node.lineno}"


def test_tests_mirror_the_packages():
    """Tests lie in the folder of their subject, and every folder or its parent has some."""
    tests = {p.parent.relative_to(ROOT / "tests") for p in (ROOT / "tests").rglob("*/test_*.py")}
    folders = {path.parent.relative_to(ROOT) for path in FILES}
    assert tests <= folders
    bare = {folder for folder in folders if not {folder, folder.parent} & tests}
    assert not bare, f"no tests for {bare}"


def test_ruff_finds_nothing():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(ROOT)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_finds_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
