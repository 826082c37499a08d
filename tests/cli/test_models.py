"""`openau models` lists every network with its cost."""

from __future__ import annotations

import pytest

from openau.cli.__main__ import main
from openau.models import MODELS, network_needs


def test_every_network_is_listed_at_the_size_it_was_published_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert {row[0]: int(row[1]) for row in rows} == {name: network_needs(name).size for name in MODELS}
    assert all(int(value.replace(",", "")) > 0 for row in rows for value in row[2:4])


def test_a_network_that_cannot_take_the_size_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--size", "50"]) != 0
    assert "attention_cnn" in capsys.readouterr().err
