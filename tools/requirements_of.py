"""The part of requirements.lock that some distributions need, with its hashes: what an image holds, and nothing else.

    python tools/requirements_of.py services/review > requirements.txt
    python tools/requirements_of.py hatchling editables

An argument is a folder of this repository with a pyproject.toml, or the name of a package in the lock. The lock tells
itself who needs what ("# via"), so nothing has to be installed; only the standard library is used.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> tuple[dict[str, str], dict[str, set[str]]]:
    """The lines of each package in a lock, and what each package needs.

    Args:
        text: the lock, with the names of those that need a package below it.
    """
    lines: dict[str, str] = {}
    needs: dict[str, set[str]] = {}
    current, listing = "", False
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)(\[[^]]*\])?==", line):
            current, listing = canonical(match.group(1)), False
            lines[current] = ""
        via = re.match(r"\s+# via ?(.*)", line)
        by = via.group(1) if via else line.strip().removeprefix("#").strip()
        if via or (listing and line.lstrip().startswith("#")):
            listing = True
            if by and not by.startswith("-r "):
                needs.setdefault(canonical(by.partition("[")[0]), set()).add(current)
        elif current and line.strip():
            lines[current] += line + "\n"
    return lines, needs


def roots(arguments: Iterable[str]) -> set[str]:
    """The packages that distributions of this repository ask for, through those of them that they build on."""
    ours = {
        canonical(project["name"]): project
        for project in (
            tomllib.loads(path.read_text())["project"]
            for pattern in ("libs/*", "services/*", "stack", "cli")
            for path in ROOT.glob(f"{pattern}/pyproject.toml")
        )
    }
    wanted, seen = [_name_of(argument) for argument in arguments], set[str]()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        asked = ours.get(name, {}).get("dependencies", [])
        wanted += [canonical(re.split(r"[\s\[<>=!~;]", each)[0]) for each in asked]
    return seen - ours.keys()


def _name_of(argument: str) -> str:
    path = ROOT / argument / "pyproject.toml"
    return canonical(tomllib.loads(path.read_text())["project"]["name"] if path.exists() else argument)


def closure(wanted: Iterable[str], text: str) -> str:
    """The lock's lines of these packages and of all that they need.

    Raises:
        KeyError: a package is not in the lock.
    """
    lines, needs = locked(text)
    pending, found = list(wanted), set[str]()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += needs.get(name, set())
    return "".join(lines[name] for name in sorted(found))


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print("usage: python tools/requirements_of.py FOLDER-OR-PACKAGE...", file=sys.stderr)
        return 2
    sys.stdout.write(closure(roots(arguments), (ROOT / "requirements.lock").read_text()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
