"""The ledger of measurements: what a stored result must say, how it is printed and written.

One file per measurement and machine, `results/<version>/<what>--<machine>.json`. A machine is described by
its processor, cores, memory and system, never by a host name, user or path.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import openau

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
SCHEMA = 1
LOAD_AT_START = os.getloadavg()[0] if hasattr(os, "getloadavg") else -1.0
"""How many processes wanted a processor before this one began; a result of a busy machine is none."""


@dataclass(frozen=True)
class Measurement:
    """One measured number.

    Attributes:
        name: What was measured, for instance `end_to_end`.
        value: The number; the median where it was repeated.
        unit: For instance `frames/s`, `ms`, `MiB`, `share`.
        n: How many repeats, or how many photographs or people are behind it.
        iqr: Interquartile range over the repeats, in the same unit.
        low: Lower end of a 95 % interval, in the same unit.
        high: Upper end of it.
        group: The subgroup it was measured on, empty for all.
        note: What a reader must know to understand it.
    """

    name: str
    value: float
    unit: str
    n: int = 1
    iqr: float | None = None
    low: float | None = None
    high: float | None = None
    group: str = ""
    note: str = ""


@dataclass(frozen=True)
class Result:
    """One file of the ledger.

    Attributes:
        what: The name of the script.
        settings: Everything that was chosen: lengths, repeats, threads.
        seeds: Every random generator's seed, by what it is for.
        libraries: Distributions whose versions matter.
        measurements: The numbers.
        model: Name and hash of the model file, where one ran.
    """

    what: str
    settings: dict[str, int | float | str | bool]
    seeds: dict[str, int]
    libraries: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    model: dict[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return what is stored."""
        rows = [{k: v for k, v in asdict(m).items() if v not in (None, "")} for m in self.measurements]
        return {
            "schema": SCHEMA,
            "what": self.what,
            "openau": openau.__version__,
            **commit(),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "versions": {name: metadata.version(name) for name in self.libraries},
            "model": self.model,
            "settings": self.settings | {"load_at_start": round(LOAD_AT_START, 2)},
            "seeds": self.seeds,
            "measurements": rows,
        }


def parser(description: str) -> argparse.ArgumentParser:
    """Return the options every script has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument(
        "--quick", action="store_true", help="short inputs and few repeats: a look, not a result"
    )
    options.add_argument("--write", action="store_true", help="store the result in the ledger")
    return options


def finish(result: Result, options: argparse.Namespace) -> None:
    """Print a result and, where asked, store it."""
    print(table(result))
    if LOAD_AT_START > 0.5:
        print(f"The machine was busy (load {LOAD_AT_START:.1f}) when this began: times are too long.")
    if options.write and options.quick:
        raise SystemExit("A quick run is not a result: leave out --quick to store it.")
    if options.write:
        print(f"stored in {store(result).relative_to(ROOT)}")


def table(result: Result) -> str:
    """Return the measurements as text."""
    lines = [f"{result.what} on {machine()['name']}"]
    for m in result.measurements:
        spread = f" ± {m.iqr:.3g}" if m.iqr is not None else ""
        interval = f" [{m.low:.3f}, {m.high:.3f}]" if m.low is not None and m.high is not None else ""
        name = f"{m.name} ({m.group})" if m.group else m.name
        lines.append(f"  {name:<44} {m.value:>10.4g}{spread}{interval} {m.unit}  n={m.n}  {m.note}".rstrip())
    return "\n".join(lines)


def store(result: Result) -> Path:
    """Write a result into the ledger and return where."""
    record = result.record()
    check_record(record)
    folder = RESULTS / openau.__version__
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.what}--{record['machine']['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def check_record(record: dict[str, Any]) -> None:
    """Refuse a record that a reader could not judge.

    Raises:
        ValueError: Something is missing, or of the wrong kind.
    """
    kinds = {
        "schema": int,
        "what": str,
        "openau": str,
        "commit": str,
        "uncommitted_changes": bool,
        "date": str,
        "machine": dict,
        "versions": dict,
        "model": dict,
        "settings": dict,
        "seeds": dict,
        "measurements": list,
    }
    if set(record) != set(kinds):
        raise ValueError(f"the fields differ: {sorted(set(record) ^ set(kinds))}")
    for name, kind in kinds.items():
        if not isinstance(record[name], kind):
            raise ValueError(f"{name} is not a {kind.__name__}")
    if not re.fullmatch(r"[0-9a-f]{7,40}", record["commit"]):
        raise ValueError("commit is no hash")
    datetime.strptime(record["date"], "%Y-%m-%d")
    if set(record["machine"]) != {"name", "processor", "cores", "memory_gb", "system", "python"}:
        raise ValueError("the machine is described by other fields")
    if not record["measurements"]:
        raise ValueError("nothing was measured")
    for row in record["measurements"]:
        measurement = Measurement(**row)
        if not (measurement.name and measurement.unit and measurement.n >= 1):
            raise ValueError(f"{row} lacks a name, a unit or a count")
        if measurement.value != measurement.value:
            raise ValueError(f"{row} has no value")


def summary(name: str, values: Sequence[float], unit: str, note: str = "") -> Measurement:
    """Return repeated measurements of one thing as their median and interquartile range."""
    spread = None
    if len(values) > 1:
        first, _, third = statistics.quantiles(values, n=4, method="inclusive")
        spread = third - first
    return Measurement(name, statistics.median(values), unit, n=len(values), iqr=spread, note=note)


def machine() -> dict[str, Any]:
    """Describe this machine by what makes it fast or slow."""
    processor = _processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    slug = re.sub(r"[^a-z0-9]+", "-", processor.lower()).strip("-")
    return {
        "name": f"{slug}-{cores}-cores",
        "processor": processor,
        "cores": cores,
        "memory_gb": round(memory / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def commit() -> dict[str, Any]:
    """Return the commit that is measured, and whether tracked files other than results differ from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    code = ["--", ".", ":!benchmarks/results"]
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", *code], check=False).returncode != 0
    return {"commit": head, "uncommitted_changes": changed}


def model_record(path: Path, name: str) -> dict[str, str]:
    """Identify a model file by its name and the hash of its bytes."""
    return {"name": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        text = info.read_text("utf-8")
        names = [m[1].strip() for m in re.finditer(r"^model name\s*:\s*(.+)$", text, re.M)]
        avx512 = " with AVX-512" if "avx512f" in text else ""
        if names:
            return names[0] + avx512
    return platform.processor() or platform.machine()
