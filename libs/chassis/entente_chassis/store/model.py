"""What an aggregate, a change of it and an event's identity are, whatever database holds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from entente_chassis.refusal import Aborted, Exhausted, Invalid, NotFound

S = TypeVar("S")

REQUESTS_KEPT = 64
WRITES_KEPT = 16
ATTEMPTS = 8
EVENT_BYTES = 900_000


@dataclass(frozen=True)
class Change(Generic[S]):
    """What a decision came to: the new state, and the domain events that tell of it."""

    state: S
    events: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """The identity of the event that causes a change.

    Args:
        stream: the topic, since a snapshot shares its aggregate's numbers.
        subject: the aggregate that the event tells of.
        epoch: raised by a restore from backup.
        n: dense number within the aggregate and epoch.
    """

    stream: str
    subject: str
    epoch: int
    n: int

    @property
    def mark(self) -> str:
        """The field under which a document remembers the last event it applied from this source."""
        return f"{self.stream.replace('.', '/')}|{self.subject.replace('.', '%2E').replace('$', '%24')}"

    @property
    def order(self) -> tuple[int, int]:
        """The position within the source."""
        return (self.epoch, self.n)


@dataclass(frozen=True, slots=True)
class Request:
    """A caller's request id, and the fingerprint of the body it came with."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Kind(Generic[S]):
    """How one kind of aggregate is kept and told of.

    Args:
        collection: the collection of its documents.
        state_type: the dataclass of its state.
        topic: the topic of its events.
        to_message: makes the public event of a domain event.
        snapshot_topic: the compacted topic of its full state, where others copy it.
        snapshot: makes the full-state message of (id, state).
        due_at: the next moment at which this state must be looked at.
        indexes: lists of fields of the state, "-" before a field for descending.
        schema: version of the state's shape.
    """

    collection: str
    state_type: type[S]
    topic: str | None = None
    to_message: Callable[[Any], Message] | None = None
    snapshot_topic: str | None = None
    snapshot: Callable[[str, S], Message] | None = None
    due_at: Callable[[S], datetime | None] | None = None
    indexes: Sequence[Sequence[str]] = ()
    schema: int = 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that waits in its aggregate's document to be published."""

    topic: str
    subject: str
    epoch: int
    n: int
    type: str
    data: bytes
    time: datetime
    traceparent: str = ""

    @classmethod
    def of(
        cls,
        message: Message,
        *,
        topic: str,
        subject: str,
        epoch: int,
        n: int,
        time: datetime,
        traceparent: str = "",
    ) -> "Outgoing":
        """The event that a message is."""
        data = message.SerializeToString(deterministic=True)
        return cls(topic, subject, epoch, n, message.DESCRIPTOR.full_name, data, time, traceparent)

    @property
    def id(self) -> str:
        """The identity, as one word."""
        return f"{self.subject}:{self.epoch}:{self.n}"

    @property
    def order(self) -> tuple[int, int]:
        """The position within the aggregate."""
        return (self.epoch, self.n)


@dataclass(frozen=True)
class Outcome(Generic[S]):
    """An aggregate as it stands after a call. ``applied`` is false when there was nothing to do or it was a repeat."""

    id: str
    state: S
    version: int
    applied: bool = False

    @property
    def etag(self) -> str:
        """Changes whenever the document does."""
        return f"v{self.version}"


@dataclass(frozen=True)
class Document(Generic[S]):
    """An aggregate's document, read: the state and what the guarantees keep beside it."""

    id: str
    state: S
    version: int
    raw_state: Mapping[str, Any]
    epoch: int = 0
    n: int = 0
    outbox: tuple[Outgoing, ...] = ()
    inbox: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    requests: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()

    def outcome(self, *, applied: bool) -> Outcome[S]:
        return Outcome(self.id, self.state, self.version, applied)


Decide = Callable[[S | None], Change[S] | None]
Where = Mapping[str, Any]


def check_etag(etag: str | None, document: Document[Any] | None) -> None:
    """Refuse a change by someone who has seen another state."""
    if etag and (document is None or etag != f"v{document.version}"):
        raise Aborted("ETAG_MISMATCH", "The resource was changed by someone else: get it again and repeat the change.")


def is_repeat(document: Document[Any] | None, request: Request | None, cause: Cause | None) -> bool:
    """Whether the document already holds what this request or event asks for.

    Raises:
        Invalid: the request id was used with another body.
    """
    if document is None:
        return False
    if cause is not None and document.inbox.get(cause.mark, (-1, -1)) >= cause.order:
        return True
    if request is not None:
        for key, fingerprint in document.requests:
            if key == request.key:
                if fingerprint != request.fingerprint:
                    raise Invalid(
                        "REQUEST_ID_REUSED",
                        "This request_id was used for a request with other fields: take a new one.",
                    )
                return True
    return False


def outgoing_events(
    kind: Kind[S], id: str, change: Change[S], *, epoch: int, n: int, time: datetime, traceparent: str
) -> tuple[Outgoing, ...]:
    """The events of a change as they will be published, numbered on from ``n``.

    Raises:
        Exhausted: an event is larger than the bus carries.
    """
    messages: list[tuple[str, Message]] = []
    for event in change.events:
        if kind.topic is None or kind.to_message is None:
            raise TypeError(f"{kind.collection} has no topic for {type(event).__name__}")
        messages.append((kind.topic, kind.to_message(event)))
    if kind.snapshot_topic and kind.snapshot:
        messages.append((kind.snapshot_topic, kind.snapshot(id, change.state)))
    result = []
    for number, (topic, message) in enumerate(messages, start=n + 1):
        event = Outgoing.of(message, topic=topic, subject=id, epoch=epoch, n=number, time=time, traceparent=traceparent)
        if len(event.data) > EVENT_BYTES:
            raise Exhausted(
                "EVENT_TOO_LARGE", f"{id}: an event of {len(event.data)} bytes; the limit is {EVENT_BYTES}."
            )
        result.append(event)
    return tuple(result)


def require_found(id: str, outcome: Outcome[S] | None, what: str) -> Outcome[S]:
    """The outcome, or a NotFound that names it."""
    if outcome is None:
        raise NotFound("NOT_FOUND", f"{what} {id} does not exist.", resource=id)
    return outcome
