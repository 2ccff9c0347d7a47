"""What a brand owes is exported once: bank accounts, exports, and what brings one that was broken off to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from entente_campaign.application.access import not_found
from entente_campaign.application.stores import Stores
from entente_campaign.domain import bank_accounts, collaborations, exports
from entente_campaign.domain.bank_accounts import Account, BankAccount
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.exports import Export, ExportState, Line
from entente_chassis.auth import Caller
from entente_chassis.refusal import Invalid, NotFound, Violation
from entente_chassis.store import Change, Outcome, Request

T = TypeVar("T")

_AT_ONCE = 20
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

# -- bank accounts ----------------------------------------------------------------------------------------------------


async def set_bank_account(stores: Stores, caller: Caller, owner: str, account: Account) -> Outcome[BankAccount]:
    """Keep the account of a creator or a brand."""
    _require_owner(caller, owner)
    if owner.startswith("brands/"):
        await stores.brands.require(owner, what="brand")

    def decide(existing: BankAccount | None) -> Change[BankAccount] | None:
        changed = bank_accounts.put(existing, owner, account, stores.clock.now())
        return Change(changed) if changed else None

    # Without a request's fingerprint: nothing of an account stays when it is erased, and the same twice is once anyway.
    return await stores.bank_accounts.change(bank_accounts.account_name(owner), decide)


async def get_bank_account(stores: Stores, caller: Caller, owner: str) -> Outcome[BankAccount]:
    """The account of a creator or a brand."""
    _require_owner(caller, owner)
    found = await stores.bank_accounts.get(bank_accounts.account_name(owner))
    if found is None:
        raise _no_account(owner)
    return found


async def delete_bank_account(stores: Stores, caller: Caller, owner: str) -> Outcome[BankAccount]:
    """Erase the account of a creator or a brand, with all its revisions."""
    _require_owner(caller, owner)
    erased = await erase(stores, owner)
    if erased is None:
        raise _no_account(owner)
    return erased


async def erase(stores: Stores, owner: str) -> Outcome[BankAccount] | None:
    """Erase the account of a person who asked to be forgotten; None when none is kept. Again: nothing more."""
    name = bank_accounts.account_name(owner)
    if await stores.bank_accounts.get(name) is None:
        return None

    def decide(existing: BankAccount | None) -> Change[BankAccount] | None:
        assert existing is not None
        erased = bank_accounts.erase(existing, stores.clock.now())
        return Change(erased) if erased else None

    return await stores.bank_accounts.change(name, decide)


def _require_owner(caller: Caller, owner: str) -> None:
    is_brand = owner.startswith("brands/")
    if not (caller.acts_for_brand(owner) if is_brand else caller.acts_for_creator(owner)):
        raise not_found("brand" if is_brand else "creator", owner)


def _no_account(owner: str) -> NotFound:
    return NotFound("BANK_ACCOUNT_UNKNOWN", f"No bank account of {owner} is kept: use SetBankAccount.", resource=owner)


# -- exports ----------------------------------------------------------------------------------------------------------


async def create_export(
    stores: Stores,
    caller: Caller,
    *,
    id: str,
    brand: str,
    campaign: str,
    currency_code: str,
    due_before: datetime | None,
    execution_time: datetime | None,
    request: Request | None,
) -> Outcome[Export]:
    """Claim what a brand owes for an export, the earliest due first; at most 500 lines.

    Raises:
        Invalid: it is to be paid in the past.
        Precondition: there is nothing to pay.
    """
    _require_brand(caller, brand)
    owner = (await stores.brands.require(brand, what="brand")).state
    now = stores.clock.now()
    if execution_time is not None and execution_time.date() < now.date():
        raise Invalid(
            "DATE_PAST",
            "execution_time must not be in the past.",
            violations=[Violation("execution_time", "must not be in the past", "PAST")],
        )
    name = exports.export_name(brand, id)
    found = await stores.exports.get(name)
    candidates = [] if found else await _candidates(stores, brand, campaign, currency_code, due_before)
    paying = await stores.bank_accounts.get(bank_accounts.account_name(brand))

    def decide(existing: Export | None) -> Change[Export] | None:
        if existing is not None:
            return None
        return Change(
            exports.begin(
                name,
                brand=brand,
                brand_display_name=owner.display_name,
                currency_code=currency_code,
                candidates=candidates,
                bank_account_revision=paying.state.revision if paying else 0,
                execution_time=execution_time or now,
                now=now,
            )
        )

    begun = await stores.exports.change(name, decide, request=request)
    if begun.state.state is not ExportState.PREPARING:
        return begun
    return await _prepare(stores, begun.state)


async def get_export(stores: Stores, caller: Caller, name: str) -> Outcome[Export]:
    """An export of a brand that the caller acts for."""
    found = await stores.exports.get(name)
    if found is None or not caller.acts_for_brand(found.state.brand):
        raise not_found("export", name)
    return found


async def list_exports(
    stores: Stores, caller: Caller, *, brand: str, page_size: int, page_token: str, scope: str
) -> tuple[list[Outcome[Export]], str]:
    """The exports of a brand."""
    _require_brand(caller, brand)
    return await stores.exports.page({"brand": brand}, page_size=page_size, page_token=page_token, scope=scope)


async def void_export(
    stores: Stores, caller: Caller, name: str, *, request: Request | None, etag: str | None
) -> Outcome[Export]:
    """Give an export up; its payables can be exported anew."""
    return await _end(stores, caller, name, exports.begin_void, request, etag)


async def mark_paid(
    stores: Stores, caller: Caller, name: str, *, request: Request | None, etag: str | None
) -> Outcome[Export]:
    """An export was paid."""
    return await _end(stores, caller, name, exports.begin_pay, request, etag)


async def accounts_of(stores: Stores, export: Export) -> tuple[Account | None, dict[str, Account]]:
    """The accounts that an export pays from and to, as they were; those that are not known are missing."""
    found = {
        owner: kept.state
        for owner in {export.brand, *(line.creator for line in export.lines)}
        if (kept := await stores.bank_accounts.get(bank_accounts.account_name(owner)))
    }
    payer = found[export.brand].at(export.bank_account_revision) if export.brand in found else None
    payees = {
        line.creator: account
        for line in export.lines
        if line.creator in found and (account := found[line.creator].at(line.bank_account_revision))
    }
    return payer, payees


async def resume(stores: Stores, name: str) -> None:
    """A clock found an export that was broken off."""
    export = (await stores.exports.require(name, what="export")).state
    if export.state is ExportState.PREPARING:
        await _prepare(stores, export)
    elif export.state in exports.UNDER_WAY:
        await _finish(stores, export)


async def _candidates(
    stores: Stores, brand: str, campaign: str, currency_code: str, due_before: datetime | None
) -> list[str]:
    where = {
        "brand": brand,
        "payable.export": {"$in": ["", None]},
        "payable.amount.currency_code": currency_code,
        "payable.amount.minor_units": {"$gt": 0},
        "payable.due_time": {"$gte": _EVER} | ({"$lt": due_before} if due_before else {}),
    } | ({"campaign": campaign} if campaign else {})
    found = await stores.collaborations.find(where, order_by="payable.due_time", limit=exports.MOST_LINES * 2)
    able = [each.id for each in found if collaborations.is_exportable(each.state)]
    return able[: exports.MOST_LINES]


async def _prepare(stores: Stores, export: Export) -> Outcome[Export]:
    """Claim each candidate; those that another export got meanwhile, or that are disputed now, are left out."""

    async def claim(name: str) -> Line | None:
        def decide(state: Collaboration | None) -> Change[Collaboration] | None:
            claimed = collaborations.claim(state, export.name, stores.clock.now()) if state else None
            return Change(claimed) if claimed else None

        state = (await stores.collaborations.change(name, decide)).state
        if state.payable is None or state.payable.export != export.name:
            return None
        account = await stores.bank_accounts.get(bank_accounts.account_name(state.creator))
        return exports.line_of(export, state, account.state.revision if account else 0)

    lines = [line for line in await _all(claim(name) for name in export.candidates) if line is not None]

    def ready(state: Export | None) -> Change[Export] | None:
        fixed = exports.ready(state, lines, stores.clock.now()) if state else None
        return Change(fixed) if fixed else None

    return await stores.exports.change(export.name, ready)


async def _end(
    stores: Stores,
    caller: Caller,
    name: str,
    begin: Callable[[Export, datetime], Export],
    request: Request | None,
    etag: str | None,
) -> Outcome[Export]:
    await get_export(stores, caller, name)

    def decide(state: Export | None) -> Change[Export]:
        assert state is not None
        return Change(begin(state, stores.clock.now()))

    begun = await stores.exports.change(name, decide, request=request, etag=etag)
    return await _finish(stores, begun.state) if begun.state.state in exports.UNDER_WAY else begun


async def _finish(stores: Stores, export: Export) -> Outcome[Export]:
    """Tell each payable, then fix the state; again, it changes nothing."""

    async def tell(name: str) -> None:
        def decide(state: Collaboration | None) -> Change[Collaboration] | None:
            if state is None:
                return None
            if export.state is ExportState.PAYING:
                decision = collaborations.pay(state, export.name, export.pay_time or stores.clock.now())
                return Change(*decision) if decision else None
            freed = collaborations.unclaim(state, export.name, stores.clock.now())
            return Change(freed) if freed else None

        await stores.collaborations.change(name, decide)

    await _all(tell(line.collaboration) for line in export.lines)

    def done(state: Export | None) -> Change[Export] | None:
        finished = exports.finish(state, stores.clock.now()) if state else None
        return Change(finished) if finished else None

    return await stores.exports.change(export.name, done)


async def _all(steps: Iterable[Awaitable[T]]) -> list[T]:
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(step: Awaitable[T]) -> T:
        async with at_once:
            return await step

    return list(await asyncio.gather(*(one(step) for step in steps)))


def _require_brand(caller: Caller, brand: str) -> None:
    if not caller.acts_for_brand(brand):
        raise not_found("brand", brand)
