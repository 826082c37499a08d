"""The public surface: nothing leaves or enters it unseen, everything in it exists and is documented."""

from __future__ import annotations

import importlib
import json
import textwrap

import pytest

from tests.api_surface import STORED, current_surface, public_modules, public_names
from tests.docstrings import missing_docs


def test_the_surface_is_the_stored_one() -> None:
    stored, current = json.loads(STORED.read_text("utf-8")), current_surface()
    gone = [f"{room}.{name}" for room in stored for name in stored[room] if name not in current.get(room, [])]
    new = [f"{room}.{name}" for room in current for name in current[room] if name not in stored.get(room, [])]
    advice = "if this is meant, run `python -m tests.api_surface` and name it in CHANGELOG.md"
    assert (gone, new) == ([], []), advice


@pytest.mark.parametrize("room", sorted(current_surface()))
def test_every_public_name_exists(room: str) -> None:
    module = importlib.import_module(room)
    assert [name for name in current_surface()[room] if not hasattr(module, name)] == []


def test_the_package_offers_one_door_and_its_version() -> None:
    assert current_surface()["openau"] == ["Analyzer", "__version__"]


def test_an_unknown_name_is_refused_like_in_any_module() -> None:
    package = importlib.import_module("openau")
    with pytest.raises(AttributeError, match="no attribute 'Analyser'"):
        package.Analyser  # noqa: B018 (looking it up is the test)


@pytest.mark.parametrize("module", sorted(public_modules()))
def test_every_public_docstring_says_what_it_must(module: str) -> None:
    room = ".".join(module.split(".")[:2])
    exported = None if module == room else set(current_surface().get(room, []))
    assert missing_docs(public_modules()[module].read_text("utf-8"), module, exported) == []


def check(source: str) -> list[str]:
    """Return what the walker misses in a module made of this text."""
    return missing_docs('"""A module."""\n' + textwrap.dedent(source), "m")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def read(path): ...", "m.read: has no docstring"),
        ("class Reader:\n    pass", "m.Reader: has no docstring"),
        (
            '''
            class Reader:
                """Reads."""
                @property
                def size(self) -> int: ...
            ''',
            "m.Reader.size: has no docstring",
        ),
        (
            '''
            def crop(rgb: Pixels, size: int) -> Crop:
                """Crop.

                Args:
                    rgb: (H, W, 3) RGB uint8.
                """
            ''',
            "m.crop: does not describe `size`",
        ),
        (
            '''
            def flip(rgb: Pixels) -> Pixels:
                """Flip.

                Args:
                    rgb: The picture.
                """
            ''',
            "m.flip: gives no shape or dtype for the array `rgb`",
        ),
        (
            '''
            def read(path: Path) -> Frame:
                """Read one picture."""
                if not path.exists():
                    raise InputError("gone")
            ''',
            "m.read: raises InputError without a Raises section",
        ),
        (
            '''
            def read(path: Path) -> Frame:
                """Read one picture.

                Raises:
                    ModelError: Never.
                """
                raise InputError("gone")
            ''',
            "m.read: Raises does not name InputError",
        ),
        (
            '''
            @dataclass(frozen=True)
            class Face:
                """A face.

                Attributes:
                    score: How sure.
                """
                score: float
                box: Box
            ''',
            "m.Face: does not describe the field `box`",
        ),
        (
            '''
            class Tracker:
                """Follows faces."""
                def __init__(self, overlap: float, patience: int) -> None: ...
            ''',
            "m.Tracker.__init__: does not describe `overlap`",
        ),
    ],
)
def test_the_walker_sees_what_is_missing(source: str, complaint: str) -> None:
    assert complaint in check(source)


def test_the_walker_is_content_with_good_docstrings() -> None:
    source = '''
    @dataclass(frozen=True)
    class Setting:
        """A setting."""

        rate: float
        """Pictures per second."""
        count: int
        """How many."""

    def loss(logit: Tensor, target: Tensor, known: Tensor | None = None, *, gamma: float = 2.0) -> Tensor:
        """Return the loss.

        Args:
            logit, target: (B, A) float32; target is 0 or 1,
                and NaN where unknown.
            known: (B, A) bool.
            gamma: At least 0.

        Raises:
            SettingError: gamma is negative.
        """
        def inner() -> None:
            raise KeyError("not ours to document")
        if gamma < 0:
            raise SettingError("negative")

    def name_of(number: int) -> str:
        """Return the FACS name of an AU."""

    def _private(a, b): ...
    '''
    assert check(source) == []


def test_the_inside_of_a_package_may_do_without_args_but_not_without_a_docstring() -> None:
    source = """
    "A module."
    def fill(rgb: Pixels, box: Box) -> None:
        "Fill the box."

    def outline(rgb: Pixels, box: Box) -> None: ...
    """
    source = textwrap.dedent(source)
    assert missing_docs(source, "m.ink", set()) == ["m.ink.outline: has no docstring"]
    assert "m.ink.fill: does not describe `rgb`" in missing_docs(source, "m.ink", {"fill"})


def test_a_module_without_all_is_read_by_its_definitions() -> None:
    source = "import os\nLIMIT: int = 3\n_HIDDEN = 1\ndef read(): ...\nclass Frame: ...\n"
    assert public_names(source) == ["Frame", "LIMIT", "read"]
    assert public_names(source + "__all__ = ['read']") == ["read"]
