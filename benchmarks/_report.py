"""The one document that every benchmark prints, as JSON or as a small table."""

import argparse
import json
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def parser(docstring: str | None) -> argparse.ArgumentParser:
    """Arguments of a benchmark; add its own, then ``parse_args``."""
    arguments = argparse.ArgumentParser(description=(docstring or "").splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return arguments


def result(
    case: str, ours: float, *, unit: str, peer: float | None = None, peer_name: str = ""
) -> dict[str, Any]:
    """One line: our metric beside a peer's; the ratio is peer over ours."""
    return {
        "case": case,
        "ours": round(ours, 3),
        "peer": None if peer is None else round(peer, 3),
        "peer_name": peer_name,
        "ratio": None if peer is None else round(peer / ours, 2),
        "unit": unit,
    }


def goal(what: str, wanted: float, measured: float, *, least: bool = False) -> dict[str, Any]:
    """A metric that was promised, and whether it holds; at most, unless ``least``."""
    met = measured >= wanted if least else measured <= wanted
    return {"what": what, "goal": wanted, "measured": round(measured, 3), "met": met}


def report(
    name: str, results: list[dict[str, Any]], goals: list[dict[str, Any]], *, software: str = ""
) -> dict[str, Any]:
    """The whole document."""
    hardware = f"{_processor()}, {os.cpu_count()} cores"
    if software:
        hardware += f", {software}"
    return {"name": name, "hardware": hardware, "results": results, "goals": goals}


def emit(document: dict[str, Any], *, as_json: bool) -> None:
    """Print it."""
    print(json.dumps(document, indent=2) if as_json else _table(document))


def _table(document: dict[str, Any]) -> str:
    lines = [document["hardware"], ""]
    for row in document["results"]:
        peer = f"   {row['peer_name']} {row['peer']:.2f}" if row["peer"] is not None else ""
        ratio = f"   {row['ratio']:.1f}×" if row["ratio"] is not None else ""
        lines.append(f"{row['case']:<46} {row['ours']:>9.2f} {row['unit']}{peer}{ratio}")
    lines.append("")
    lines += [
        f"{'met' if row['met'] else 'MISSED':<7}{row['what']} {row['goal']}: {row['measured']}"
        for row in document["goals"]
    ]
    return "\n".join(lines)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
