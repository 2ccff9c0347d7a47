"""The service as its own process, beside others of its kind: TEST_SERVICE is its consumer group."""

import os

from entente_chassis.runtime import main
from entente_matching.bootstrap import build
from entente_matching.settings import Settings

if __name__ == "__main__":
    main(lambda settings: build(settings, service=os.environ["TEST_SERVICE"]), Settings)
