"""A recipe as TOML: read with every field checked, written with every field spelled out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from openau.data.augment import AUGMENTATIONS
from openau.errors import SettingError
from openau.train.config import Recipe


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe.

    The table `augmentation` may say `named = "deramgozin2023"` and change single fields of that.

    Args:
        path: A TOML file, or the name of a recipe that comes with OpenAU (`masur2023/emotion-heatmaps`, see
            `packaged_recipes`); fields left out keep their defaults.
        overrides: Values that take the place of the file's, by dotted name of the field (`optimiser.lr`);
            written as in TOML, where a word needs no quotation marks.

    Returns:
        The recipe.

    Raises:
        SettingError: The file is missing or no TOML, or a field is unknown or has the wrong type.
    """
    path = packaged_recipes().get(path.as_posix(), path) if not path.exists() else path
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"The recipe {path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"The recipe {path} is not TOML ({error}).") from error
    for name, text in (overrides or {}).items():
        _override(raw, name, text)
    _fill_in_augmentation(raw)
    recipe = _build(Recipe, raw, "")
    assert isinstance(recipe, Recipe)
    return recipe


def packaged_recipes() -> dict[str, Path]:
    """Return the recipes that come with OpenAU, by name."""
    folder = Path(str(resources.files("openau") / "assets" / "recipes"))
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.toml"))
    }


def _override(raw: dict[str, Any], name: str, text: str) -> None:
    """Put a value into a recipe's table, in place."""
    *above, last = name.split(".")
    for key in above:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            raise SettingError(f"The recipe has no field {name}: {key} holds a value, not fields.")
    try:
        raw[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raw[last] = text


def _fill_in_augmentation(raw: dict[str, Any]) -> None:
    """Put the ranges of a named augmentation where the recipe gives none of its own."""
    given = raw.get("augmentation")
    if not isinstance(given, dict) or "named" not in given:
        return
    name = given.pop("named")
    if name not in AUGMENTATIONS:
        raise SettingError(
            f"The recipe's augmentation.named is {name!r}; choose one of {', '.join(AUGMENTATIONS)}."
        )
    raw["augmentation"] = {**asdict(AUGMENTATIONS[name]), **given}


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as TOML, every field spelled out, so that `load_recipe` gives it back."""
    plain: list[str] = []
    tables: list[str] = []
    for name, value in asdict(recipe).items():
        if isinstance(value, dict):
            rows = [f"{key} = {_toml(item)}" for key, item in value.items()]
            tables += ["", f"[{name}]", *rows]
        else:
            plain.append(f"{name} = {_toml(value)}")
    return "\n".join([*plain, *tables]) + "\n"


def _toml(value: Any) -> str:
    """Return one value as TOML."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # TOML refuses the one control character that JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _build(kind: type, raw: dict[str, Any], where: str) -> Any:
    """Build a dataclass from a TOML table, naming the field that does not fit."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for key in raw:
        if key not in known:
            raise SettingError(
                f"The recipe has no field {where}{key}; choose one of {', '.join(sorted(known))}."
            )
    lacks = [
        f"{where}{f.name}"
        for f in fields(kind)
        if f.name not in raw and f.default is MISSING and f.default_factory is MISSING
    ]
    if lacks:
        raise SettingError(f"The recipe lacks {', '.join(lacks)}; a recipe cannot do without.")
    try:
        return kind(**{key: _convert(value, hints[key], f"{where}{key}") for key, value in raw.items()})
    except TypeError as error:
        raise SettingError(
            f"The recipe's {where.rstrip('.') or 'top level'} is incomplete ({error})."
        ) from error


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Return a TOML value as the annotated type, or refuse it."""
    origin, inner = get_origin(hint), get_args(hint)
    result: Any = None
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        result = _build(hint, value, f"{where}.")
    elif origin is UnionType:
        result = tuple(value) if isinstance(value, list) else value
    elif origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(kinds) == len(value):
            result = tuple(_convert(v, k, where) for v, k in zip(value, kinds, strict=True))
    elif hint is float and type(value) in (int, float):
        result = float(value)
    elif (origin is Literal and value in inner) or type(value) is (origin or hint):
        result = value
    if result is None:
        wanted = " or ".join(map(repr, inner)) if origin is Literal else getattr(hint, "__name__", str(hint))
        raise SettingError(f"The recipe's {where} is {value!r}; give {wanted}.")
    return result
