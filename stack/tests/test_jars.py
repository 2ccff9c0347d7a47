"""The cache of jars: whole, unaltered, and offline once it is filled."""

import hashlib
from pathlib import Path

import pytest

from entente_stack import jars
from entente_stack.errors import StackError

CONTENT = {"org.example:one:1.0": b"the first jar", "org.example:two:2.0": b"the second jar"}
LOCK = {coordinate: hashlib.sha256(content).hexdigest() for coordinate, content in CONTENT.items()}


class Repository:
    """Stands in for Maven's repository."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.content = dict(CONTENT)
        self.cut_off_after: int | None = None

    def fetch(self, coordinate: str, target: Path) -> None:
        self.asked.append(coordinate)
        content = self.content[coordinate]
        target.write_bytes(content[: self.cut_off_after])
        if self.cut_off_after is not None:
            raise OSError("connection reset")


def test_the_second_start_needs_no_network(tmp_path: Path) -> None:
    repository = Repository()
    jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch)

    def offline(coordinate: str, target: Path) -> None:
        raise AssertionError(f"{coordinate} was asked for")

    paths = jars.ensure(tmp_path, jars=LOCK, fetch=offline)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())


def test_a_damaged_jar_is_fetched_again_and_only_that_one(tmp_path: Path) -> None:
    repository = Repository()
    paths = jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch)
    paths[1].write_bytes(b"the second ja")
    repository.asked.clear()
    said: list[str] = []
    jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch, report=said.append)
    assert repository.asked == ["org.example:two:2.0"]
    assert paths[1].read_bytes() == CONTENT["org.example:two:2.0"]
    assert "damaged" in said[0]


def test_a_download_that_was_cut_off_leaves_nothing_and_heals_at_the_next_start(tmp_path: Path) -> None:
    repository = Repository()
    repository.cut_off_after = 3
    with pytest.raises(StackError, match="ENTENTE_MAVEN_REPOSITORY"):
        jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch)
    assert list(tmp_path.iterdir()) == []
    repository.cut_off_after = None
    assert all(path.exists() for path in jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch))


def test_a_repository_that_gives_another_file_is_refused_by_name(tmp_path: Path) -> None:
    repository = Repository()
    repository.content["org.example:one:1.0"] = b"something else"
    with pytest.raises(StackError, match=r"org.example:one:1.0: the repository gave SHA-256"):
        jars.ensure(tmp_path, jars=LOCK, fetch=repository.fetch)
    assert [path.name for path in tmp_path.iterdir()] == ["two-2.0.jar"], "the good one is kept"
