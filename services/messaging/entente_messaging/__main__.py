"""Starts the messaging service: ``python -m entente_messaging``."""

from entente_chassis.runtime import main
from entente_messaging.bootstrap import build
from entente_messaging.settings import Settings

if __name__ == "__main__":
    main(build, Settings)
