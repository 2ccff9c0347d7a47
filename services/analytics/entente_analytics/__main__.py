"""Runs the analytics service."""

from entente_analytics.bootstrap import build
from entente_analytics.settings import Settings
from entente_chassis.runtime import main

if __name__ == "__main__":
    main(build, Settings)
