"""Arrays and bytes as JSON text, so that a report in progress can be saved and taken up again."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack_bytes(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")


def unpack_bytes(text: str) -> bytes:
    """Return the bytes that `pack_bytes` packed."""
    return base64.b64decode(text)


def pack_array(array: NDArray[Any]) -> dict[str, Any]:
    """Return an array as a JSON-able record, compressed and exact."""
    raw = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": pack_bytes(raw)}


def unpack_array(record: dict[str, Any]) -> NDArray[Any]:
    """Return the array that `pack_array` packed."""
    raw = zlib.decompress(unpack_bytes(record["data"]))
    return np.frombuffer(raw, np.dtype(record["dtype"])).reshape(record["shape"]).copy()
