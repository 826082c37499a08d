"""The streaming writer of the AU table."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from openau.errors import OutputError
from openau.records import ModelCard, Reading
from openau.table.columns import cell_text, reading_row, table_columns
from openau.table.parquet import csv_to_parquet, require_pyarrow

if TYPE_CHECKING:
    from types import TracebackType


class TableWriter:
    """Streams the AU table to disk under a partial name and gives it its own name only when it is complete.

    The partial file is always CSV, so that a run that was cut off can go on from any byte offset that `flush`
    returned; a Parquet table is made from it, row group by row group, in `finish`.
    """

    def __init__(
        self, path: Path, card: ModelCard, *, landmarks: bool = False, resume_at: int | None = None
    ) -> None:
        """Open the partial file.

        Args:
            path: The finished table's path, `.csv` or `.parquet`.
            card: The card of the model whose readings are written.
            landmarks: Whether the table has the faces' 68 landmarks.
            resume_at: Offset in bytes, from `flush` of an earlier run, at which the partial file is cut and
                continued; None starts anew.

        Raises:
            OutputError: The partial file cannot be written, or is shorter than `resume_at`.
            MissingExtraError: Parquet is wanted and pyarrow is not installed.
        """
        if path.suffix == ".parquet":
            require_pyarrow()
        self.path = path
        self.partial = partial_path(path)
        self._card = card
        self._landmarks = landmarks
        self._columns = table_columns(card, landmarks=landmarks)
        self._file: IO[bytes]
        try:
            if resume_at is None:
                self._file = self.partial.open("wb")
                self._write_text([self._columns])
            else:
                self._file = self.partial.open("r+b")
                if self._file.seek(0, os.SEEK_END) < resume_at:
                    self._file.close()
                    raise OutputError(f"{self.partial} is shorter than when the run stopped: start anew.")
                self._file.seek(resume_at)
                self._file.truncate()
        except OSError as error:
            raise write_error(self.partial, error) from error

    def write(self, readings: Iterable[Reading]) -> None:
        """Append rows.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        rows = (reading_row(reading, self._card, landmarks=self._landmarks) for reading in readings)
        try:
            self._write_text([cell_text(column, row[column]) for column in self._columns] for row in rows)
        except OSError as error:
            raise write_error(self.partial, error) from error

    def flush(self) -> int:
        """Hand every row written so far to the operating system and return the file's length in bytes.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        try:
            self._file.flush()
            return self._file.tell()
        except OSError as error:
            raise write_error(self.partial, error) from error

    def sync(self) -> None:
        """Hand every row written so far to the disk itself, so that it outlives a power failure.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        self.flush()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise write_error(self.partial, error) from error

    def finish(self) -> Path:
        """Complete the table and give it its own name; returns that path.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        self.sync()
        try:
            self._file.close()
            if self.path.suffix == ".parquet":
                made = self.path.with_name(self.path.name + ".making")
                csv_to_parquet(self.partial, made, self._columns)
                made.replace(self.path)
                self.partial.unlink()
            else:
                self.partial.replace(self.path)
        except OSError as error:
            raise write_error(self.path, error) from error
        return self.path

    def close(self) -> None:
        """Leave the partial file as it is, for a later `resume_at`; harmless after `finish`.

        A full disk may refuse the last buffered rows; they are beyond any offset that `flush` returned.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        try:
            self._file.close()
        except OSError as error:
            raise write_error(self.partial, error) from error

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_text(self, rows: Iterable[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        # A file name that is not UTF-8 reaches us with surrogates; they become visible escapes.
        self._file.write(text.getvalue().encode("utf-8", "backslashreplace"))


def partial_path(path: Path) -> Path:
    """Return where the rows of a table lie until it is complete."""
    return path.with_name(path.stem + ".csv.partial")


def write_error(path: Path, error: OSError) -> OutputError:
    """Return the sentence for a file that cannot be written.

    Args:
        path: The file.
        error: What the operating system said.
    """
    if error.errno == errno.ENOSPC:
        return OutputError(
            f"{path} cannot be written, the disk is full: make room, then go on with --resume."
        )
    return OutputError(f"{path} cannot be written ({error.strerror or error}): choose another folder.")
