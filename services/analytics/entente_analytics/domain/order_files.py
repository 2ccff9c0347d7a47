"""Orders with promo codes from a shop's CSV export: Shopify's, and WooCommerce's in its two usual forms.

Column names as of Shopify's "Export orders" (CSV for Excel or plain), of the table that WooCommerce's analytics of
orders downloads, and of the export plug-ins for it, which name columns after the fields of an order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from entente_analytics.domain.amounts import AmountRefused, written_amount
from entente_analytics.domain.files import Line, SetAside, header_of, lines_of
from entente_analytics.domain.times import SKEW
from entente_chassis.money import Money


class OrderExport(StrEnum):
    """From which shop software a file comes."""

    SHOPIFY = "SHOPIFY"
    WOOCOMMERCE = "WOOCOMMERCE"


@dataclass(frozen=True)
class ImportedOrder:
    """An order of a file.

    Args:
        amount: of the goods after discounts, as far as the export says it; else of the whole order.
        codes: the promo codes that were used.
        refunded: given back so far; never more than the amount.
    """

    row: int
    order_id: str
    amount: Money
    ordered_at: datetime
    codes: tuple[str, ...]
    refunded: Money
    new_customer: bool | None


_COLUMNS = {
    OrderExport.SHOPIFY: {
        "order": ["Name"],
        "status": ["Financial Status"],
        "time": ["Created at", "Paid at"],
        "currency": ["Currency"],
        "amount": ["Subtotal", "Total"],
        "codes": ["Discount Code"],
        "refunded": ["Refunded Amount"],
        "cancelled": ["Cancelled at"],
    },
    OrderExport.WOOCOMMERCE: {
        "order": ["Order #", "order_number", "order_id", "Order Number", "Order ID"],
        "status": ["Status", "status", "order_status", "Order Status"],
        "time": ["Date", "date", "order_date", "date_created", "Order Date", "paid_date"],
        "currency": ["order_currency", "currency", "Order Currency", "Currency"],
        "amount": ["Net Sales", "N. Revenue", "N. Revenue (formatted)", "cart_subtotal", "order_total", "Order Total"],
        "codes": ["Coupon(s)", "coupon_items", "coupons", "coupon_codes", "Coupon Code"],
        "refunded": ["refunded_amount", "total_refunded", "order_refund", "Refund Amount"],
        "customer": ["Customer type", "Customer Type"],
    },
}
_PAID = {"paid", "partially_refunded", "refunded", "completed", "processing", "wc-completed", "wc-processing"}
_PAID |= {"wc-refunded"}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,38}")
_TIMES = (
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)


def told_export(text: str) -> OrderExport | None:
    """Which software wrote a file, by its columns."""
    header = {name.strip().lower() for name in header_of(text)}
    if {"name", "financial status"} <= header:
        return OrderExport.SHOPIFY
    known = _COLUMNS[OrderExport.WOOCOMMERCE]
    needed = [{alias.lower() for alias in known[name]} for name in ("order", "status", "time", "amount")]
    return OrderExport.WOOCOMMERCE if all(names & header for names in needed) else None


def read_orders(
    text: str, export: OrderExport, default_currency: str, now: datetime
) -> tuple[list[ImportedOrder], list[SetAside]]:
    """The orders of a file, and the rows that are none, each with the reason.

    Args:
        text: the file.
        export: which software wrote it.
        default_currency: of rows that name none; "" sets them aside.
        now: an order from later is set aside.
    """
    orders: list[ImportedOrder] = []
    aside: list[SetAside] = []
    seen: dict[str, int] = {}
    for line in lines_of(text, _COLUMNS[export]):
        order_id = line.get("order")
        if export is OrderExport.SHOPIFY and order_id in seen and not line.get("status"):
            continue  # A further article of the same order: Shopify gives each a row, and the order's figures once.
        made = _read(line, default_currency, now)
        if isinstance(made, SetAside):
            aside.append(made)
        elif order_id in seen:
            message = f"The order stands in row {seen[order_id]} already: this row was left out."
            aside.append(line.aside("order", order_id, "ROW_REPEATED", message))
        else:
            orders.append(made)
        seen.setdefault(order_id, line.row)
    return orders, aside


def _read(line: Line, default_currency: str, now: datetime) -> ImportedOrder | SetAside:
    order_id = line.get("order")
    if not order_id or len(order_id) > 100:
        return line.aside("order", order_id[:40], "ORDER_ID_MISSING", "The row names no order.")
    status = line.get("status").lower()
    if status not in _PAID:
        return line.aside("status", order_id, "NOT_PAID", f"The order is {status or 'in no state'}, and no sale yet.")
    ordered_at = _time(line.get("time"))
    if ordered_at is None:
        return line.aside("time", order_id, "TIME_MALFORMED", f"{line.get('time')[:40]!r} is no date and time.")
    if ordered_at > now + SKEW:
        return line.aside("time", order_id, "TIME_IN_THE_FUTURE", "The order was placed in the future.")
    currency = line.get("currency").upper() or default_currency
    name = "amount"
    try:
        amount = written_amount(line.get("amount"), currency)
        name = "refunded"
        refunded = written_amount(line.get("refunded") or "0", currency)
    except AmountRefused as refusal:
        at = "currency" if refusal.reason.startswith("CURRENCY") else name
        return line.aside(at, order_id, refusal.reason, str(refusal))
    if amount.minor_units <= 0:
        return line.aside("amount", order_id, "AMOUNT_NOT_POSITIVE", "An order of nothing is no sale.")
    if status in ("refunded", "wc-refunded") and not refunded.minor_units:
        refunded = amount
    back = Money(currency, min(abs(refunded.minor_units), amount.minor_units))
    return ImportedOrder(line.row, order_id, amount, ordered_at, _codes(line.get("codes")), back, _customer(line))


def _time(text: str) -> datetime | None:
    for form in _TIMES:
        try:
            moment = datetime.strptime(text.strip(), form)  # noqa: DTZ007 (the zone is given below)
        except ValueError:
            continue
        # Exports without a zone are taken for UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _codes(text: str) -> tuple[str, ...]:
    # "ANNA10", "ANNA10, WELCOME", and the plug-ins' "code:anna10|amount:5.00;code:…".
    named = re.findall(r"code:([^|;]+)", text)
    parts: Sequence[str] = named or re.split(r"[,;|]", text)
    return tuple(part.strip() for part in parts if _CODE.fullmatch(part.strip()))


def _customer(line: Line) -> bool | None:
    return {"new": True, "returning": False}.get(line.get("customer").lower())
