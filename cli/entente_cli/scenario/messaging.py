"""Everybody says how they are reached; people write to each other; reminders arrive."""

from entente.messaging.v1 import service_pb2 as me
from entente_cli import texts
from entente_cli.output import word
from entente_cli.patience import observed
from entente_cli.scenario.seen import notifications_of
from entente_cli.scenario.stage import Stage
from entente_cli.session import creator


async def introduce(stage: Stage) -> None:
    """Everybody says how they are reached; only messaging knows."""
    for who, address in [
        (stage.brand_name, "ines@lysandre.example"),
        *((name, f"{name.removeprefix('creators/')}@creators.example") for name in stage.cast.everybody),
    ]:
        acting = stage.brand if who == stage.brand_name else creator(who)
        contact = me.Contact(
            name=f"{who}/contact", email=address, locale="fr", time_zone="Europe/Paris", email_enabled=True
        )
        request = me.UpdateContactRequest(contact=contact)
        await stage.call(acting, stage.session.messaging.UpdateContact, request, who)
    stage.tell("messaging", "UpdateContact", f"{1 + len(stage.cast.everybody)} contacts; no other service knows them")


async def talk(stage: Stage) -> None:
    """A creator asks something, and the brand answers some hours later."""
    name = stage.cast.accepting[0]
    conversation = f"conversations/{stage.campaign.removeprefix('campaigns/')}~{name.removeprefix('creators/')}"
    send = stage.session.messaging.SendMessage
    question = await stage.call(creator(name), send, me.SendMessageRequest(parent=conversation, text=texts.QUESTION), 1)
    await stage.day(2.5)
    await stage.call(
        stage.brand,
        stage.session.messaging.MarkRead,
        me.MarkReadRequest(name=conversation, message=question.name),
    )
    await stage.call(stage.brand, send, me.SendMessageRequest(parent=conversation, text=texts.ANSWER), 2)
    stage.tell("messaging", "MessageSent", f"{name} asks, and the brand answers ten hours later")
    told = await notifications_of(stage, stage.cast.chosen[0])
    if told:
        stage.tell("messaging", "NotificationDelivered", f"to {stage.cast.chosen[0]}: “{told[0].title}”")


async def reminded(stage: Stage, recipient: str, count: int, occasion: "me.Occasion.ValueType") -> int:
    """Wait until somebody was told of something so often."""

    async def told() -> int:
        return sum(n.occasion == occasion for n in await notifications_of(stage, recipient))

    what = f"{recipient} to hear {count} times: {word(me.Occasion, occasion)}"
    return await observed(what, told, lambda seen: seen >= count)
