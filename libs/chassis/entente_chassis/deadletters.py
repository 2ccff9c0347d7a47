"""Events that could not be handled, kept in the consumer's own database until a person replays or discards them.

A letter's stream and subject are parked: the events that follow it are kept, too, in order, so that nothing overtakes
what failed. The first letter of a parked subject is the root; the others are blocked by it.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from prometheus_client import Counter, Gauge

from entente_chassis.clock import SystemClock
from entente_chassis.envelope import NotAnEvent
from entente_chassis.faults import Poison, describe
from entente_chassis.refusal import Aborted, NotFound, Precondition
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.model import Change, Kind, Outcome

log = logging.getLogger(__name__)

dead_letters = Counter("entente_dead_letters_total", "Events kept as dead letters", ["topic", "why"])
pending_letters = Gauge("entente_dead_letters_pending", "Dead letters that wait for a person")

_PAGE = 500
_NOT_IN_A_FIELD = re.compile(r"[.\x00]|^\$")


class LetterState(StrEnum):
    """What became of a letter."""

    PENDING = "PENDING"
    REPLAYED = "REPLAYED"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class Letter:
    """One event that was not handled, as it came.

    Args:
        park: the stream and subject that it belongs to, "" when it names no subject.
        partition, offset: where it was read; gives the order within its subject.
        reason: why it was not handled; holds no content of the event.
        blocked_by: the letter it waits behind, "" for a root.
    """

    park: str
    topic: str
    partition: int
    offset: int
    subject: str
    type: str
    headers: dict[str, bytes]
    value: bytes
    reason: str
    arrived_at: datetime
    blocked_by: str = ""
    state: LetterState = LetterState.PENDING
    attempts: int = 0
    closed_by: str = ""
    closed_because: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Park:
    """Whether a stream's subject is parked, behind which letter, and how many letters have come since."""

    parked: bool
    root: str
    letters: int = 1


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How a replay ended: how many letters it handled, how many still wait, and what stopped it."""

    replayed: int = 0
    remaining: int = 0
    stopped_by: str = ""
    reason: str = ""


LETTERS = Kind[Letter]("dead_letters", Letter, indexes=(("state", "park", "offset"), ("state", "-arrived_at")))
PARKS = Kind[Park]("parked_subjects", Park, indexes=(("parked",),))

Rehandle = Callable[[Letter], Awaitable[None]]


@dataclass
class DeadLetters:
    """The dead letters of one service, and the subjects that are parked behind them.

    Args:
        letters: documents of the letters.
        parks: documents of the parked subjects.
        rehandle: handles a letter's event once; raises what the handler raises. Set by the consumer.
    """

    letters: Aggregates[Letter]
    parks: Aggregates[Park]
    rehandle: Rehandle | None = None
    # Known to be parked or to have been so lately: asking the database is only needed for these.
    _perhaps_parked: set[str] = field(default_factory=set)

    async def prepare(self) -> None:
        """Make the indexes."""
        await self.letters.prepare()
        await self.parks.prepare()

    async def refresh(self) -> None:
        """Learn what is parked: on assignment, since another member may have parked it."""
        parked = await self.parks.find({"parked": True}, limit=100_000)
        self._perhaps_parked |= {park.id for park in parked}
        await self.measure()

    async def measure(self) -> None:
        """Show how many letters wait."""
        pending_letters.set(await self.letters.count({"state": LetterState.PENDING}))

    def may_be_parked(self, park: str) -> bool:
        """Whether the database must be asked before an event of this subject is handled."""
        return park in self._perhaps_parked

    async def keep(self, id: str, letter: Letter) -> None:
        """Keep an event that failed, and park its subject. Keeping it again changes nothing.

        One that a person has discarded is not kept again: it is done with, also when the broker repeats it.
        """
        if not await self._insert(id, letter):
            return
        if letter.park:
            await self.parks.change(
                letter.park,
                lambda park: (
                    Change(Park(True, id))
                    if park is None or not park.parked
                    else Change(replace(park, letters=park.letters + 1))
                ),
            )
            self._perhaps_parked.add(letter.park)
        dead_letters.labels(letter.topic, "failed").inc()
        log.error("an event became a dead letter", extra={"letter": id, "topic": letter.topic, "reason": letter.reason})

    async def keep_if_parked(self, id: str, letter: Letter) -> bool:
        """Keep an event behind its subject's dead letter; false when the subject is no longer parked."""
        park = await self.parks.get(letter.park)
        # A replay that broke off between its last letter and the unparking must not hold back what comes after it.
        if park is None or not park.state.parked or await self._unpark_if_empty(letter.park):
            self._perhaps_parked.discard(letter.park)
            return False
        # The letter is written before the park is counted on: a replay that unparks meanwhile finds the count changed
        # and looks again, or has finished, and then the event is handled here.
        if not await self._insert(id, replace(letter, blocked_by=park.state.root)):
            return True
        try:
            await self.parks.change(letter.park, _one_more_letter)
        except NotParked:
            await self._close(id, LetterState.REPLAYED, by="consumer", because="its subject was unparked meanwhile")
            self._perhaps_parked.discard(letter.park)
            return False
        dead_letters.labels(letter.topic, "blocked").inc()
        return True

    async def roots_pending(self) -> int:
        """How many letters wait that are not merely blocked by another."""
        return await self.letters.count({"state": LetterState.PENDING, "blocked_by": ""})

    async def page(
        self, *, pending_only: bool, park: str = "", page_size: int, page_token: str
    ) -> tuple[list[Outcome[Letter]], str]:
        """Letters, one page at a time, and the next page's token."""
        where = ({"state": LetterState.PENDING} if pending_only else {}) | ({"park": park} if park else {})
        return await self.letters.page(where, page_size=page_size, page_token=page_token, scope=f"letters {where}")

    async def get(self, id: str) -> Outcome[Letter]:
        """One letter, or NotFound."""
        return await self.letters.require(id, what="dead letter")

    async def replay(self, id: str, *, by: str) -> ReplayResult:
        """Handle a letter again and, in order, all that waits on its subject; unpark the subject when none is left.

        Args:
            id: any letter of the subject.
            by: who asks, for the record.

        Raises:
            NotFound: there is no such letter.
            Precondition: it was replayed or discarded before.
        """
        letter = (await self.get(id)).state
        if letter.state is not LetterState.PENDING:
            raise Precondition("LETTER_CLOSED", f"Dead letter {id} is {letter.state.value.lower()} already.")
        if not letter.park:
            return await self._replay_all([(id, letter)], by)
        total = 0
        while True:
            park = await self.parks.get(letter.park)
            waiting = await self.letters.find(
                {"state": LetterState.PENDING, "park": letter.park}, order_by="offset", limit=_PAGE
            )
            if not waiting:
                if park is None or not park.state.parked:
                    return ReplayResult(total)
                try:
                    await self.parks.change(
                        letter.park, lambda p: Change(replace(p, parked=False)) if p else None, etag=park.etag
                    )
                except Aborted:
                    continue  # A letter came meanwhile.
                return ReplayResult(total)
            result = await self._replay_all([(found.id, found.state) for found in waiting], by)
            total += result.replayed
            if result.stopped_by:
                remaining = await self.letters.count({"state": LetterState.PENDING, "park": letter.park})
                return replace(result, replayed=total, remaining=remaining)

    async def discard(self, id: str, *, by: str, because: str) -> Outcome[Letter]:
        """Give a letter up. What waits behind it is handled at the next replay of any of them.

        Raises:
            NotFound: there is no such letter.
            Precondition: it was replayed or discarded before.
        """
        letter = (await self.get(id)).state
        if letter.state is not LetterState.PENDING:
            raise Precondition("LETTER_CLOSED", f"Dead letter {id} is {letter.state.value.lower()} already.")
        await self._close(id, LetterState.DISCARDED, by=by, because=because)
        if letter.park:
            await self._unpark_if_empty(letter.park)
        return await self.get(id)

    async def _unpark_if_empty(self, park_id: str) -> bool:
        """Unpark a subject behind which no letter waits; says whether it is unparked."""
        while True:
            park = await self.parks.get(park_id)
            if park is None or not park.state.parked:
                return True
            if await self.letters.count({"state": LetterState.PENDING, "park": park_id}):
                return False
            try:
                await self.parks.change(
                    park_id, lambda p: Change(replace(p, parked=False)) if p else None, etag=park.etag
                )
            except Aborted:
                continue
            return True

    async def _replay_all(self, letters: Sequence[tuple[str, Letter]], by: str) -> ReplayResult:
        assert self.rehandle is not None, "no consumer is attached to these dead letters"
        for done, (id, letter) in enumerate(letters):
            try:
                await self.rehandle(letter)
            except Exception as error:  # The handler's bug stops the replay and is told to who asked for it.
                # What we say ourselves holds no content; of anything else only the place is told.
                reason = str(error) if isinstance(error, NotAnEvent | Poison) else describe(error)
                await self.letters.change(
                    id,
                    lambda kept, reason=reason: (  # type: ignore[misc]
                        Change(replace(kept, attempts=kept.attempts + 1, reason=reason)) if kept else None
                    ),
                )
                return ReplayResult(done, len(letters) - done, id, reason)
            await self._close(id, LetterState.REPLAYED, by=by, because="")
        return ReplayResult(len(letters))

    async def _insert(self, id: str, letter: Letter) -> bool:
        """Keep a letter, or keep it again after a replay that did not last; false when it was discarded."""

        def keep(kept: Letter | None) -> Change[Letter] | None:
            return Change(letter) if kept is None or kept.state is LetterState.REPLAYED else None

        outcome = await self.letters.change(id, keep)
        return outcome.state.state is LetterState.PENDING

    async def _close(self, id: str, state: LetterState, *, by: str, because: str) -> None:
        now = SystemClock().now()

        def close(letter: Letter | None) -> Change[Letter] | None:
            if letter is None or letter.state is not LetterState.PENDING:
                return None
            return Change(replace(letter, state=state, closed_by=by, closed_because=because, closed_at=now))

        await self.letters.change(id, close)


class NotParked(NotFound):
    """The subject is not parked, or not any more."""


def _one_more_letter(park: Park | None) -> Change[Park]:
    if park is None or not park.parked:
        raise NotParked("NOT_PARKED", "The subject is not parked.")
    return Change(replace(park, letters=park.letters + 1))


def park_of(topic: str, subject: str) -> str:
    """The name of a stream's subject among the parked ones."""
    return f"{topic}|{subject}" if subject else ""


def headers_of_letter(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Headers as a letter keeps them; the last of a name wins, as it does when they are read.

    Names are those of a document's fields then. What a field cannot be called is replaced, since a letter that cannot
    be kept would hold its partition up for good.
    """
    return {_NOT_IN_A_FIELD.sub("_", name) or "_": value or b"" for name, value in headers}


def read_headers(headers: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Headers of a letter as a record had them."""
    return list(headers.items())
