"""Run the campaign service: ``python -m entente_campaign``."""

from entente_campaign.bootstrap import build
from entente_campaign.settings import Settings
from entente_chassis.runtime import main

if __name__ == "__main__":
    main(build, Settings)
