"""What is required is used and accounted for, and what is used is required."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tools.generate_protos import ROOT
from tools.levels import existing

# Programs, and what they need; they are called by name or find each other.
PROGRAMS = {
    "buf-bin",
    "editables",
    "grpcio-tools",
    "hatchling",
    "import-linter",
    "mypy",
    "mypy-protobuf",
    "pytest-asyncio",
    "ruff",
    "secantusdb",
}


def required() -> set[str]:
    lines = (ROOT / "requirements" / "requirements.in").read_text().splitlines()
    names = (re.split(r"[=<>\[; ]", line.strip())[0].lower() for line in lines if not line.startswith("#"))
    return {name for name in names if name}


def source_files() -> Iterator[Path]:
    for folder in existing("libs/chassis", "libs/contracts", "services", "stack", "cli", "tools", "tests", "bench"):
        yield from (ROOT / folder).rglob("*.py")


def imported() -> set[str]:
    """The distributions of all modules that our code imports."""
    distributions = packages_distributions()
    modules: set[str] = set()
    for path in source_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    found = set()
    for module in modules:
        top = module.partition(".")[0]
        owners = distributions.get(top, []) if top not in sys.stdlib_module_names else []
        # Some share a top-level package; which of them it is only the rest of the name tells.
        found |= (
            {owner.lower().replace("_", "-") for owner in owners} if top != "google" else {google_distribution(module)}
        )
    return {name for name in found if not name.startswith("entente")}


def google_distribution(module: str) -> str:
    return "protobuf" if module.startswith("google.protobuf") else "googleapis-common-protos"


def test_what_is_required_is_used() -> None:
    used = imported() | PROGRAMS
    assert sorted(name for name in required() - used if not name.startswith("types-")) == []


def test_every_requirement_is_accounted_for() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    words = set(re.findall(r"[a-z0-9-]+", text))
    missing = [name for name in required() if not name.startswith("types-") and name not in words]
    shortened = [name for name in missing if f"-{name.split('-', 1)[-1]}" not in words]
    assert shortened == []


def test_nothing_names_a_package_index_or_a_place_on_one_machine() -> None:
    suspicious = re.compile(r"--(extra-)?index-url|--find-links|/simple/?$|^/", re.MULTILINE)
    names = ("requirements.lock", "requirements/requirements.in", "Makefile", "pyproject.toml", "README.md")
    assert [name for name in names if suspicious.search((ROOT / name).read_text())] == []
