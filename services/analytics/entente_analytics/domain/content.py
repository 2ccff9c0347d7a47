"""Published posts and what they measured over time."""

from dataclasses import dataclass, fields, replace
from datetime import datetime

from entente_analytics.domain.audience import Audience
from entente_analytics.domain.names import collaboration_parts, post_name
from entente_analytics.domain.times import refuse_future
from entente_chassis.refusal import Invalid, Violation

DAYS_KEPT = 400


@dataclass(frozen=True)
class Figures:
    """Totals of a post since it was published; None was not measured."""

    views: int | None = None
    reach: int | None = None
    impressions: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    saves: int | None = None

    @property
    def engagements(self) -> int | None:
        """Likes, comments, shares and saves, as far as measured."""
        known = [value for value in (self.likes, self.comments, self.shares, self.saves) if value is not None]
        return sum(known) if known else None

    def over(self, older: "Figures") -> "Figures":
        """These figures, with the older ones where there is none."""
        return Figures(
            **{
                f.name: getattr(older, f.name) if getattr(self, f.name) is None else getattr(self, f.name)
                for f in fields(self)
            }
        )


@dataclass(frozen=True)
class Reading:
    """The totals at the end of one day, or as late on it as they were measured."""

    at: datetime
    figures: Figures


@dataclass(frozen=True)
class Correction:
    """A total that was found to be lower than it was reported before."""

    figure: str
    day: str
    before: int
    after: int
    at: datetime


@dataclass(frozen=True)
class Post:
    """A published post of a collaboration, with at most one reading per day."""

    collaboration: str
    campaign: str
    creator: str
    url: str
    platform: str
    readings: dict[str, Reading]
    audience: Audience | None
    audience_at: datetime | None
    deliverable: str = ""
    corrections: tuple[Correction, ...] = ()

    @property
    def name(self) -> str:
        """The resource name."""
        return post_name(self.collaboration, self.url)

    @property
    def measured_at(self) -> datetime:
        """When the latest totals were measured."""
        return max(reading.at for reading in self.readings.values())

    def totals_by_day(self, until: datetime | None = None) -> list[tuple[str, Figures]]:
        """The totals at the end of each day that has a reading, in order; a figure not read that day is carried on."""
        totals: list[tuple[str, Figures]] = []
        last = Figures()
        for day in sorted(self.readings):
            if until is not None and day > until.date().isoformat():
                break
            last = self.readings[day].figures.over(last)
            totals.append((day, last))
        return totals

    def latest(self, until: datetime | None = None) -> Figures:
        """The latest totals."""
        totals = self.totals_by_day(until)
        return totals[-1][1] if totals else Figures()


@dataclass(frozen=True)
class ContentMetricsReported:
    """New figures of a post were reported."""

    post: str
    collaboration: str
    campaign: str
    creator: str
    post_url: str
    platform: str | None
    figures: Figures
    measure_time: datetime
    deliverable: str


# These only grow: nobody unsees a post. Likes, comments and saves are taken back by people, so they may fall.
_ONLY_GROW = ("views", "reach", "impressions", "shares")
_CORRECTIONS_KEPT = 100


def report(
    post: Post | None,
    *,
    collaboration: str,
    url: str,
    platform: str,
    figures: Figures,
    at: datetime,
    audience: Audience | None,
    now: datetime,
    deliverable: str = "",
    correction: bool = False,
) -> tuple[Post, tuple[object, ...]] | None:
    """The post with a report, or None when it adds nothing.

    A report for a time before the newest of its day only fills what that one does not have. A total that fell is a
    mistake or a correction: a correction says so, or is for the very time that it corrects, and is kept.

    Raises:
        Invalid: it is from the future, or a total fell that only grows and it is no correction; each is named.
    """
    refuse_future(now, measure_time=at)
    campaign, creator = collaboration_parts(collaboration)
    before = post or Post(collaboration, campaign, creator, url, platform, {}, None, None, deliverable)
    day = at.date().isoformat()
    known = before.readings.get(day)
    falls = _falls(before, figures, day, at)
    if falls and not correction and not (known and known.at == at):
        raise Invalid(
            "COUNTER_FELL",
            "Views, reach, impressions and shares only grow: check the figures and the time, or say that this report "
            "is a correction.",
            violations=[Violation(f"figures.{name}", f"{value} after {was}") for name, was, value in falls],
        )
    if known is None:
        reading = Reading(at, figures)
    elif at >= known.at:
        reading = Reading(at, figures.over(known.figures))
    else:
        reading = Reading(known.at, known.figures.over(figures))
    kept = sorted(before.readings.keys() | {day})[-DAYS_KEPT:]
    after = replace(
        before,
        readings={d: reading if d == day else before.readings[d] for d in kept},
        deliverable=before.deliverable or deliverable,
    )
    if falls:
        made = [Correction(name, day, was, value, now) for name, was, value in falls]
        after = replace(after, corrections=(*before.corrections, *made)[-_CORRECTIONS_KEPT:])
    if audience is not None and (before.audience_at is None or at >= before.audience_at):
        after = replace(after, audience=audience, audience_at=at)
    if after == before or day not in after.readings:
        return None
    told = ContentMetricsReported(
        post=after.name,
        collaboration=collaboration,
        campaign=campaign,
        creator=creator,
        post_url=url,
        platform=after.platform or None,
        figures=figures,
        measure_time=at,
        deliverable=after.deliverable,
    )
    return after, (told,)


def _falls(post: Post, figures: Figures, day: str, at: datetime) -> list[tuple[str, int, int]]:
    """The totals that only grow and are lower than an earlier one, or an earlier one that is higher than a later."""
    found = []
    for name in _ONLY_GROW:
        value = getattr(figures, name)
        if value is None:
            continue
        earlier = [getattr(r.figures, name) for d, r in post.readings.items() if r.at <= at and d <= day]
        highest = max((one for one in earlier if one is not None), default=None)
        if highest is not None and value < highest:
            found.append((name, highest, value))
    return found
