"""Every mistake a user can make ends here, in one sentence that says what to do.

The tree, so that a program can catch as much or as little as it wants::

    OpenAUError
    ├── InputError       a picture, video, camera or folder that cannot be read
    │   └── NoInputError nothing to analyse was found
    ├── ModelError       a model file that is missing, broken or not ours
    ├── CardError        a model card that contradicts its network
    ├── OutputError      a result that cannot be written
    ├── TableError       a table with wrong columns or values
    ├── SettingError     an option, recipe or argument outside its range
    ├── MissingExtraError an optional library that is not installed
    └── RigError         the 3-D face rig is absent or not the one expected
"""


class OpenAUError(Exception):
    """Root of every error that OpenAU raises on purpose.

    The message is one sentence for the user. `exit_code` is what the command line returns for it.
    """

    exit_code: int = 1


class InputError(OpenAUError):
    """A picture, video, camera or folder cannot be read."""

    exit_code = 3


class NoInputError(InputError):
    """Nothing to analyse was found where the user pointed."""


class ModelError(OpenAUError):
    """A model file is missing, broken, or was not made by OpenAU."""

    exit_code = 4


class CardError(ModelError):
    """A model card is malformed or contradicts the network it describes."""


class OutputError(OpenAUError):
    """A result cannot be written: the path exists, the disk is full, the folder is read-only."""

    exit_code = 5


class TableError(OpenAUError):
    """A table has wrong columns or values."""

    exit_code = 6


class SettingError(OpenAUError):
    """An option, recipe value or argument is outside its range."""

    exit_code = 2


class MissingExtraError(OpenAUError):
    """An optional library is needed and not installed."""

    exit_code = 7

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        """Build the sentence.

        Args:
            library: What is missing, as its project writes it.
            extra: The extra of openau that brings it.
            purpose: What needs it; the sentence begins with this.
        """
        super().__init__(f"{purpose} needs {library}, which is not installed: pip install 'openau[{extra}]'.")


class RigError(OpenAUError):
    """The 3-D face rig is absent or is not the one the renderer expects."""

    exit_code = 8
