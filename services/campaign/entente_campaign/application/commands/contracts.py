"""Offers of a contract, and what its acceptance brings about."""

from entente_campaign.application import acceptance
from entente_campaign.application.access import own_collaboration
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations, contracts
from entente_campaign.domain.clauses import Clauses
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.contracts import Contract, ContractState, contract_name
from entente_campaign.domain.words import Actor
from entente_chassis.auth import Caller
from entente_chassis.refusal import NotFound, Refusal
from entente_chassis.store import Change, Outcome, Request


async def offer_contract(
    stores: Stores,
    caller: Caller,
    collaboration: str,
    clauses: Clauses,
    *,
    comment: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Contract]:
    """Offer a contract, or make a counter-offer."""
    found, actor = await own_collaboration(stores, caller, collaboration)

    def decide(contract: Contract | None) -> Change[Contract]:
        now = stores.clock.now()
        return Change(*contracts.offer(contract, found.state, clauses, comment=comment, actor=actor, now=now))

    return await stores.contracts.change(contract_name(collaboration), decide, request=request, etag=etag)


async def accept_contract(
    stores: Stores,
    caller: Caller,
    collaboration: str,
    *,
    version: int,
    sha256: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Contract]:
    """Accept the version that stands. What it promises beyond what is held is held first, or it is refused."""
    found, actor = await own_collaboration(stores, caller, collaboration)
    contract = await require_contract(stores, collaboration)

    def decide(state: Contract | None) -> Change[Contract]:
        assert state is not None
        now = stores.clock.now()
        return Change(*contracts.accept(state, version=version, sha256=sha256, actor=actor, now=now))

    try:
        decide(contract.state)
    except Refusal:
        pass  # Said again below, unless it is a request that comes again.
    else:
        await acceptance.hold_more(stores, found.state, contract.state.last.terms, found.state.parcels_sent)
    accepted = await stores.contracts.change(contract.id, decide, request=request, etag=etag)
    await sign(stores, collaboration)
    return accepted


async def sign(stores: Stores, collaboration: str) -> None:
    """The collaboration goes on under the contract that both sides accepted. Again: nothing more."""
    contract = (await require_contract(stores, collaboration)).state
    if contract.state is not ContractState.ACCEPTED or contract.acceptor_party is None:
        return
    last, actor = contract.last, Actor(contract.acceptor, contract.acceptor_party)

    def decide(state: Collaboration | None) -> Change[Collaboration] | None:
        assert state is not None
        signed = collaborations.sign(
            state, version=last.version, sha256=last.sha256, terms=last.terms, actor=actor, now=stores.clock.now()
        )
        return Change(signed) if signed else None

    signed = await stores.collaborations.change(collaboration, decide)
    if signed.state.contract_version == last.version:
        await acceptance.fit(stores, signed.state)


async def require_contract(stores: Stores, collaboration: str) -> Outcome[Contract]:
    """The contract of a collaboration.

    Raises:
        NotFound: none was offered.
    """
    found = await stores.contracts.get(contract_name(collaboration))
    if found is None:
        raise NotFound(
            "CONTRACT_UNKNOWN",
            f"No contract was offered in {collaboration}: use OfferContract.",
            resource=contract_name(collaboration),
        )
    return found
