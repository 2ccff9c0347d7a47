"""Sales that shops report over HTTP, and in files."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from entente_analytics.application.commands.sales import Visit, record_conversion, record_refund
from entente_analytics.application.stores import Stores
from entente_analytics.domain.amounts import AmountRefused, strict_amount
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.domain.files import SetAside
from entente_analytics.domain.names import order_name, promo_code_name
from entente_analytics.domain.order_files import ImportedOrder, OrderExport, read_orders, told_export
from entente_analytics.domain.orders import Order
from entente_analytics.domain.shops import Shop, rotated
from entente_chassis.clock import to_millisecond
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Refusal, Violation
from entente_chassis.store.model import Change, Outcome, Request

SET_ASIDE_TOLD = 1_000


async def rotate_postback_secret(
    stores: Stores, brand: str, secret: bytes, *, request: Request | None, now: datetime
) -> Shop:
    """Give a brand's shop a new secret."""
    text = f"whsec_{base64.b64encode(secret).decode()}"
    outcome = await stores.shops.change(
        f"{brand}/shop", lambda shop: Change(rotated(shop, brand, text, now)), request=request
    )
    return outcome.state


async def take_report(
    stores: Stores, click_ids: ClickIds, brand: str, fields: Mapping[str, Any], now: datetime
) -> Outcome[Order]:
    """Record a sale or a refund as a shop reports it over HTTP. Who calls has checked the signature.

    Args:
        stores: where to record it.
        click_ids: reads click ids.
        brand: whose shop it is.
        fields: ``order_id``, ``amount`` ("12.50"), ``currency``; for a sale also ``order_time``, ``click_id`` or
            ``link_code``, ``promo_code`` and ``new_customer``; for a refund ``refund_id`` and ``refund_time``. Times
            are RFC 3339, and now when absent.
        now: the domain's time.

    Raises:
        Invalid: with every field that is missing or wrong.
    """
    wrong: list[Violation] = []
    order_id = _text(fields, "order_id", wrong, required=True, longest=100)
    refund_id = _text(fields, "refund_id", wrong, longest=100)
    at = _moment(fields, "refund_time" if refund_id else "order_time", now, wrong)
    amount = None
    try:
        amount = strict_amount(str(fields.get("amount", "")), str(fields.get("currency", "")))
    except AmountRefused as refusal:
        at_fault = "currency" if refusal.reason.startswith("CURRENCY") else "amount"
        wrong.append(Violation(at_fault, str(refusal), refusal.reason))
    if amount is not None and amount.minor_units <= 0:
        wrong.append(Violation("amount", "must be more than zero"))
    click_id = _text(fields, "click_id", wrong, longest=120)
    link_code = _text(fields, "link_code", wrong, longest=20)
    promo_code = _text(fields, "promo_code", wrong, longest=40)
    if wrong or amount is None:
        raise Invalid("REPORT_INVALID", "The report was not taken: mend these fields.", violations=wrong)
    if refund_id:
        return await record_refund(
            stores, brand=brand, order_id=order_id, refund_id=refund_id, amount=amount, at=at, request=None, now=now
        )
    visits = [Visit(click_id, "" if click_id else link_code)] if click_id or link_code else []
    return await record_conversion(
        stores,
        click_ids,
        brand=brand,
        order_id=order_id,
        amount=amount,
        ordered_at=at,
        visits=visits,
        promo_code=promo_code,
        new_customer=_flag(fields.get("new_customer")),
        request=None,
        now=now,
    )


@dataclass
class Imported:
    """What became of a file of orders."""

    recorded: int = 0
    repeated: int = 0
    refunds: int = 0
    attributed: int = 0
    aside: list[SetAside] = field(default_factory=list)


async def import_orders(
    stores: Stores,
    click_ids: ClickIds,
    *,
    brand: str,
    text: str,
    export: OrderExport | None,
    currency: str,
    validate_only: bool,
    now: datetime,
) -> Imported:
    """Record the orders of a shop's export. The same file again changes nothing.

    Raises:
        Invalid: its columns are of no export that is known.
    """
    kind = export or told_export(text)
    if kind is None:
        raise Invalid(
            "EXPORT_UNKNOWN",
            "The columns are those of no export that is known: export the orders from Shopify or WooCommerce, and give "
            "the file as it is.",
            violations=[Violation("export", "not told by the columns")],
        )
    orders, aside = read_orders(text, kind, currency, now)
    done = Imported(aside=list(aside))
    for each in orders:
        try:
            await _import(stores, click_ids, brand, each, done, validate_only=validate_only, now=now)
        except Refusal as refusal:
            done.aside.append(SetAside(each.row, "", each.order_id, refusal.reason, refusal.message))
    done.aside.sort(key=lambda one: one.row)
    return done


async def _import(
    stores: Stores,
    click_ids: ClickIds,
    brand: str,
    each: ImportedOrder,
    done: Imported,
    *,
    validate_only: bool,
    now: datetime,
) -> None:
    known = await stores.orders.get(order_name(brand, each.order_id))
    is_new = known is None or not known.state.recorded
    code = await _used_code(stores, brand, each.codes)
    state = known.state if known else None
    if not validate_only:
        outcome = await record_conversion(
            stores,
            click_ids,
            brand=brand,
            order_id=each.order_id,
            amount=each.amount,
            ordered_at=to_millisecond(each.ordered_at),
            visits=(),
            promo_code=code,
            new_customer=each.new_customer,
            request=None,
            now=now,
        )
        state = outcome.state
    done.recorded += is_new
    done.repeated += not is_new
    done.attributed += state is not None and state.attribution is not None
    # An export tells what was given back in all; what is not known yet of it is one refund.
    before = state.refunded.minor_units if state and state.recorded else 0
    more = each.refunded.minor_units - before
    if more > 0:
        done.refunds += 1
    if more > 0 and not validate_only:
        await record_refund(
            stores,
            brand=brand,
            order_id=each.order_id,
            refund_id=f"import-{each.refunded.minor_units}",
            amount=Money(each.amount.currency_code, more),
            at=min(now, to_millisecond(each.ordered_at) + timedelta(seconds=1)),
            request=None,
            now=now,
        )


async def _used_code(stores: Stores, brand: str, codes: Sequence[str]) -> str:
    for code in codes:
        if await stores.promo_codes.get(promo_code_name(brand, code)):
            return code
    return codes[0] if codes else ""


def _text(fields: Mapping[str, Any], name: str, wrong: list[Violation], *, longest: int, required: bool = False) -> str:
    value = str(fields.get(name) or "")
    if required and not value:
        wrong.append(Violation(name, "is required", "REQUIRED"))
    if len(value) > longest:
        wrong.append(Violation(name, f"longer than {longest} characters"))
    return value


def _moment(fields: Mapping[str, Any], name: str, now: datetime, wrong: list[Violation]) -> datetime:
    value = fields.get(name)
    if not value:
        return now
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError
        return to_millisecond(moment)
    except (ValueError, OverflowError):
        wrong.append(Violation(name, "no RFC 3339 time with a zone, such as 2026-03-01T09:00:00Z"))
        return now


def _flag(value: object) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
