"""When and where people want to be told."""

from collections.abc import Sequence
from dataclasses import replace

from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked
from entente_messaging.application.stores import Stores
from entente_messaging.application.ways_out import Wish
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.names import contact_name, preferences_name
from entente_messaging.domain.occasions import Channel, Mode
from entente_messaging.domain.preferences import Preferences, Rule, checked

_FIELDS = {"rules", "quiet_start", "quiet_end", "reminders_per_day", "digest_hour"}


async def set_preferences(
    stores: Stores, name: str, wanted: Preferences, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Preferences]:
    """Set somebody's preferences.

    Raises:
        Invalid: the mask or the preferences have unusable fields.
    """
    fields = masked(mask, _FIELDS)

    def decide(preferences: Preferences | None) -> Change[Preferences]:
        given = {field: getattr(wanted, field) for field in fields}
        after = replace(preferences or Preferences(), **given, updated_at=stores.clock.now())
        return Change(checked(after))

    return await stores.preferences.change(name, decide, request=request, etag=etag or None)


async def stop_mails(stores: Stores, wish: Wish) -> None:
    """What one click in an e-mail asks for: no more e-mails of its kind, or none at all."""
    if wish.category is None:

        def off(contact: Contact | None) -> Change[Contact] | None:
            if contact is None or not contact.email_enabled:
                return None
            return Change(replace(contact, email_enabled=False, updated_at=stores.clock.now()))

        if await stores.contacts.get(contact_name(wish.party)):
            await stores.contacts.change(contact_name(wish.party), off)
        return
    rule = Rule(Channel.EMAIL, Mode.OFF, wish.category)

    def decide(preferences: Preferences | None) -> Change[Preferences] | None:
        before = preferences or Preferences()
        if rule in before.rules:
            return Change(before)
        others = tuple(r for r in before.rules if (r.channel, r.category) != (rule.channel, rule.category))
        return Change(replace(before, rules=(*others, rule), updated_at=stores.clock.now()))

    await stores.preferences.change(preferences_name(wish.party), decide)
