"""The service as its own process, beside others of its kind: TEST_SERVICE is its consumer group."""

import os

from entente_campaign.bootstrap import build
from entente_campaign.settings import Settings
from entente_chassis.runtime import main

if __name__ == "__main__":
    main(lambda settings: build(settings, service=os.environ["TEST_SERVICE"]), Settings)
