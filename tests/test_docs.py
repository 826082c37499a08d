"""The documents are true: their commands exist, their Python runs, their links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import cv2
import pytest
from benchmarks.quote import documents, filled, latest_results

import openau
from openau.cli.__main__ import COMMANDS
from openau.errors import OpenAUError
from openau.facs import EMOTIONS
from openau.records import Pixels
from openau.runtime import default_model_path
from tests.fake.media import write_video

ROOT = Path(__file__).parent.parent
PAGES = [*documents(), "CONTRIBUTING.md", "CHANGELOG.md", "THIRD_PARTY.md", "benchmarks/README.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)


def text(page: str) -> str:
    """Return a page of the documents."""
    return (ROOT / page).read_text("utf-8")


def fences(page: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [body for kind, body in FENCE.findall(text(page)) if kind == language]


def written_commands() -> list[tuple[str, str]]:
    """Return every `openau ...` line of the fenced blocks, with its page."""
    return [
        (page, line.split("#")[0].strip())
        for page in PAGES
        for block in fences(page, "sh")
        for line in block.splitlines()
        if re.match(r"(\S*/)?openau ", line)
    ]


@cache
def help_text(command: str) -> str:
    """Return what a command says about itself."""
    words = [sys.executable, "-m", "openau.cli", *command.split(), "--help"]
    child = subprocess.run(words, capture_output=True, text=True, check=True)
    return child.stdout


@pytest.mark.parametrize(("page", "line"), written_commands())
def test_every_written_command_and_its_options_exist(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command = next((name for name in COMMANDS if " ".join(words).startswith(name)), None)
    assert command is not None, f"{page}: {line}"
    known = set(re.findall(r"--[a-z][a-z-]*", help_text(command)))
    assert {word for word in words if word.startswith("--")} <= known, f"{page}: {line}"


def test_every_option_in_the_first_steps_exists() -> None:
    named = set(re.findall(r"^\| `(--[a-z-]+)", text("docs/start.md"), re.M))
    assert len(named) >= 10
    assert named <= set(re.findall(r"--[a-z][a-z-]*", help_text("analyze")))


def test_the_readme_shows_the_two_commands_of_the_makefile() -> None:
    makefile = text("Makefile")
    for command in re.findall(r"^make ([a-z-]+)", "\n".join(fences("README.md", "sh")), re.M):
        assert re.search(rf"^{command}:", makefile, re.M), command


@pytest.mark.skipif(
    not (ROOT / "src/openau/assets/models/action_units.onnx").exists(),
    reason="there is no default model yet",
)
@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_python_in_the_documents_runs(
    page: str,
    astronaut: Pixels,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), astronaut[:, :, ::-1])
    write_video(tmp_path / "interview.mp4", [astronaut] * 11)
    monkeypatch.chdir(tmp_path)
    assert default_model_path().exists()
    blocks = fences(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    assert "AU12_p" in printed
    assert "no face found" not in printed


def test_the_recipes_in_the_documents_are_recipes(tmp_path: Path) -> None:
    from openau.train import load_recipe

    found = []
    for recipe in fences("docs/models.md", "toml"):
        (tmp_path / "recipe.toml").write_text(recipe, "utf-8")
        found.append(load_recipe(tmp_path / "recipe.toml"))
    assert found[0].action_units == (1, 2, 4, 6, 9, 12, 25, 26)
    assert [recipe.model.name for recipe in found] == ["attention_cnn", "mobilenet_v2", "alexnet"]
    assert found[2].loss.own_options == {"reading": "C", "max_weight": 50.0}


@pytest.mark.parametrize("page", PAGES)
def test_links_between_the_documents_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(page))
    inside = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in inside if not ((ROOT / page).parent / target).exists()] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert sorted(re.findall(r"\((\d{4}-[a-z-]+\.md)\)", text("docs/decisions/README.md"))) == pages
    for number, page in enumerate(pages, start=1):
        assert text(f"docs/decisions/{page}").startswith(f"# {number:04d} ")


def test_every_room_is_in_the_drawing_of_the_house() -> None:
    source = ROOT / "src" / "openau"
    rooms = {p.stem for p in source.glob("*.py")} | {p.parent.name for p in source.glob("*/__init__.py")}
    drawn = set(re.findall(r"`([a-z]+)`", text("docs/architecture.md")))
    assert rooms - {"__init__"} <= drawn


def test_exit_codes_are_written_as_they_are() -> None:
    written = {int(code) for code in re.findall(r"^\| (\d+) \|", text("docs/start.md"), re.M)}

    def codes(error: type[OpenAUError]) -> set[int]:
        return {error.exit_code}.union(*(codes(child) for child in error.__subclasses__()))

    assert codes(OpenAUError) - {OpenAUError.exit_code} <= written


@pytest.mark.parametrize("page", documents())
def test_every_quoted_number_is_the_ledgers(page: str) -> None:
    assert filled(text(page), latest_results()) == text(page), "run `python -m benchmarks.quote`"


def test_a_quoted_table_has_a_row_per_first_word_and_the_columns_asked_for() -> None:
    common = {"unit": "share", "n": 3, "group": "sample, grad_cam"}
    rows = [
        {"name": "AU01 energy", "value": 0.5, "low": 0.4, "high": 0.61} | common,
        {"name": "AU01 chance", "value": 0.1} | common,
        {"name": "AU02 energy", "value": 0.25, "note": "AU04"} | common,
        {"name": "AU02 energy", "value": 9.0} | common | {"group": "other"},
    ]
    results = {"explained": {"date": "2026-01-02", "machine": {}, "measurements": rows}}
    table = "<!-- measured table: explained; sample, grad_cam; energy, chance -->\nold\n<!-- /measured -->"
    found = filled(table, results).splitlines()
    assert found[1:-1] == [
        "| | n | energy | chance |",
        "|---|---|---|---|",
        "| AU01 | 3 | 0.50 (0.40–0.61) | 0.10 |",
        "| AU02 | 3 | 0.25 AU04 |  |",
    ]
    assert filled("\n".join(found), results).splitlines() == found
    assert "not measured" in filled(table.replace("explained", "speed"), results)


def test_a_quoted_number_is_filled_from_its_measurement() -> None:
    machine = {"processor": "Test 1", "cores": 2}
    rows = [
        {"name": "faces found", "value": 0.5, "n": 4},
        {"name": "faces found", "value": 1.0, "n": 2, "group": "gender male"},
    ]
    results = {"real_faces": {"machine": machine, "measurements": rows}}
    line = "<!-- measured: real_faces; faces found; {value:.0%} of {n} -->old<!-- /measured -->"
    assert filled(line, results).endswith("-->50% of 4<!-- /measured -->")
    other = line.replace("found;", "found@gender male;")
    assert filled(other, results).endswith("-->100% of 2<!-- /measured -->")
    assert filled(line.replace("real_faces", "speed"), results).endswith("-->not measured<!-- /measured -->")
    on = "<!-- measured: real_faces; faces found; {cores} cores, {processor} -->old<!-- /measured -->"
    assert filled(on, results).endswith("-->2 cores, Test 1<!-- /measured -->")


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert project["version"] == openau.__version__
    assert f"version: {openau.__version__}\n" in text("CITATION.cff")
    assert f"## [{openau.__version__}]" in text("CHANGELOG.md")


def test_every_dependency_has_its_licence_named() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[\s<>=;\[]", entry)[0] for group in groups for entry in group} - {"openau"}
    third_party = text("THIRD_PARTY.md")
    assert {name for name in names if name not in third_party} == set()


def test_the_table_page_has_every_emotion_and_the_readme_names_no_other_column() -> None:
    page = text("docs/table.md")
    assert all(f"emotion_{name}_p" in page for name in EMOTIONS)
    section = text("README.md").split("## How to read the table")[1].split("\n## ")[0]
    columns = set(re.findall(r"^\| (`.+?) \|", section, re.M))
    named = {name for cell in columns for name in re.findall(r"`(\w+)`", cell)}
    assert {re.sub(r"AU12", "AU01", name) for name in named} <= set(re.findall(r"`(\w+)`", page))


def test_the_stored_surface_is_sorted_json() -> None:
    stored = json.loads(text("tests/api_surface.json"))
    assert list(stored) == sorted(stored)
    assert all(names == sorted(names) for names in stored.values())


def test_every_label_rule_and_protocol_is_in_its_table() -> None:
    from openau.data import LABEL_RULES, PROTOCOLS

    rules, protocols = text("docs/protocols.md").split("## Protocols")
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|.*?(?:`([a-z0-9-]+)`)? \|$", rules, re.M)
    assert [name for name, _ in listed] == list(LABEL_RULES)
    assert {name: instead for name, instead in listed if instead} == {
        name: rule.corrected_by for name, rule in LABEL_RULES.items() if rule.corrected_by
    }
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", protocols, re.M) == list(PROTOCOLS)
