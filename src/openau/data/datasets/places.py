"""Finding the picture that a row of somebody's table is about."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from openau.data.datasets import tree
from openau.data.pictures import frame_address


class Places:
    """The pictures and videos below a folder, by path, by the end of a path, by name and by stem.

    Args:
        folder: Where relative paths begin.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._numbered: dict[Path, dict[int, str]] = {}

    def find(self, table: Path, name: str | None, frame: int, *, has_frame: bool) -> str | None:
        """Return the address of a row's picture, or None where it is not there.

        Args:
            table: The table's file; where it names no picture, its own name is the picture's.
            name: What the table calls the picture or video; None where it does not.
            frame: The frame, from 0, of a video.
            has_frame: Whether the table numbers frames.
        """
        file = self._file(table.stem if name is None else str(name))
        if file is not None and has_frame and file.lower().endswith(tree.VIDEOS):
            return frame_address(file, frame)
        if file is not None or name is not None:
            return file
        folder = self._folders.get(table.stem.casefold())
        if folder is None:
            return None
        pictures = self._numbered.setdefault(folder, tree.numbered(folder))
        return pictures.get(frame + min(pictures, default=0)) if has_frame else None

    def unused(self, used: set[str]) -> list[str]:
        """Return the pictures that no row is about.

        Args:
            used: Addresses that rows have.
        """
        return sorted(path for path in self._pictures if path not in used)

    def _file(self, name: str) -> str | None:
        plain = name.replace("\\", "/")
        if Path(plain).is_absolute() and Path(plain).is_file():
            return plain
        direct = self._folder / plain
        if plain and str(direct) in self._known:
            return str(direct)
        parts = plain.casefold().split("/")
        for keep in range(min(3, len(parts)), 0, -1):
            if found := self._ends.get("/".join(parts[-keep:])):
                return found
        return self._stems.get(parts[-1])

    @cached_property
    def _pictures(self) -> list[str]:
        return list(tree.pictures_below(self._folder))

    @cached_property
    def _every(self) -> list[str]:
        return [*self._pictures, *tree.pictures_below(self._folder, tree.VIDEOS)]

    @cached_property
    def _known(self) -> set[str]:
        return set(self._every)

    @cached_property
    def _ends(self) -> dict[str, str]:
        """The files by the last one, two and three parts of their paths; the first of several."""
        found: dict[str, str] = {}
        for path in self._every:
            parts = path.replace("\\", "/").casefold().split("/")
            for keep in (1, 2, 3):
                found.setdefault("/".join(parts[-keep:]), path)
        return found

    @cached_property
    def _stems(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in self._every:
            found.setdefault(Path(path).stem.casefold(), path)
        return found

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return {Path(path).parent.name.casefold(): Path(path).parent for path in self._pictures}
