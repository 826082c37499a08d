from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from openau import __version__
from openau.cli import __main__ as door
from openau.cli.__main__ import COMMANDS, main, usage
from openau.cli.command import Command
from openau.cli.extras import needs
from openau.errors import MissingExtraError


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"openau {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)


def test_no_command_is_help_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().out == usage() + "\n"


@pytest.mark.parametrize("word", ["analyse", "data", "--quiet"])
def test_an_unknown_command_is_code_2(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "x"]) == 2
    assert capsys.readouterr().err.startswith(f"openau: there is no command '{word}'; choose one of demo, ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_asked_for_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*name.split(), "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: openau {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_described(name: str) -> None:
    module, kind = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(module), kind)
    assert issubclass(command, Command)
    for option in command.__dataclass_fields__:
        assert f"\n        {option}: " in f"\n{command.__doc__}".replace("\n    ", "\n        ").replace(
            "\n            ", "\n        "
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_argument_is_not_the_current_folder(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), ""]) == 2
    assert capsys.readouterr().err.startswith("openau: An argument is empty")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_code_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*name.split(), "--no-such-option"])
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    assert "no-such-option" in said.err or "Missing argument" in said.err


WITHOUT_TORCH_AND_NUMBA = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "numba"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from openau.cli.__main__ import main
for command in sys.argv[1:]:
    print(main(command.split()), file=sys.stderr)
"""


def test_a_command_of_the_workshop_names_the_extra_it_needs() -> None:
    needed = {
        "models": ("torch", "train"),
        "train recipe.toml": ("torch", "train"),
        "export run --out m.onnx": ("torch", "train"),
        "synthesize --out faces --images 1": ("numba", "synth"),
        "data prepare faces --recipe r.toml --out store": ("torch", "train"),
    }
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH_AND_NUMBA, *needed], capture_output=True, text=True, check=True
    )
    lines = child.stderr.splitlines()
    assert lines[1::2] == ["7"] * len(needed)
    for line, (library, extra) in zip(lines[::2], needed.values(), strict=True):
        assert line.endswith(f"needs {library}, which is not installed: pip install 'openau[{extra}]'.")


def test_our_own_missing_module_is_a_bug_and_not_an_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"), needs("torch", "train", "Training"):
        importlib.import_module("openau.nowhere")
    with pytest.raises(MissingExtraError, match="torch"), needs("torch", "train", "Training"):
        raise ModuleNotFoundError("no torch", name="torch.nn")


def run_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Run `openau info`, which fails."""

    def fail(self: Command) -> int:
        raise error

    monkeypatch.setattr("openau.cli.info.Info.run", fail)
    return main(["info"])


def test_ctrl_c_is_one_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "openau: interrupted; nothing was finished.\n"


def test_an_unexpected_exception_is_a_bug_and_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_with(monkeypatch, ZeroDivisionError())


def test_the_door_is_the_installed_script() -> None:
    assert door.main is main
