"""Runs the levels of tests that are named, in that order, and says how long each took: `make test`.

    python -m tools.levels check unit contract integration system

It stops at the first level that fails: what comes after would fail for the same reason, more slowly.
"""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.generate_protos import BASELINE, ROOT

BIN = Path(sysconfig.get_path("scripts"))
IMAGE = Path("build") / "buf" / "image.binpb"
SLOWEST_SHOWN = 5


def existing(*patterns: str) -> list[str]:
    """Folders of this repository that match, in a stable order."""
    return [path.relative_to(ROOT).as_posix() for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def packages() -> list[str]:
    """Every package that is written by hand."""
    return [*existing("libs/*/entente_*", "services/*/entente_*", "stack/entente_*", "cli/entente_*"), "tools"]


def tests(level: str) -> list[str]:
    """The folders with the tests of one level."""
    if level in ("contract", "system", "deploy"):
        return existing(f"tests/{level}")
    folders = existing(*(f"{place}/tests/{level}" for place in ("libs/*", "services/*", "cli")))
    # The stack is nothing but the starting of real servers, and so are its tests.
    return [*folders, *existing("stack/tests")] if level == "integration" else folders


def buf(*arguments: str | Path) -> list[str | Path]:
    return [BIN / "buf", *arguments, "--config", "proto/buf.yaml"]


def checks() -> list[tuple[str, list[str | Path]]]:
    """What `make check` runs: a name and a command each."""
    folders = existing("libs/*/tests", "services/*/tests", "stack/tests", "cli/tests", "tests")
    every_test = [folder for folder in folders if any((ROOT / folder).rglob("*.py"))]
    return [
        ("ruff", [BIN / "ruff", "check", "--output-format", "concise", "."]),
        ("format", [BIN / "ruff", "format", "--check", "--output-format", "concise", "."]),
        ("layers", [BIN / "lint-imports", "--no-cache", "--no-logo"]),
        ("proto format", [BIN / "buf", "format", "--diff", "--exit-code", "proto"]),
        ("generated", [sys.executable, "-m", "tools.generate_protos", "--check"]),
        ("configuration", [sys.executable, "-m", "tools.configuration", "--check"]),
        ("image", [sys.executable, "-m", "tools.generate_protos", "--image", IMAGE]),
        ("buf lint", buf("lint", IMAGE)),
        ("buf breaking", buf("breaking", IMAGE, "--against", BASELINE)),
        ("types", [BIN / "mypy", *packages()]),
        # Tests of two services may bear the same name, so they are told apart by their path and not by their package.
        (
            "types of tests",
            [BIN / "mypy", "--explicit-package-bases", "--cache-dir", ".mypy_cache/tests", *every_test],
        ),
    ]


def run(command: Sequence[str | Path]) -> bool:
    quiet = {"GRPC_VERBOSITY": "ERROR"}  # Else gRPC tells of every connection that a test closes.
    return subprocess.run(command, cwd=ROOT, env=os.environ | quiet, check=False).returncode == 0


def check() -> bool:
    """Runs every check, also after one failed, so that all is known at once."""
    failed = []
    for name, command in checks():
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        passed = done.returncode == 0
        print(f"  {name:<16}{'ok' if passed else 'FAILED':<8}{time.monotonic() - started:5.1f} s", flush=True)
        if not passed:
            failed.append(name)
            print((done.stdout + done.stderr).rstrip(), flush=True)
    return not failed


def pytest(level: str) -> Callable[[], bool]:
    def of_level() -> bool:
        folders = tests(level)
        if not folders:
            print(f"There are no {level} tests.", file=sys.stderr)
            return False
        return run([sys.executable, "-m", "pytest", "-q", f"--durations={SLOWEST_SHOWN}", *folders])

    return of_level


LEVELS: dict[str, Callable[[], bool]] = {
    "check": check,
    **{level: pytest(level) for level in ("unit", "contract", "integration", "system", "deploy")},
}


def main(arguments: Sequence[str]) -> int:
    unknown = [name for name in arguments if name not in LEVELS]
    if unknown or not arguments:
        print(f"usage: python -m tools.levels [{' | '.join(LEVELS)}] ...", file=sys.stderr)
        return 2
    took: dict[str, float] = {}
    failed = ""
    for name in arguments:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        passed = LEVELS[name]()
        took[name] = time.monotonic() - started
        if not passed:
            failed = name
            break
    print()
    for name, seconds in took.items():
        print(f"{name:<14}{seconds:8.1f} s  {'FAILED' if name == failed else 'passed'}")
    for name in arguments[len(took) :]:
        print(f"{name:<14}{'':10}  not run")
    if len(took) > 1:
        print(f"{'in all':<14}{sum(took.values()):8.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
