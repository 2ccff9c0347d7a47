"""What all parts of the scenario share: who plays, where, when, and what was told on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from entente.analytics.v1 import service_pb2 as an
from entente.matching.v1 import service_pb2 as ma
from entente.type.v1.type_pb2 import PLATFORM_YOUTUBE, Platform
from entente_cli import texts
from entente_cli.creators_file import CreatorsFile
from entente_cli.domain_time import DomainTime
from entente_cli.patience import answered, request_id
from entente_cli.session import Session, Who, brand

Tell = Callable[[str, str, str], None]
"""Hears of each step: the service, the event or RPC, and what happened in words."""


@dataclass(slots=True)
class Cast:
    """Who plays which part, by name "creators/{id}".

    Args:
        accepting: invited, and take part.
        refusing: invited, and decline.
        silent: invited, and never answer.
        chosen: apply, and are accepted.
        off_target: apply, and are declined.
    """

    accepting: list[str]
    refusing: list[str]
    silent: list[str]
    chosen: list[str]
    off_target: list[str]

    @property
    def invited(self) -> list[str]:
        return self.accepting + self.refusing + self.silent

    @property
    def applying(self) -> list[str]:
        return self.chosen + self.off_target

    @property
    def taking_part(self) -> list[str]:
        return self.accepting + self.chosen

    @property
    def flawed(self) -> list[str]:
        """Whose first content does not meet the brief or the law."""
        return self.taking_part[: len(texts.FLAWED_CAPTIONS)]

    @property
    def left_to_the_clock(self) -> list[str]:
        """Whose content nobody decides on."""
        return self.taking_part[3:5]

    @property
    def tardy(self) -> str:
        """Who has nothing to show at half time."""
        return self.taking_part[5]

    @property
    def submitting(self) -> list[str]:
        """Who submits in time."""
        return [name for name in self.taking_part if name != self.tardy]

    @property
    def decided(self) -> list[str]:
        """On whose content the brand decides."""
        return [name for name in self.submitting if name not in self.left_to_the_clock]

    @property
    def everybody(self) -> list[str]:
        return self.invited + self.applying


@dataclass(slots=True)
class Outcome:
    """What the driver was told on its way and cannot ask for later.

    Args:
        imported: what became of the file.
        matches: how many creators matched.
        orders: names of the conversions that it reported.
    """

    imported: ma.ImportCreatorsResponse = field(default_factory=ma.ImportCreatorsResponse)
    matches: int = 0
    orders: list[str] = field(default_factory=list)


class Stage:
    """What the parts act on.

    Args:
        session: the services.
        time: how domain time passes.
        file: the creators.
        run: tells this run's requests from others'.
        tell: hears of each step.
    """

    def __init__(self, session: Session, time: DomainTime, file: Path, *, run: str, tell: Tell) -> None:
        self.session = session
        self.time = time
        self.file = CreatorsFile(file)
        self.tell = tell
        self.start: datetime = time.now()
        self.ordered_at = self.start
        self.brand_name = f"brands/{texts.BRAND_ID}-{run}"
        self.brand = brand(self.brand_name)
        self.platforms: dict[str, Platform.ValueType] = {}
        self.links: dict[str, an.TrackedLink] = {}
        self.submissions: dict[str, str] = {}
        self.campaign = ""
        self.cast = Cast([], [], [], [], [])
        self.outcome = Outcome()
        self._run = run

    @property
    def days(self) -> float:
        """Days since the campaign was published; since the beginning before that."""
        return (self.time.now() - self.start) / timedelta(days=1)

    async def call(self, who: Who, method: Any, request: Any, *step: object) -> Any:
        """Call as somebody, with a request id of this run and step where the request has one."""
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = request_id(self._run, request.DESCRIPTOR.name, *step)
        return await answered(lambda: method(request, metadata=self.session.acting_for(who)))

    async def day(self, day: float) -> None:
        """Wait until this day of the campaign."""
        await self.time.reach(self.start + timedelta(days=day))

    def collaboration(self, creator: str) -> str:
        """The name of a creator's collaboration."""
        return f"{self.campaign}/collaborations/{creator.removeprefix('creators/')}"

    def post(self, creator: str) -> str:
        """Where a creator publishes."""
        where = "youtube.com/shorts" if self.platforms[creator] == PLATFORM_YOUTUBE else "instagram.com/reel"
        return f"https://www.{where}/{creator.removeprefix('creators/')}"
