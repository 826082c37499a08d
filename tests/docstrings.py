"""What a public docstring must say, checked on the source text, without importing anything.

* Every public module, class, function, method and property has a docstring.
* A function with two or more parameters, or with an array among them, has an `Args` section that names each
  one; a dataclass describes each of its fields in `Attributes` (or in a docstring under the field), and any
  other class with a constructor describes its parameters in its own docstring or the constructor's.
* A function that raises has a `Raises` section that names what it raises.
* A parameter that is an array or a tensor has a shape or a dtype in its description, or in the words before
  the first section where all arrays are alike.

Inside a package, what the package does not export may do without `Args` and `Attributes`; where it has them,
they are complete.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef

_ARRAY = re.compile(r"\b(Pixels|Floats|NDArray|ndarray|Tensor)\b")
_SHAPE = re.compile(r"\([\w+*/., …-]*,[\w+*/., …-]*\)|\bscalar\b|\b(uint8|float(16|32|64)|int(32|64)|bool)\b")
_SECTION = re.compile(r"^ *(Args|Attributes|Returns|Yields|Raises):", re.M)
_NEVER_A_USERS_FAULT = {"NotImplementedError", "AssertionError", "StopIteration"}


@dataclass(frozen=True)
class _Place:
    """Where the walker stands: the qualified name so far, and whether a user is meant to stand there too."""

    name: str
    exported: bool = True


def missing_docs(source: str, module: str, exported: set[str] | None = None) -> list[str]:
    """Return one line for each thing that the public docstrings of a module do not say.

    Args:
        source: The text of the module.
        module: Its dotted name, for the lines.
        exported: The names that the module's package exports; None where the module is a room itself, and
            every public name in it is meant for users.
    """
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) else [f"{module}: has no docstring"]
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function):
            place = _Place(module, exported is None or node.name in exported)
            found += _in_body([node], place)
    return found


def _in_body(body: list[ast.stmt], place: _Place) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _in_class(node, place)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield from _in_function(node, _Place(f"{place.name}.{node.name}", place.exported))


def _in_class(node: ast.ClassDef, place: _Place) -> Iterator[str]:
    name, doc = f"{place.name}.{node.name}", ast.get_docstring(node) or ""
    if not doc:
        yield f"{name}: has no docstring"
    if _decorated(node, "dataclass") and (place.exported or "Attributes:" in doc):
        yield from _in_fields(node, name, doc)
    for child in node.body:
        if isinstance(child, Function) and child.name == "__init__":
            own = ast.get_docstring(child) or ""
            inside = _Place(f"{name}.__init__", place.exported)
            yield from _in_parameters(child, inside, f"{doc}\n{own}")
    yield from _in_body(node.body, _Place(name, place.exported))


def _in_fields(node: ast.ClassDef, name: str, doc: str) -> Iterator[str]:
    fields = [
        (child.target.id, child.annotation, _described_below(node.body, position))
        for position, child in enumerate(node.body)
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    ]
    for field, annotation, below in fields:
        if field.startswith("_") or "ClassVar" in ast.unparse(annotation):
            continue
        text = below or _described(field, doc)
        if not text and len(fields) > 1:
            yield f"{name}: does not describe the field `{field}`"
        elif text and _is_array(annotation) and not _shaped(text, doc):
            yield f"{name}: gives no shape or dtype for the array `{field}`"


def _in_function(node: Function, place: _Place) -> Iterator[str]:
    if _decorated(node, "overload") or _decorated(node, "override"):
        return
    doc = ast.get_docstring(node) or ""
    if not doc:
        yield f"{place.name}: has no docstring"
        return
    yield from _in_parameters(node, place, doc)
    raised = _raised(node)
    if raised and "Raises:" not in doc:
        yield f"{place.name}: raises {', '.join(sorted(raised))} without a Raises section"
    elif missing := {error for error in raised if error not in doc}:
        yield f"{place.name}: Raises does not name {', '.join(sorted(missing))}"


def _in_parameters(node: Function, place: _Place, doc: str) -> Iterator[str]:
    if not place.exported and "Args:" not in doc:
        return
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    parameters = [a for a in every if a.arg not in {"self", "cls"} and not a.arg.startswith("_")]
    arrays = [a for a in parameters if a.annotation and _is_array(a.annotation)]
    if len(parameters) < 2 and not arrays:
        return
    for parameter in parameters:
        text = _described(parameter.arg, doc)
        if not text:
            yield f"{place.name}: does not describe `{parameter.arg}`"
        elif parameter in arrays and not _shaped(text, doc):
            yield f"{place.name}: gives no shape or dtype for the array `{parameter.arg}`"


def _described(name: str, doc: str) -> str:
    """Return what a docstring says under `name:` (also as one of several: `pred, target:`), or nothing."""
    match = re.search(
        rf"^ *(?:\*{{0,2}}\w+, )*\*{{0,2}}{name}(?:, \w+)*: *(.+(?:\n(?! *[\w, *]+:).+)*)", doc, re.M
    )
    return match[1] if match else ""


def _shaped(text: str, doc: str) -> bool:
    """Tell whether a description, or the words before the first section, state a shape or a dtype."""
    section = _SECTION.search(doc)
    return bool(_SHAPE.search(text) or _SHAPE.search(doc[: section.start()] if section else doc))


def _described_below(body: list[ast.stmt], position: int) -> str:
    following = body[position + 1] if position + 1 < len(body) else None
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        return str(following.value.value)
    return ""


def _is_array(annotation: ast.expr) -> bool:
    """Tell whether an annotation is an array itself, not a function of one or a collection of named ones."""
    text = ast.unparse(annotation).strip("'\"")
    return bool(_ARRAY.match(re.sub(r"^(np|torch|npt)\.", "", text)))


def _raised(node: Function) -> set[str]:
    raised: set[str] = set()
    stack: list[ast.AST] = list(node.body)
    while stack:
        child = stack.pop()
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            raised.add(ast.unparse(child.exc.func).split(".")[-1])
        stack.extend(ast.iter_child_nodes(child))
    errors = {name for name in raised if name.endswith(("Error", "Exception", "Interrupt"))}
    return errors - _NEVER_A_USERS_FAULT


def _decorated(node: Function | ast.ClassDef, name: str) -> bool:
    return any(name in ast.unparse(decorator) for decorator in node.decorator_list)
