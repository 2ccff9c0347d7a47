"""The contract of a collaboration: offers and counter-offers, of which both sides accept one.

Whoever offers a version is bound by it until another one replaces it, so that the other side's acceptance is the second
of both. A version names the text that was read, by its SHA-256; an accepted contract does not change any more.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from entente_campaign.domain import contract_texts
from entente_campaign.domain.clauses import Clauses
from entente_campaign.domain.collaborations import Collaboration, State, agreed_deliverables
from entente_campaign.domain.collaborations.contracts import SIGNABLE
from entente_campaign.domain.events import CollaborationRef, Terms
from entente_campaign.domain.words import Actor, Party
from entente_chassis.money import Money
from entente_chassis.refusal import Aborted, Denied, Exhausted, Invalid, Precondition, Violation

MOST_VERSIONS = 20


class ContractState(StrEnum):
    """Where a contract stands."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"


@dataclass(frozen=True)
class Version:
    """A version.

    Args:
        terms: what the collaboration's terms are under it.
        text: in its language, exactly as it is accepted.
        sha256: of the text in UTF-8.
    """

    version: int
    offered_by: Party
    offerer: str
    offer_time: datetime
    clauses: Clauses
    terms: Terms
    text: str
    sha256: str
    comment: str = ""


@dataclass(frozen=True)
class Contract:
    """The contract of a collaboration. ``acceptor`` and ``acceptor_party`` say who made it binding."""

    name: str
    collaboration: str
    brand: str
    creator: str
    ref: CollaborationRef
    create_time: datetime
    update_time: datetime
    state: ContractState
    versions: tuple[Version, ...]
    accept_time: datetime | None = None
    acceptor: str = ""
    acceptor_party: Party | None = None

    @property
    def last(self) -> Version:
        """The version that stands."""
        return self.versions[-1]


@dataclass(frozen=True)
class ContractOffered:
    """A version was offered."""

    ref: CollaborationRef
    version: int
    by: Party
    sha256: str
    comment: str


@dataclass(frozen=True)
class ContractAccepted:
    """Both sides accepted a version."""

    ref: CollaborationRef
    version: int
    by: Party
    sha256: str
    terms: Terms


Decision = tuple[Contract, tuple[ContractOffered | ContractAccepted, ...]]


def contract_name(collaboration: str) -> str:
    """The one contract of a collaboration."""
    return f"{collaboration}/contract"


def offer(
    contract: Contract | None,
    collaboration: Collaboration,
    clauses: Clauses,
    *,
    comment: str,
    actor: Actor,
    now: datetime,
) -> Decision:
    """Offer a first version, or replace the one that stands: a counter-offer, or a better word of one's own.

    Raises:
        Invalid: the clauses contradict themselves or what cannot be changed any more; all of it is named.
        Precondition: the contract is accepted, or the collaboration has none to agree on now.
        Denied: the first version is for the brand to offer.
        Exhausted: there are as many versions as there can be.
    """
    _require_negotiable(collaboration)
    _require_open(contract)
    side = _side(actor, contract, offers=True)
    if contract is None and side is not Party.BRAND:
        raise Denied("FIRST_OFFER_BY_BRAND", "The first version is for the brand to offer; answer it with another one.")
    if contract is not None and len(contract.versions) >= MOST_VERSIONS:
        raise Exhausted(
            "TOO_MANY_VERSIONS",
            f"{contract.name} has {MOST_VERSIONS} versions: accept the last one, or withdraw from the collaboration.",
        )
    if problems := [*_problems(clauses, collaboration, now)]:
        raise Invalid("CLAUSES_INVALID", "The clauses cannot be agreed on: mend the fields.", violations=problems)
    terms = terms_under(clauses, collaboration)
    number = len(contract.versions) + 1 if contract else 1
    text = contract_texts.render(clauses, terms, collaboration, number, clauses.language)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    version = Version(number, side, actor.subject, now, clauses, terms, text, sha256, comment)
    if contract is None:
        contract = Contract(
            name=contract_name(collaboration.name),
            collaboration=collaboration.name,
            brand=collaboration.brand,
            creator=collaboration.creator,
            ref=collaboration.ref,
            create_time=now,
            update_time=now,
            state=ContractState.OFFERED,
            versions=(),
        )
    offered = replace(contract, versions=(*contract.versions, version), update_time=now)
    return offered, (ContractOffered(offered.ref, number, side, sha256, comment),)


def accept(contract: Contract, *, version: int, sha256: str, actor: Actor, now: datetime) -> Decision:
    """The other side accepts the version that stands.

    Raises:
        Aborted: another version stands meanwhile, or its text is another one.
        Precondition: it is accepted already.
        Denied: it is the other side's to accept.
    """
    _require_open(contract)
    last = contract.last
    if version != last.version or sha256 != last.sha256:
        raise Aborted(
            "CONTRACT_CHANGED",
            f"Version {last.version} stands now, with SHA-256 {last.sha256}: read it (GetContractText) and repeat.",
            version=str(last.version),
        )
    side = _side(actor, contract, offers=False)
    if side is last.offered_by:
        raise Denied(
            "OTHER_SIDE", f"The {side.lower()} offered version {last.version}: it is for the other side to accept."
        )
    accepted = replace(
        contract,
        state=ContractState.ACCEPTED,
        accept_time=now,
        update_time=now,
        acceptor=actor.subject,
        acceptor_party=actor.party,
    )
    return accepted, (ContractAccepted(contract.ref, last.version, side, last.sha256, last.terms),)


def terms_under(clauses: Clauses, collaboration: Collaboration) -> Terms:
    """What the collaboration's terms are if these clauses are agreed on; what they do not say stays."""
    terms = collaboration.terms
    return replace(
        terms,
        fee=clauses.fee if clauses.fee is not None else terms.fee,
        travel_costs=clauses.travel_costs,
        payment_days=clauses.payment_days,
        deliverables=agreed_deliverables(clauses.deliverables) if clauses.deliverables else terms.deliverables,
    )


def text_of(version: Version, collaboration: Collaboration, language: str) -> tuple[str, bool]:
    """The text in a language, and whether it is the one that is accepted. That one is kept word for word."""
    if language in ("", version.clauses.language):
        return version.text, True
    return contract_texts.render(version.clauses, version.terms, collaboration, version.version, language), False


def _require_open(contract: Contract | None) -> None:
    if contract is not None and contract.state is ContractState.ACCEPTED:
        raise Precondition(
            "CONTRACT_ACCEPTED",
            f"Both sides accepted version {contract.last.version} of {contract.name}: it does not change any more.",
            state=contract.state,
        )


def _require_negotiable(collaboration: Collaboration) -> None:
    if collaboration.state not in SIGNABLE:
        raise Precondition(
            "NO_CONTRACT_NOW",
            f"{collaboration.name} is {collaboration.state}: a contract is agreed on from {', '.join(SIGNABLE)}.",
            state=collaboration.state,
        )


def _side(actor: Actor, contract: Contract | None, *, offers: bool) -> Party:
    """For which side it counts. An operator offers for the brand, and accepts for the side whose answer is awaited."""
    if actor.party in (Party.BRAND, Party.CREATOR):
        return actor.party
    if offers or contract is None:
        return Party.BRAND
    return Party.CREATOR if contract.last.offered_by is Party.BRAND else Party.BRAND


def _problems(clauses: Clauses, collaboration: Collaboration, now: datetime) -> Iterator[Violation]:
    currency = collaboration.currency_code
    for name, amount in (("fee", clauses.fee), ("travel_costs", clauses.travel_costs)):
        if amount is None:
            continue
        if amount.currency_code != currency:
            yield Violation(f"clauses.{name}.currency_code", f"must be {currency}, as the budget is", "CURRENCY")
        if amount.minor_units < 0:
            yield Violation(f"clauses.{name}", "must not be negative", "NEGATIVE")
    if clauses.start_time is None:
        yield Violation("clauses.start_time", "say from when it holds", "REQUIRED")
    if clauses.end_time is None:
        yield Violation("clauses.end_time", "say until when it holds", "REQUIRED")
    elif clauses.end_time <= now:
        yield Violation("clauses.end_time", "must be in the future", "PAST")
    elif clauses.start_time is not None and clauses.end_time <= clauses.start_time:
        yield Violation("clauses.end_time", "must be after start_time", "ORDER")
    if clauses.non_compete_days and not clauses.competitors:
        yield Violation("clauses.competitors", "name them, or leave out non_compete_days", "REQUIRED")
    if clauses.dispute_forum is None:
        yield Violation("clauses.dispute_forum", "say how a disagreement is settled", "REQUIRED")
    if not clauses.governing_law:
        yield Violation("clauses.governing_law", "say whose law holds", "REQUIRED")
    if collaboration.state is not State.CONTRACT_PENDING and not any(
        amount is not None and amount.currency_code != currency for amount in (clauses.fee, clauses.travel_costs)
    ):
        yield from _changed_while_under_way(clauses, collaboration)


def _changed_while_under_way(clauses: Clauses, collaboration: Collaboration) -> Iterator[Violation]:
    """Work has begun under what was agreed: a later contract writes it down, and does not change it."""
    terms, under = collaboration.terms, terms_under(clauses, collaboration)
    zero = Money.zero(collaboration.currency_code)
    for name in ("fee", "travel_costs"):
        if (getattr(under, name) or zero) != (getattr(terms, name) or zero):
            yield Violation(f"clauses.{name}", "cannot be changed once the collaboration is under way", "FIXED")
    if under.deliverables != terms.deliverables:
        yield Violation("clauses.deliverables", "cannot be changed once the collaboration is under way", "FIXED")
