"""The metadata of an ONNX file, read without loading its network: a walk over the fields of its protobuf."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from openau.errors import ModelError

# Field numbers of onnx.proto: in ModelProto, and in the StringStringEntryProto of its metadata.
_IR_VERSION, _GRAPH, _METADATA = 1, 7, 14
_KEY, _VALUE = 1, 2
_VARINT, _BYTES = 0, 2  # protobuf wire types
_FIXED_SIZE = {1: 8, 5: 4}  # and those of fixed size, in bytes


def read_metadata(path: Path) -> dict[str, str]:
    """Walk over the fields of an ONNX file, stepping over the network, and return its metadata.

    Args:
        path: The file.

    Raises:
        ModelError: It is missing, unreadable, not ONNX or damaged.
    """
    try:
        metadata, seen = _walked(path)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ModelError(f"The model file {path} is not an ONNX network, or is cut off.") from error
    if not {_IR_VERSION, _GRAPH} <= seen:
        raise ModelError(f"The model file {path} is not an ONNX network.")
    return metadata


def _walked(path: Path) -> tuple[dict[str, str], set[int]]:
    """Return a file's metadata and the numbers of its fields."""
    metadata: dict[str, str] = {}
    seen: set[int] = set()
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        while file.tell() < end:
            field, size = _next_field(file)
            if file.tell() + size > end:
                raise ValueError("a field reaches past the end of the file")
            seen.add(field)
            if field == _METADATA:
                key, value = _key_and_value(file.read(size))
                metadata[key] = value
            else:
                file.seek(size, os.SEEK_CUR)
    return metadata, seen


def _next_field(file: BinaryIO) -> tuple[int, int]:
    """Read one protobuf field's head; return its number and how many bytes follow (none after a varint)."""
    number, wire = divmod(_varint(file), 8)
    if wire == _VARINT:
        _varint(file)
        return number, 0
    if wire == _BYTES:
        return number, _varint(file)
    if wire in _FIXED_SIZE:
        return number, _FIXED_SIZE[wire]
    raise ValueError(f"wire type {wire}")


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("the file ends inside a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number of more than ten bytes")


def _key_and_value(entry: bytes) -> tuple[str, str]:
    file = BytesIO(entry)
    texts: dict[int, str] = {}
    while file.tell() < len(entry):
        field, size = _next_field(file)
        texts[field] = file.read(size).decode("utf-8")
    return texts.get(_KEY, ""), texts.get(_VALUE, "")
