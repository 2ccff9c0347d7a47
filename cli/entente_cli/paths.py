"""Which stack a command means: the project's, or the demonstration's while only that one runs."""

from entente_stack.paths import Paths, default_paths
from entente_stack.stack import Stack


def demo_paths() -> Paths:
    """The demonstration's own stack, beside the project's, with the same jars."""
    own = default_paths()
    return Paths(own.root / "demo", shared_jars=own.jars)


def current_paths() -> Paths:
    """The stack that runs; the project's when none or both do."""
    own, demo = default_paths(), demo_paths()
    return demo if _runs(demo) and not _runs(own) else own


def _runs(paths: Paths) -> bool:
    return any(process.alive for process in Stack(paths).processes())
