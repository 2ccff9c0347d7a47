"""Resource names, and what can be read off them."""

import hashlib
import re

from entente_analytics.domain.promo_codes import shape_of

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def collaboration_parts(collaboration: str) -> tuple[str, str]:
    """The campaign and the creator of ``campaigns/{campaign}/collaborations/{creator}``."""
    campaign, _, creator = collaboration.partition("/collaborations/")
    return campaign, f"creators/{creator}"


def link_name(code: str) -> str:
    """The resource name of a tracked link."""
    return f"trackedLinks/{code}"


def promo_code_name(brand: str, code: str) -> str:
    """The resource name of a promo code: one name for all its spellings, so that it is unique within the brand."""
    return f"{brand}/promoCodes/{code.lower()}"


def promo_shape_name(brand: str, code: str) -> str:
    """The name under which the look of a promo code is reserved, so that no two codes of a brand look alike."""
    return f"{brand}/promoCodeShapes/{shape_of(code)}"


def order_name(brand: str, order_id: str) -> str:
    """The resource name of an order, whatever characters the shop uses in its ids."""
    return f"orders/{brand.removeprefix('brands/')}~{_as_id(order_id)}"


def post_name(collaboration: str, post_url: str) -> str:
    """The resource name of a post, from its address."""
    return f"{collaboration}/posts/{_digest(post_url)}"


def objective_name(campaign: str) -> str:
    """The resource name of a campaign's objective."""
    return f"{campaign}/objective"


def bucket_name(collaboration: str, platform: str, deliverable: str, day: str) -> str:
    """The name of the roll-up of a collaboration's platform and deliverable on one day; "-" for what is not known."""
    return f"{collaboration}/buckets/{platform.lower() or '-'}~{deliverable or '-'}~{day}"


def _as_id(text: str) -> str:
    # Shops write "#1001" and tell "A1" from "a1"; an id cannot, so such an order is named by its digest.
    return text if _ID.fullmatch(text) and not text.startswith("h-") else f"h-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
