"""Published posts and what they measured over time."""

from dataclasses import dataclass, fields, replace
from datetime import datetime

from entente_analytics.domain.audience import Audience
from entente_analytics.domain.names import collaboration_parts, post_name

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
class MetricsReported:
    """New figures of a post were reported."""

    post: Post
    figures: Figures
    at: datetime


def report(
    post: Post | None,
    *,
    collaboration: str,
    url: str,
    platform: str,
    figures: Figures,
    at: datetime,
    audience: Audience | None,
) -> tuple[Post, tuple[object, ...]] | None:
    """The post with a report, or None when it adds nothing.

    A report for a time before the newest of its day only fills what that one does not have.
    """
    campaign, creator = collaboration_parts(collaboration)
    before = post or Post(collaboration, campaign, creator, url, platform, {}, None, None)
    day = at.date().isoformat()
    known = before.readings.get(day)
    if known is None:
        reading = Reading(at, figures)
    elif at >= known.at:
        reading = Reading(at, figures.over(known.figures))
    else:
        reading = Reading(known.at, known.figures.over(figures))
    kept = sorted(before.readings.keys() | {day})[-DAYS_KEPT:]
    after = replace(before, readings={d: reading if d == day else before.readings[d] for d in kept})
    if audience is not None and (before.audience_at is None or at >= before.audience_at):
        after = replace(after, audience=audience, audience_at=at)
    if after == before or day not in after.readings:
        return None
    return after, (MetricsReported(after, figures, at),)
