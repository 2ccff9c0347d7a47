"""Where the stack keeps its files: everything under one folder that is not committed."""

import os
from dataclasses import dataclass
from pathlib import Path

DIRECTORY_VARIABLE = "ENTENTE_STACK_DIR"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders and files of one stack.

    Args:
        root: the folder that holds them all.
        jars: the cache of jars, which several stacks may share. Default: within root.
    """

    root: Path
    shared_jars: Path | None = None

    @property
    def jars(self) -> Path:
        return self.shared_jars or self.root / "jars"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def signing_key(self) -> Path:
        return self.keys / "signing-key.pem"

    @property
    def jwks(self) -> Path:
        return self.keys / "jwks.json"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def spans(self) -> Path:
        return self.root / "traces" / "spans.jsonl"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "stack.lock"


def project_root() -> Path:
    """The nearest folder above the current one that holds the project, else the current folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "requirements.lock").exists() and (folder / "proto" / "entente").is_dir():
            return folder
    return here


def default_paths() -> Paths:
    """The stack of this project, or the one that ENTENTE_STACK_DIR names."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    return Paths(Path(named).resolve() if named else project_root() / ".entente")
