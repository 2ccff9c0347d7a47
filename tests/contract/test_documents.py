"""What the documents point at is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.generate_protos import ROOT
from tools.levels import existing

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
TARGET = re.compile(r"`make ([a-z-]+)`")


def documents() -> list[str]:
    return existing("*.md", "docs/**/*.md", "services/*/README.md")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def links(document: str) -> Iterator[Path]:
    path = ROOT / document
    for link in LINK.findall(path.read_text()):
        yield path.parent / link


@pytest.mark.parametrize("document", documents())
def test_links_and_targets_of_documents_exist(document: str) -> None:
    assert [str(link) for link in links(document) if not link.exists()] == []
    assert set(TARGET.findall((ROOT / document).read_text())) <= targets()


def test_every_service_describes_itself() -> None:
    described = {Path(path).parent.name for path in existing("services/*/README.md")}
    assert described == {Path(path).name for path in existing("services/*") if (ROOT / path).is_dir()}


def test_every_decision_is_in_the_list_of_decisions() -> None:
    listed = (ROOT / "docs" / "adr" / "README.md").read_text()
    pages = [Path(path).name for path in existing("docs/adr/0*.md")]
    assert pages
    assert [page for page in pages if page not in listed] == []
