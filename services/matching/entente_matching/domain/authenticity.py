"""How authentic an account's audience and engagement are: a score from 0 to 100 that anybody can compute again.

Each signal that is known has a value from 0 (as bought audiences look) to 1 (as real ones do), and an evidence line.
The score is their mean by the weights below; what is not known counts neither way, but lowers the confidence. Growth by
itself is no signal: only followers who come *without* engagement are (a real creator went from 8.6 to 23.8 million in
a month). An account that has grown out of its size band is held against the bands that it came from, too, so that
growing never makes its engagement look worse.

The signals are those that auditors of the field look at (engagement against size, comments per like, comments of no
content, followers' kinds, jumps); the thresholds are ours, from the measured percentiles in `data/benchmarks.csv` where
there are any. They are published so that whoever is judged can check them, and change only with the formula's version.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from entente_chassis.refusal import Invalid, Violation
from entente_matching.domain.creators import Account, Creator, Moment, Override, Snapshot, main_code, share_of
from entente_matching.domain.figures import (
    authentic_share,
    basis_of,
    comments_per_like,
    engagement_rate,
    latest_engagement_rate,
    latest_followers,
)
from entente_matching.domain.reference import (
    AUTHENTIC_SHARE,
    COMMENTS_PER_LIKE,
    ENGAGEMENT_METRICS,
    Benchmark,
    Reference,
)
from entente_matching.domain.words import Confidence, Platform

FORMULA_VERSION = "authenticity-1"
OVERRIDES_KEPT = 50

RECENT = timedelta(days=366)
"""Measurements that are older than this, seen from the last one, say nothing any more."""


class Signal(StrEnum):
    """What is looked at."""

    ENGAGEMENT = "ENGAGEMENT"
    COMMENTS_PER_LIKE = "COMMENTS_PER_LIKE"
    LOW_VALUE_COMMENTS = "LOW_VALUE_COMMENTS"
    REPEAT_COMMENTERS = "REPEAT_COMMENTERS"
    JUMPS_WITHOUT_ENGAGEMENT = "JUMPS_WITHOUT_ENGAGEMENT"
    AUDIENCE_GEOGRAPHY = "AUDIENCE_GEOGRAPHY"
    ACTIVE_FOLLOWERS = "ACTIVE_FOLLOWERS"
    FOLLOWER_TYPES = "FOLLOWER_TYPES"
    FOLLOWING_RATIO = "FOLLOWING_RATIO"
    AUTHENTIC_ENGAGEMENTS = "AUTHENTIC_ENGAGEMENTS"


WEIGHTS: Mapping[Signal, int] = {
    Signal.ENGAGEMENT: 18,
    Signal.FOLLOWER_TYPES: 14,
    Signal.LOW_VALUE_COMMENTS: 12,
    Signal.JUMPS_WITHOUT_ENGAGEMENT: 12,
    Signal.AUTHENTIC_ENGAGEMENTS: 10,
    Signal.COMMENTS_PER_LIKE: 8,
    Signal.REPEAT_COMMENTERS: 8,
    Signal.ACTIVE_FOLLOWERS: 8,
    Signal.AUDIENCE_GEOGRAPHY: 6,
    Signal.FOLLOWING_RATIO: 4,
}
"""Percent of the score when everything is known."""

JUMP = 0.25
"""Followers who grow by this share within 30 days make a jump, whose engagement is looked at."""
JUMP_KEEPS = 0.5
"""A jump is as real ones are when the engagements grow by at least this part of the followers' growth."""
GEOGRAPHY_FITS = 0.3
"""Share of the audience in the creator's home or where its languages are spoken that leaves no doubt."""
ACTIVE = (0.15, 0.5)
"""Shares of active followers between which the value goes from 0 to 1."""
DOUBTFUL_TYPES = (0.2, 0.7)
"""Shares of mass followers and suspicious accounts between which the value goes from 1 to 0."""
FOLLOWING = (1.0, 10.0)
"""Accounts followed for each follower between which the value goes from 1 to 0, on a logarithmic scale."""
HIGH_CONFIDENCE, MEDIUM_CONFIDENCE = 65, 35
"""Percent of the weight that must be known. Fewer than three signals are never more than LOW."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal: how it looks, and on what that rests.

    Args:
        value: from 0, as bought audiences look, to 1; None when it is not known.
        points_hundredths: what it adds to the score, in hundredths of a point; all add up to the score.
        max_points_hundredths: the most that it could add.
        line: in a sentence.
    """

    signal: Signal
    value: float | None
    points_hundredths: int
    max_points_hundredths: int
    line: str


@dataclass(frozen=True, slots=True)
class Authenticity:
    """The score of an account.

    Args:
        computed: 0 to 100 by the formula; None when no signal is known.
        override: what counts instead, if an operator said so.
    """

    computed: int | None
    evidence: tuple[Evidence, ...]
    confidence: Confidence
    override: Override | None = None
    formula_version: str = FORMULA_VERSION

    @property
    def score(self) -> int | None:
        """What counts."""
        return self.override.score if self.override else self.computed


Judged = tuple[float, str]
"""A value from 0 to 1, and the evidence line."""


def judge(creator: Creator, account: Account, reference: Reference) -> Authenticity:
    """The authenticity of an account, with the evidence of each signal."""
    judged = {signal: _SIGNALS[signal](creator, account, reference) for signal in WEIGHTS}
    known = {signal: found for signal, found in judged.items() if found is not None}
    whole = sum(WEIGHTS[signal] for signal in known)
    most = _split(10_000, {signal: WEIGHTS[signal] for signal in known}) if known else {}
    points = {signal: round(most[signal] * value) for signal, (value, _) in known.items()}
    evidence = tuple(
        Evidence(signal, found[0] if found else None, points.get(signal, 0), most.get(signal, 0), _line(found))
        for signal, found in judged.items()
    )
    score = round(sum(points.values()) / 100) if known else None
    return Authenticity(score, evidence, _confidence(len(known), whole), override_of(creator, account))


def override_of(creator: Creator, account: Account) -> Override | None:
    """The operator's word on an account."""
    said = creator.overrides.get(account.platform, ())
    return said[-1] if said and said[-1].score is not None else None


def override(creator: Creator, name: str, platform: Platform, said: Override, now: Moment) -> Creator:
    """The creator with an operator's word on one of its accounts; what was said before is kept.

    Raises:
        Invalid: it has no such account, the score is out of range, or no reason is given; all is named.
    """
    found = []
    if creator.account(platform) is None:
        found.append(Violation("platform", f"{name} has no account on {platform}"))
    if said.score is not None and not 0 <= said.score <= 100:
        found.append(Violation("score", f"{said.score} is not from 0 to 100"))
    if not said.reason.strip():
        found.append(Violation("reason", "say why: it is kept, and shown with the score"))
    if found:
        raise Invalid("OVERRIDE_INVALID", "The override is not valid.", violations=found)
    kept = (*creator.overrides.get(platform, ()), said)[-OVERRIDES_KEPT:]
    return replace(
        creator,
        overrides=creator.overrides | {platform: kept},
        updated_at=now.domain,
        changed_at=now.technical,
    )


def _line(found: Judged | None) -> str:
    return found[1] if found else "not known"


def _confidence(signals: int, weight: int) -> Confidence:
    if signals < 3 or weight < MEDIUM_CONFIDENCE:
        return Confidence.LOW
    return Confidence.HIGH if weight >= HIGH_CONFIDENCE else Confidence.MEDIUM


def _split(total: int, weights: Mapping[Signal, int]) -> dict[Signal, int]:
    """A total in whole parts by weight, without a rest."""
    of_all = sum(weights.values())
    parts = {signal: total * weight // of_all for signal, weight in weights.items()}
    by_loss = sorted(weights, key=lambda signal: (-(total * weights[signal] % of_all), signal))
    for signal in by_loss[: total - sum(parts.values())]:
        parts[signal] += 1
    return parts


# -- the signals ------------------------------------------------------------------------------------------------------


def _engagement(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    rate = latest_engagement_rate(account)
    metric = ENGAGEMENT_METRICS[basis_of(account.platform)]
    judged = [
        (plausible(rate, benchmark), benchmark) for benchmark in _bands(metric, account, reference) if rate is not None
    ]
    if not judged or rate is None:
        return None
    value, benchmark = max(judged, key=lambda pair: pair[0])
    return value, f"engagement rate {rate:.2%}, {_place(rate, benchmark)} of {benchmark.population}"


def _comments(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    rate = comments_per_like(account)
    judged = [
        (plausible(rate, benchmark), benchmark)
        for benchmark in _bands(COMMENTS_PER_LIKE, account, reference)
        if rate is not None
    ]
    if not judged or rate is None:
        return None
    value, benchmark = max(judged, key=lambda pair: pair[0])
    return value, f"{100 * rate:.1f} comments per 100 likes, {_place(rate, benchmark)} of {benchmark.population}"


def _low_value_comments(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    return _share_above(account, reference, "low_value_comment_share", "of the comments say nothing")


def _repeat_commenters(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    return _share_above(account, reference, "repeat_commenter_share", "of the commenters comment again and again")


def _authentic_engagements(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    share = authentic_share(account)
    benchmark = reference.benchmarks.find(AUTHENTIC_SHARE, account.platform, latest_followers(account))
    if share is None or benchmark is None:
        return None
    value = min(1.0, share / _value_at(benchmark, 0.9))
    return (
        value,
        f"the source holds {share:.0%} of the engagements for authentic, {_place(share, benchmark)} of its like",
    )


def _jumps(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    """Followers who come without engagement. What grows together, or is not measured, says nothing against anybody."""
    worst: Judged | None = None
    pairs = 0
    for before, after in _measured_pairs(account):
        days = max(1.0, (after.at - before.at) / timedelta(days=1))
        growth = after.figures["followers"] / before.figures["followers"]
        pairs += 1
        if growth ** min(1.0, 30 / days) < 1 + JUMP:
            continue
        engaged = _engagement_growth(account, before, after)
        assert engaged is not None
        value = max(0.0, min(1.0, math.log(max(engaged, 1e-9)) / (JUMP_KEEPS * math.log(growth))))
        when = f"from {before.at:%Y-%m-%d} to {after.at:%Y-%m-%d}"
        line = f"{when} the followers grew {growth:.2f} times, the engagements {engaged:.2f} times"
        if worst is None or value < worst[0]:
            worst = value, line
    if worst is not None:
        return worst
    return (1.0, f"no jump of the followers in {pairs} intervals") if pairs else None


def _geography(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    homes = {creator.country} if creator.country else set()
    for language in creator.languages:
        spoken = reference.languages.get(language)
        if spoken is None:
            return None  # A language of the whole world, or one that we do not know, speaks for every country.
        homes |= spoken
    if not creator.languages or not homes or not account.audience.countries:
        return None
    share = share_of(account.audience.countries, homes)
    named = ", ".join(sorted(homes)[:6])
    if share is None:
        main = main_code(account.audience.countries)
        fits = main in homes
        return (
            1.0 if fits else 0.4
        ), f"the largest part of the audience is in {main}; {'' if fits else 'not '}in {named}"
    return min(1.0, share / GEOGRAPHY_FITS), f"{share:.0%} of the audience is where its languages are at home ({named})"


def _active(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    share = account.audience.active_share
    if share is None:
        return None
    low, high = ACTIVE
    return _between(share, low, high), f"{share:.0%} of the followers are active"


def _types(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    share = share_of(account.audience.types, ("mass_followers", "suspicious"))
    if share is None:
        return None
    low, high = DOUBTFUL_TYPES
    return 1 - _between(share, low, high), f"{share:.0%} of the followers are mass followers or suspicious"


def _following(creator: Creator, account: Account, reference: Reference) -> Judged | None:
    for snapshot in _recent(account):
        followers, following = snapshot.figures.get("followers"), snapshot.figures.get("following")
        if followers and following is not None:
            ratio = following / followers
            low, high = FOLLOWING
            value = 1 - _between(math.log10(max(ratio, 1e-9)), math.log10(low), math.log10(high))
            return value, f"follows {ratio:.2f} accounts for each follower"
    return None


_SIGNALS: Mapping[Signal, Callable[[Creator, Account, Reference], Judged | None]] = {
    Signal.ENGAGEMENT: _engagement,
    Signal.COMMENTS_PER_LIKE: _comments,
    Signal.LOW_VALUE_COMMENTS: _low_value_comments,
    Signal.REPEAT_COMMENTERS: _repeat_commenters,
    Signal.JUMPS_WITHOUT_ENGAGEMENT: _jumps,
    Signal.AUDIENCE_GEOGRAPHY: _geography,
    Signal.ACTIVE_FOLLOWERS: _active,
    Signal.FOLLOWER_TYPES: _types,
    Signal.FOLLOWING_RATIO: _following,
    Signal.AUTHENTIC_ENGAGEMENTS: _authentic_engagements,
}


# -- helpers ----------------------------------------------------------------------------------------------------------


def plausible(value: float, benchmark: Benchmark) -> float:
    """How usual a figure is: 1 from the first quarter to the ninth tenth, less below and far above.

    Below, it goes from 1 at the lower quartile over 0.5 at the lowest tenth to 0 at nothing; above, from 1 at the upper
    tenth over 0.5 at three times it to 0.1 at ten times.
    """
    low, quarter, high = (_value_at(benchmark, share) for share in (0.1, 0.25, 0.9))
    if value > high > 0:
        times = value / high
        if times >= 10:
            return 0.1
        return 1 - 0.5 * (times - 1) / 2 if times <= 3 else 0.5 - 0.4 * (times - 3) / 7
    if value >= quarter:
        return 1.0
    if value >= low:
        return 0.5 + 0.5 * _between(value, low, quarter)
    return 0.5 * value / low


def _value_at(benchmark: Benchmark, share: float) -> float:
    """The figure below which a share of the measured creators is; a straight line between what was measured."""
    points = ((0.0, 0.0), *benchmark.percentiles)
    if share >= points[-1][0]:
        return points[-1][1]
    below = [point for point in points if point[0] <= share][-1]
    above = next(point for point in points if point[0] > share)
    return below[1] + (above[1] - below[1]) * (share - below[0]) / (above[0] - below[0])


def _share_above(account: Account, reference: Reference, figure: str, said: str) -> Judged | None:
    """A share of which more than usual is a bad sign: 1 up to the median, 0.3 at the upper tenth, 0 at twice that."""
    benchmark = reference.benchmarks.find(figure, account.platform, latest_followers(account))
    share = next((s.figures[figure] for s in _recent(account) if figure in s.figures), None)
    if share is None or benchmark is None:
        return None
    usual, high = _value_at(benchmark, 0.5), _value_at(benchmark, 0.9)
    value = 1 - 0.7 * _between(share, usual, high) if share <= high else 0.3 * (1 - _between(share, high, 2 * high))
    return value, f"{share:.0%} {said}, {_place(share, benchmark)} of {benchmark.population}"


def _bands(metric: str, account: Account, reference: Reference) -> list[Benchmark]:
    """The benchmarks of the size that it has, and of those that it had within the year."""
    sizes = [s.figures["followers"] for s in _recent(account) if "followers" in s.figures]
    found = [reference.benchmarks.nearest(metric, account.platform, size) for size in sizes]
    return list({id(benchmark): benchmark for benchmark in found if benchmark is not None}.values())


def _recent(account: Account) -> Sequence[Snapshot]:
    """Measurements of the last year, the newest first."""
    if account.latest is None:
        return ()
    return [s for s in reversed(account.history) if account.latest.at - s.at <= RECENT]


def _measured_pairs(account: Account) -> list[tuple[Snapshot, Snapshot]]:
    """Successive measurements that tell followers, and engagements in the same unit."""
    counted = [snapshot for snapshot in reversed(_recent(account)) if snapshot.figures.get("followers")]
    return [pair for pair in pairwise(counted) if _engagement_growth(account, *pair) is not None]


def _engagement_growth(account: Account, before: Snapshot, after: Snapshot) -> float | None:
    """By how much the engagements per post grew, by a figure that both measurements have."""
    for name in ("average_engagements", "average_likes", "median_likes", "average_views", "median_views"):
        if before.figures.get(name) and name in after.figures:
            return after.figures[name] / before.figures[name]
    rates = [engagement_rate(account.platform, snapshot) for snapshot in (before, after)]
    if rates[0] and rates[1] is not None:
        return rates[1] * after.figures["followers"] / (rates[0] * before.figures["followers"])
    return None


def _between(value: float, low: float, high: float) -> float:
    """Where a value stands between two others, from 0 to 1."""
    return max(0.0, min(1.0, (value - low) / (high - low))) if high > low else float(value >= high)


def _place(value: float, benchmark: Benchmark) -> str:
    return f"above {benchmark.percentile(value):.0%}"
