"""The service as its own process, beside others of its kind: TEST_SERVICE is its consumer group."""

import os

from entente_chassis.runtime import main
from entente_review.bootstrap import build
from entente_review.settings import Settings

if __name__ == "__main__":
    main(lambda settings: build(settings, service=os.environ["TEST_SERVICE"]), Settings)
