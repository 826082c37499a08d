"""The error tree: one root, distinct exit codes, messages that say what to do."""

from __future__ import annotations

import inspect

import pytest

from openau import errors
from openau.errors import (
    CardError,
    InputError,
    MissingExtraError,
    ModelError,
    NoInputError,
    OpenAUError,
    SettingError,
)

ALL = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, OpenAUError) and value.__module__ == "openau.errors"
]


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_caught_by_the_root(error: type[OpenAUError]) -> None:
    assert OpenAUError in error.__mro__
    assert (error is OpenAUError) == (error.__name__ == "OpenAUError")


@pytest.mark.parametrize("error", ALL)
def test_every_error_stands_in_the_drawn_tree(error: type[OpenAUError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_exit_codes_are_small_and_shared_only_within_a_family() -> None:
    for error in ALL:
        assert 1 <= error.exit_code <= 63
    for error in ALL:
        for other in ALL:
            if error.exit_code == other.exit_code:
                assert issubclass(error, other) or issubclass(other, error)


def test_the_narrow_errors_belong_to_their_wider_kind() -> None:
    assert issubclass(NoInputError, InputError)
    assert issubclass(CardError, ModelError)
    assert SettingError.exit_code == 2  # what every command line returns for a wrong option


def test_a_missing_extra_says_which_and_how_to_get_it() -> None:
    error = MissingExtraError("pyarrow", "parquet", "Writing Parquet")
    sentence = "Writing Parquet needs pyarrow, which is not installed: pip install 'openau[parquet]'."
    assert str(error) == sentence
