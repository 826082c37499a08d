"""The walls of the house: what imports what, how long a file may be, what no file may say."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake.tiny_model import write_tiny_model

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "openau"
MODULES = sorted(SOURCE.rglob("*.py"))
WRITTEN = ("src", "tests", "benchmarks", "scripts", "docs", ".ci")
HEAVY = {"torch", "cv2", "onnxruntime", "pandas", "av", "pyarrow", "matplotlib", "scipy", "sklearn", "numba"}
WORKSHOP = {
    "torch",
    "torchvision",
    "accelerate",
    "onnx",
    "onnxscript",
    "numba",
    "scipy",
    "sklearn",
    "matplotlib",
}


def modules_after(script: str, *arguments: str) -> set[str]:
    """Run a script in a fresh Python and return the top-level modules it has loaded at its end."""
    report = "\nimport json, sys; print('\\n' + json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    child = subprocess.run(
        [sys.executable, "-c", script + report, *arguments], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    return set(json.loads(child.stdout.splitlines()[-1]))


def run_main(arguments: list[str]) -> str:
    """Return a script that runs the command line in-process and survives its exit."""
    return (
        f"import sys\nsys.argv = ['openau', *{arguments!r}]\n"
        "from openau.cli.__main__ import main\n"
        "try:\n    code = main()\nexcept SystemExit as stop:\n    code = stop.code\n"
        "assert not code, f'openau ended with {code}'\n"
    )


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level names of every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def written_files() -> list[Path]:
    """Return every text file that people wrote."""
    files = [path for folder in WRITTEN for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    hidden = {"__pycache__", "results"}
    suffixes = {".py", ".md", ".toml", ".json", ".cff", ".html", ".css", ".js", ".csv", ".txt", ""}
    return sorted(p for p in files if p.suffix in suffixes and not hidden & set(p.parts))


def test_data_flows_one_way_through_the_house() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


def test_importing_openau_costs_nothing() -> None:
    assert not modules_after("import openau") & (HEAVY | {"numpy", "rich", "tyro", "jinja2"})


def test_help_answers_without_the_heavy_libraries() -> None:
    assert not modules_after(run_main(["--help"])) & HEAVY


def test_the_instrument_imports_nothing_of_the_workshop() -> None:
    assert not modules_after("from openau import Analyzer") & (WORKSHOP | {"pyarrow"})


def test_analysing_a_photograph_imports_nothing_of_the_workshop(tmp_path: Path) -> None:
    import cv2
    from skimage import data

    photo = tmp_path / "astronaut.png"
    astronaut = data.astronaut()  # type: ignore[no-untyped-call]  # has no types
    cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    write_tiny_model(tmp_path / "tiny.onnx")
    options = ["--model", str(tmp_path / "tiny.onnx"), "--out", str(tmp_path / "out")]
    loaded = modules_after(run_main(["analyze", str(photo), *options]))
    assert "onnxruntime" in loaded
    assert not loaded & WORKSHOP


def test_only_the_command_line_knows_tyro() -> None:
    users = {path.relative_to(SOURCE).parts[0] for path in MODULES if "tyro" in imports(path)}
    assert users == {"cli"}


def test_library_code_does_not_print() -> None:
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        if path.relative_to(SOURCE).parts[0] != "cli"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing


def test_nothing_unpickles_objects() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        assert not {"dill", "cloudpickle", "joblib"} & set(imports(path)), path
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert "pickle" not in {alias.name for alias in node.names}, path
            if isinstance(node, ast.ImportFrom) and node.module == "pickle":
                assert {alias.name for alias in node.names} == {"UnpicklingError"}, path
            is_load = isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
            if is_load and isinstance(
                node, ast.Call
            ):  # torchvision ships its weights so; only tensors are read
                assert "weights_only=True" in [ast.unparse(keyword) for keyword in node.keywords], path


@pytest.mark.parametrize(("folder", "limit"), [("src", 400), ("benchmarks", 400), ("tests", 500)])
def test_no_file_is_too_long_to_read_at_a_sitting(folder: str, limit: int) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert lengths
    assert not {name: length for name, length in lengths.items() if length > limit}


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert not [path for path in [*MODULES, *SOURCE.rglob("*/")] if path.stem.strip("_") in vague]


def test_no_file_names_a_folder_of_its_authors() -> None:
    # Put together from pieces, so that this file does not name them either.
    private = ["/" + "work/", "/" + "root/", "/" + "home/", ".." + "/shared"]
    found = [
        f"{path.relative_to(ROOT)}: {phrase}"
        for path in written_files()
        for phrase in private
        if phrase in path.read_text("utf-8", errors="replace")
    ]
    assert [entry for entry in found if not entry.startswith(f".ci{os.sep}run: ..")] == []
