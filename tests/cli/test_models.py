"""`openau models` computes what every network costs, and says what one needs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from openau.cli.__main__ import main
from openau.models import EMOTION_MODELS, MODELS

EVERY = sorted(MODELS | EMOTION_MODELS)


def listed(text: str) -> dict[str, list[str]]:
    """Return the columns of each network's line."""
    rows = [line.split() for line in text.splitlines() if line.split() and line.split()[0] in EVERY]
    return {row[0]: row[1:] for row in rows}


def test_every_network_is_listed_at_its_own_size_with_its_cost_within_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = time.process_time()
    assert main(["models", "--aus", "12"]) == 0
    assert time.process_time() - start < 10
    rows = listed(capsys.readouterr().out)
    assert sorted(rows) == EVERY
    # side, all weights, trained ones, multiplies, megabytes of weights and of peak memory
    assert rows["vgg19"][:4] == ["224", "20,293,196", "9,708,044", "19,508,697,088"]
    assert rows["attention_cnn"][:4] == ["48", "1,449,170", "1,449,170", "112,015,346"]
    assert rows["emotiram_fau"][:2] == ["96", "48,552,529"]
    assert rows["caer_face_stream"][:2] == ["96", "1,013,767"]
    assert rows["vgg19"][4:] == ["81.17", "MB", "26.29", "MB"]


def test_one_network_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--name", "drml", "--size", "200"]) == 0
    text = capsys.readouterr().out
    assert list(listed(text)) == ["drml"]
    assert listed(text)["drml"][0] == "200"
    assert "170×170 RGB, eyes turned" in text
    assert "read from relu5" in text
    assert "Zhao, Chu and Zhang" in text
    assert "Caffe files" in text
    assert "AU 1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26" in text


@pytest.mark.parametrize("name", EVERY)
def test_every_network_says_how_it_differs_from_its_paper(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--name", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = {line[:16].strip(): line[16:] for line in lines if line[:16].strip()}
    for fact in ("pictures", "normalised", "published for", "heat maps", "reference", "differs"):
        assert len(facts[fact]) > 10, fact


def test_what_cannot_be_shown_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--name", "vgg99"]) == 2
    assert main(["models", "--fetch", str(tmp_path)]) == 2
    assert main(["models", "--name", "drml", "--fetch", str(tmp_path)]) == 2
    assert main(["models", "--size", "30"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "no network 'vgg99'" in lines[0]
    assert "whose weights" in lines[1]
    assert "no ImageNet weights for 'drml'" in lines[2]
    assert "30 pixels" in lines[3]
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_there_are_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    from openau.models import pretrained

    digest = hashlib.sha256(b"weights").hexdigest()
    there = pretrained.ImageNetWeights("https://example.invalid/net.pth", "sha256", digest, "features.")
    monkeypatch.setitem(pretrained.IMAGENET, "vgg19", there)
    (tmp_path / "net.pth").write_bytes(b"weights")
    assert main(["models", "--name", "vgg19", "--fetch", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"vgg19: {tmp_path / 'net.pth'}\n"
