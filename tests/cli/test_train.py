"""`openau train` takes any field of its recipe by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from openau.cli.__main__ import main
from openau.cli.train import Train, recipe_fields
from openau.data import build_index, prepare
from openau.errors import SettingError
from openau.records import CropSpec
from tests.fake.synthetic_folder import write_synthetic_folder


def test_options_with_a_point_in_them_are_the_recipes() -> None:
    words = [
        "r.toml",
        "--stores",
        "a",
        "b",
        "--run.epochs",
        "3",
        "--optimiser.lr=1e-5",
        "--recipe.seed",
        "7",
        "--quiet",
    ]
    others, fields = recipe_fields(words)
    assert others == ["r.toml", "--stores", "a", "b", "--quiet"]
    assert fields == {"run.epochs": "3", "optimiser.lr": "1e-5", "seed": "7"}
    command = Train.parse("openau train", words)
    assert (command.recipe, command.stores, command.fields) == (
        Path("r.toml"),
        (Path("a"), Path("b")),
        fields,
    )


def test_a_negative_value_is_a_value() -> None:
    assert recipe_fields(["--run.epochs", "-1"]) == ([], {"run.epochs": "-1"})


def test_a_field_without_a_value_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--run.epochs"], ["--run.epochs", "--quiet"]):
        with pytest.raises(SettingError, match=r"--run\.epochs has no value"):
            recipe_fields(words)
    assert main(["train", "r.toml", "--run.epochs"]) == 2
    assert "has no value; give one behind it" in capsys.readouterr().err


def test_a_wrong_field_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text('name = "x"\naus = [1, 2]\n[crop]\nsize = 48\n')
    run = tmp_path / "run"
    assert main(["train", str(tmp_path / "r.toml"), "--out", str(run), "--run.epoch", "3"]) == 2
    assert "The recipe has no field run.epoch" in capsys.readouterr().err
    assert not run.exists()


def test_a_file_in_the_place_of_the_run_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = write_synthetic_folder(tmp_path / "faces", subjects=12, per_subject=4)
    store = prepare(build_index("synthetic", faces), CropSpec(16), tmp_path / "store", detector="index").store
    (tmp_path / "r.toml").write_text(
        f'name = "x"\naus = [1, 12]\n[crop]\nsize = 16\n[data]\nstores = ["{store}"]\nsplit = "subject"\n'
    )
    (tmp_path / "run").write_text("in the way")
    assert main(["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run"), "--quiet"]) == 5
    assert "run cannot be made (File exists)" in capsys.readouterr().err


def test_a_leaky_split_is_said_even_where_it_is_quiet_and_a_clean_one_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = write_synthetic_folder(tmp_path / "faces", subjects=12, per_subject=4)
    store = prepare(build_index("synthetic", faces), CropSpec(16), tmp_path / "store", detector="index").store
    (tmp_path / "r.toml").write_text(
        f'name = "x"\naus = [1, 12]\n[crop]\nsize = 16\n[data]\nstores = ["{store}"]\n'
        "[run]\nepochs = 1\nbatch = 8\nthreads = 1\n[model]\noptions = {hidden = 4}\n"
    )
    recipe = [str(tmp_path / "r.toml"), "--data.split"]

    def told(split: str, name: str, *more: str) -> str:
        assert main(["train", *recipe, split, "--out", str(tmp_path / name), *more]) == 0
        return capsys.readouterr().err

    assert told("deramgozin2023", "leaky", "--quiet").startswith("*** LEAKY SPLIT: ")
    assert told("subject", "clean", "--quiet") == ""
    assert told("subject", "loud").startswith("Split: train ")
