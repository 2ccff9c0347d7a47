"""Runs matching: python -m entente_matching."""

from entente_chassis.runtime import main
from entente_matching.bootstrap import build
from entente_matching.settings import Settings

if __name__ == "__main__":
    main(build, Settings)
