"""What changes matching's state. Each command reads top to bottom: load, decide in the domain, one write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from entente_chassis.clock import Clock
from entente_chassis.refusal import Invalid, NotFound, Violation
from entente_chassis.store import Aggregates, Cause, Change, Outcome, Request
from entente_matching.application.indexing import Indexer
from entente_matching.domain import authenticity
from entente_matching.domain import creators as rules
from entente_matching.domain import feedback as feedback_rules
from entente_matching.domain import shortlists as shortlist_rules
from entente_matching.domain.creators import Creator, Moment, Observation, Offer, Override
from entente_matching.domain.feedback import Feedback
from entente_matching.domain.figures import metrics_updates
from entente_matching.domain.imports import CreatorsImported, Import
from entente_matching.domain.reference import Reference
from entente_matching.domain.rows import GoodRow, Reject, RowReader, UnreadableRows
from entente_matching.domain.shortlists import Shortlist
from entente_matching.domain.words import Platform

REJECTS_KEPT = 10_000
IMPORT_COUNTS = ("rows", "accepted_rows", "rejected_rows", "created", "updated")
_CREATORS_AT_ONCE = 500


@dataclass
class ImportResult:
    """What came of an import."""

    rows: int = 0
    accepted_rows: int = 0
    rejected_rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)
    rejected_creators: int = 0
    set_aside_values: int = 0


Decide = Callable[[Creator | None], Change[Creator] | None]


class Commands:
    """The commands on creators, feedback and shortlists.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        imports: what came of each.
        shortlists: of all brands.
        indexer: takes up what is written here.
        reference: what is known beforehand.
        clock: the domain's.
        machine: the machine's clock, which the search index goes by.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        imports: Aggregates[Import],
        shortlists: Aggregates[Shortlist],
        indexer: Indexer,
        reference: Reference,
        clock: Clock,
        machine: Clock,
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self._imports = imports
        self._shortlists = shortlists
        self._indexer = indexer
        self._reference = reference
        self._clock = clock
        self._machine = machine

    # -- creators -----------------------------------------------------------------------------------------------------

    async def register(self, name: str, given: Creator, request: Request | None) -> Outcome[Creator]:
        """Register a creator with what the form says; its times are set here."""
        now = self._now()
        new = replace(
            given,
            categories=self._reference.vocabulary.words(given.categories),
            created_at=now.domain,
            updated_at=now.domain,
            changed_at=now.technical,
        )

        def decide(existing: Creator | None) -> Change[Creator]:
            creator, events = rules.register(existing, name, new)
            return Change(creator, [*events, *metrics_updates(name, None, creator, self._reference.tiers)])

        return await self._change_creator(name, decide, request)

    async def record_metrics(self, name: str, observation: Observation, request: Request | None) -> Outcome[Creator]:
        """Add one measurement to an account."""
        now = self._now()

        def decide(existing: Creator | None) -> Change[Creator] | None:
            if existing is None:
                raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
            creator = rules.record(existing, observation, now)
            return Change(creator, metrics_updates(name, existing, creator, self._reference.tiers))

        return await self._change_creator(name, decide, request)

    async def set_offer(self, name: str, offer: Offer, request: Request | None) -> Outcome[Creator]:
        """Keep what a creator offers instead of what it offered before."""
        rules.check_offer(offer)
        now = self._now()

        def decide(existing: Creator | None) -> Change[Creator] | None:
            if existing is None:
                raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
            if existing.offer == offer:
                return None
            return Change(replace(existing, offer=offer, updated_at=now.domain, changed_at=now.technical))

        return await self._change_creator(name, decide, request)

    async def override_authenticity(
        self, name: str, platform: Platform, *, score: int | None, reason: str, by: str, request: Request | None
    ) -> Outcome[Creator]:
        """Keep an operator's word on an account's authenticity, or take it back."""
        now = self._now()
        said = Override(score, reason, by, now.domain)

        def decide(existing: Creator | None) -> Change[Creator]:
            if existing is None:
                raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
            return Change(authenticity.override(existing, name, platform, said, now))

        return await self._change_creator(name, decide, request)

    def import_creators(self, reader: RowReader, name: str, by: str) -> "CreatorImport":
        """Begin an import."""
        return CreatorImport(self, reader, name, by)

    async def imported(self, name: str, by: str, result: ImportResult) -> None:
        """Keep what came of an import, and tell of it; a repetition is neither kept nor told of again."""
        counts = {each: getattr(result, each) for each in IMPORT_COUNTS}
        record = Import(by, self._clock.now(), **counts)
        event = CreatorsImported(name, **counts)
        await self._imports.change(name, lambda existing: None if existing else Change(record, [event]))

    async def take_observations(self, observed: dict[str, list[Observation]]) -> tuple[set[str], set[str]]:
        """Create the creators that are new and complete the others; returns the names of both that changed."""
        now = self._now()
        found = await self._creators.find({"_id": {"$in": list(observed)}}, limit=len(observed))
        known = {outcome.id: outcome.state for outcome in found}
        new = [
            (name, Change(rules.imported(name, observed[name], now))) for name in sorted(observed.keys() - known.keys())
        ]
        taken = await self._creators.create_many(new)
        written = [Outcome(name, change.state, 1, True) for name, change in new if name not in taken]
        created = {outcome.id for outcome in written}
        changed = {name for name, creator in known.items() if rules.merge(creator, observed[name], now) is not creator}
        updated = set()
        for name in sorted(changed | taken):
            outcome = await self._creators.change(name, self._complete(name, observed[name], now))
            written.append(outcome)
            if outcome.applied:
                updated.add(name)
        await self._indexer.take(written)
        return created, updated

    # -- feedback -----------------------------------------------------------------------------------------------------

    async def collaboration_completed(
        self,
        collaboration: str,
        creator: str,
        cause: Cause,
        *,
        brand: str,
        on_time: bool | None,
        compliance: float | None,
    ) -> bool:
        """Keep how a collaboration ended; says whether that was new."""
        now = self._machine.now()
        outcome = await self._feedback.change(
            collaboration,
            lambda existing: Change(
                feedback_rules.completed(existing, creator, now, brand=brand, on_time=on_time, compliance=compliance)
            ),
            cause=cause,
        )
        return outcome.applied

    async def collaboration_rated(
        self, collaboration: str, creator: str, cause: Cause, ratings: dict[str, int], *, brand: str
    ) -> bool:
        """Keep the brand's ratings; says whether that was new."""
        now = self._machine.now()
        outcome = await self._feedback.change(
            collaboration,
            lambda existing: Change(feedback_rules.rated(existing, creator, now, ratings, brand=brand)),
            cause=cause,
        )
        return outcome.applied

    async def reply_measured(self, collaboration: str, creator: str, cause: Cause, seconds: int) -> bool:
        """Keep how long an answer took; says whether that was new."""
        now = self._machine.now()
        outcome = await self._feedback.change(
            collaboration,
            lambda existing: Change(feedback_rules.replied(existing, creator, now, seconds)),
            cause=cause,
        )
        return outcome.applied

    # -- shortlists ---------------------------------------------------------------------------------------------------

    async def create_shortlist(
        self, name: str, brand: str, given: Shortlist, request: Request | None
    ) -> Outcome[Shortlist]:
        """Create a shortlist of a brand."""
        await self._require_creators(given.creators)
        now = self._clock.now()
        new = replace(given, brand=brand, created_at=now, updated_at=now)

        def decide(existing: Shortlist | None) -> Change[Shortlist]:
            shortlist, event = shortlist_rules.create(existing, name, new)
            return Change(shortlist, [event])

        return await self._shortlists.change(name, decide, request=request)

    async def update_shortlist(
        self, name: str, given: Shortlist, fields: Sequence[str], request: Request | None, etag: str
    ) -> Outcome[Shortlist]:
        """Change the named fields of a shortlist."""
        if not fields or "creators" in fields:
            await self._require_creators(given.creators)
        now = self._clock.now()

        def decide(existing: Shortlist | None) -> Change[Shortlist] | None:
            changed = shortlist_rules.update(existing, name, given, fields, now)
            return Change(changed[0], [changed[1]]) if changed else None

        return await self._shortlists.change(name, decide, request=request, etag=etag or None)

    # -- shared -------------------------------------------------------------------------------------------------------

    async def _change_creator(self, name: str, decide: Decide, request: Request | None) -> Outcome[Creator]:
        changed = await self._creators.change(name, decide, request=request)
        await self._indexer.take([changed])
        return changed

    def _complete(self, name: str, observations: Iterable[Observation], now: Moment) -> Decide:
        def decide(existing: Creator | None) -> Change[Creator] | None:
            if existing is None:
                raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
            creator = rules.merge(existing, observations, now)
            if creator is existing:
                return None
            return Change(creator)

        return decide

    async def _require_creators(self, names: Sequence[str]) -> None:
        if not names:
            return
        found = await self._creators.find({"_id": {"$in": list(names)}}, limit=len(names))
        known = {outcome.id for outcome in found}
        unknown = [
            Violation(f"shortlist.creators[{index}]", f"{name} does not exist", "NOT_FOUND")
            for index, name in enumerate(names)
            if name not in known
        ]
        if unknown:
            raise Invalid("CREATORS_UNKNOWN", "Some creators do not exist.", violations=unknown)

    def _now(self) -> Moment:
        return Moment(domain=self._clock.now(), technical=self._machine.now())


class CreatorImport:
    """One import: rows come in, creators are written in groups, and the result is kept count of.

    Everything it does is an upsert, so that an import that broke off is simply begun again.
    """

    def __init__(self, commands: Commands, reader: RowReader, name: str, by: str) -> None:
        self._commands = commands
        self.reader: RowReader | UnreadableRows = reader
        self._name = name
        self._by = by
        self._result = ImportResult()
        self._waiting: dict[str, list[Observation]] = {}
        self._seen: set[str] = set()
        self._created: set[str] = set()
        self._updated: set[str] = set()
        self._refused: set[str] = set()

    async def add(self, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Take rows (number, values in the order of the columns)."""
        for number, values in rows:
            self._result.rows += 1
            read = self.reader.read(number, values)
            if isinstance(read, GoodRow):
                self._result.accepted_rows += 1
                self._result.set_aside_values += len(read.set_aside)
                self._keep(read.set_aside)
                self._waiting.setdefault(f"creators/{read.creator}", []).append(read.observation)
                continue
            self._result.rejected_rows += 1
            self._keep(read)
            if creator := self.reader.creator_of(values):
                self._refused.add(f"creators/{creator}")
        if len(self._waiting) >= _CREATORS_AT_ONCE:
            await self._write()

    def _keep(self, rejects: Sequence[Reject]) -> None:
        self._result.rejects += rejects[: max(0, REJECTS_KEPT - len(self._result.rejects))]

    async def finish(self) -> ImportResult:
        """Write what is left, and tell what came of it all."""
        await self._write()
        result = self._result
        result.created = len(self._created)
        result.updated = len(self._updated - self._created)
        result.unchanged = len(self._seen) - result.created - result.updated
        result.rejected_creators = len(self._refused - self._seen)
        await self._commands.imported(self._name, self._by, result)
        return result

    async def _write(self) -> None:
        names = list(self._waiting)
        for start in range(0, len(names), _CREATORS_AT_ONCE):
            group = {name: self._waiting[name] for name in names[start : start + _CREATORS_AT_ONCE]}
            created, updated = await self._commands.take_observations(group)
            self._created |= created
            self._updated |= updated
        self._seen.update(names)
        self._waiting.clear()
