"""How a brand or creator is reached."""

from collections.abc import Sequence
from dataclasses import replace

from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked
from entente_messaging.application.stores import Stores
from entente_messaging.domain.contacts import Contact, checked

_FIELDS = {"email", "locale", "time_zone", "email_enabled"}


async def set_contact(
    stores: Stores, name: str, wanted: Contact, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Contact]:
    """Set how a brand or creator is reached.

    Raises:
        Invalid: the mask or the contact has unusable fields.
    """
    fields = masked(mask, _FIELDS)

    def decide(contact: Contact | None) -> Change[Contact]:
        before = contact or Contact(email="", locale="")
        after = replace(before, **{field: getattr(wanted, field) for field in fields}, updated_at=stores.clock.now())
        return Change(checked(after))

    return await stores.contacts.change(name, decide, request=request, etag=etag or None)
