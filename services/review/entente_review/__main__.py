"""Starts the review service: ``python -m entente_review``."""

from entente_chassis.runtime import main
from entente_review.bootstrap import build
from entente_review.settings import Settings

if __name__ == "__main__":
    main(build, Settings)
