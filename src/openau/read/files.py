"""Opening what the user names: only regular files, and one sentence for everything else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO

from openau.errors import InputError


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: What the user named.

    Returns:
        The open file, at its start; it holds at least one byte.

    Raises:
        InputError: It does not exist, is empty, is no regular file or may not be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                f"{path} is a folder, not a file; name the files in it, or pass the folder itself."
            )
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
            raise InputError(f"{path} is not a regular file; save its content as a file first.")
        if status.st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); copy it again from its source.")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(_reason(path, error)) from error


def _reason(path: Path, error: OSError | ValueError) -> str:
    """Say in one sentence why a path cannot be opened."""
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"{path} is a link to {path.readlink()}, which does not exist; repair the link."
        return f"{path} does not exist; check the path."
    if isinstance(error, PermissionError):
        return f"{path} may not be read; change its permissions or run as a user who may."
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"{path} cannot be opened ({why}); check the path and the disk."
