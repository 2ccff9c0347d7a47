"""Kafka's jars: fetched once from a Maven repository, each checked against a committed SHA-256 before every start."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

from entente_stack.errors import StackError

REPOSITORY_VARIABLE = "ENTENTE_MAVEN_REPOSITORY"
ROOTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
_DOWNLOADS = 4

Report = Callable[[str], None]
Fetch = Callable[[str, Path], None]
"""Puts the jar of a Maven coordinate (group:artifact:version) into a file."""


def locked() -> dict[str, str]:
    """The jars that Kafka consists of: SHA-256 by Maven coordinate."""
    text = resources.files("entente_stack").joinpath("kafka.lock.json").read_text()
    return dict(json.loads(text))


def ensure(
    folder: Path,
    *,
    jars: Mapping[str, str] | None = None,
    fetch: Fetch | None = None,
    report: Report = lambda line: None,
) -> list[Path]:
    """The jars in the folder, each complete and unaltered; what is missing or damaged is fetched.

    Args:
        folder: the cache.
        jars: which ones, with their SHA-256. Default: Kafka's.
        fetch: how to get one. Default: from the Maven repository.
        report: told what is being done, when something is.

    Raises:
        StackError: a jar cannot be fetched, or what was fetched is not what was locked.
    """
    wanted = locked() if jars is None else jars
    folder.mkdir(parents=True, exist_ok=True)
    paths = {coordinate: folder / _filename(coordinate) for coordinate in wanted}
    bad = [coordinate for coordinate, path in paths.items() if _sha256(path) != wanted[coordinate]]
    if bad:
        damaged = [coordinate for coordinate in bad if paths[coordinate].exists()]
        if damaged:
            report(f"fetching {len(damaged)} damaged jars again: {', '.join(damaged)}")
        report(f"fetching {len(bad)} of {len(wanted)} jars")
        _fetch_all(bad, paths, wanted, fetch or _fetch_from_maven)
    return list(paths.values())


def _fetch_all(coordinates: Sequence[str], paths: Mapping[str, Path], wanted: Mapping[str, str], fetch: Fetch) -> None:
    def fetch_one(coordinate: str) -> str | None:
        path = paths[coordinate]
        # Written beside its place and moved there once checked: a download that was cut off never passes for a jar.
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            fetch(coordinate, partial)
            found = _sha256(partial)
            if found != wanted[coordinate]:
                return f"{coordinate}: the repository gave SHA-256 {found}, the lock says {wanted[coordinate]}"
            partial.replace(path)
        except (OSError, RuntimeError) as error:
            return f"{coordinate}: {error}"
        finally:
            partial.unlink(missing_ok=True)
        return None

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        problems = [problem for problem in pool.map(fetch_one, coordinates) if problem]
    if problems:
        raise StackError(
            "Kafka's jars could not be fetched:\n"
            + "\n".join(f"    {problem}" for problem in problems)
            + f"\nCheck the network or proxy, name a mirror in {REPOSITORY_VARIABLE}, or use your own Kafka with "
            "ENTENTE_KAFKA_BOOTSTRAP. Then start again: what was fetched is kept."
        )


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _filename(coordinate: str) -> str:
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"


def _fetch_from_maven(coordinate: str, target: Path) -> None:
    group, artifact, version = coordinate.split(":")
    downloads = target.with_name(target.name + ".maven")
    try:
        component = _maven(downloads).project(group, artifact).at_version(version)
        shutil.move(component.artifact().resolve(), target)
    finally:
        shutil.rmtree(downloads, ignore_errors=True)


def _maven(cache: Path) -> Any:
    # Imported here: a start with all jars in place needs neither jgo nor the network.
    from jgo.maven import MavenContext, PythonResolver

    mirror = os.environ.get(REPOSITORY_VARIABLE)
    return MavenContext(
        repo_cache=cache,
        resolver=PythonResolver(),
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=30,
    )


def relock(folder: Path) -> dict[str, str]:
    """Resolve the roots with all they depend on, and give the lock that results."""
    from jgo.maven import Dependency

    context = _maven(folder)
    lock: dict[tuple[str, str], tuple[str, str]] = {}
    for root in ROOTS:
        # Each by itself, the first one's versions winning: together, each would bend the other's versions.
        inputs, transitive = context.resolver.resolve([Dependency(context.create_dependency(root).artifact)])
        for dependency in [*inputs, *transitive]:
            key = (dependency.groupId, dependency.artifactId)
            if dependency.type == "jar" and dependency.scope in (None, "compile", "runtime") and key not in lock:
                lock[key] = (dependency.version, _sha256(dependency.artifact.resolve()) or "")
    return {f"{group}:{artifact}:{version}": digest for (group, artifact), (version, digest) in sorted(lock.items())}


if __name__ == "__main__":
    # python -m entente_stack.jars EMPTY_FOLDER > entente_stack/kafka.lock.json   after a change of ROOTS
    json.dump(relock(Path(sys.argv[1])), sys.stdout, indent=2)
    print()
