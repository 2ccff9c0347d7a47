"""What a run came to, without what may differ between two runs that did the same: times, etags, addresses, repeats."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from entente.campaign.v1 import service_pb2 as ca
from entente.matching.v1 import service_pb2 as ma
from entente_cli import summary
from entente_cli.figures import Broker
from entente_cli.patience import answered
from entente_cli.scenario import Stage, seen
from entente_cli.session import Session
from entente_stack import smtp
from entente_stack.paths import Paths
from entente_stack.services import Suite

# Told apart by a suffix, so that a new time in a proto needs nothing here.
_OF_THE_RUN = ("_time", "time", "etag", "short_url", "destination_url")
# Counted where a repetition is allowed to show.
_NOT_COMPARED = ("events_published", "events_applied", "traces", "emails")

# Whether an objective is seen on its way or only when it is met depends on how quickly clicks come in.
_DEPENDS_ON_PACE = ("objective status",)


async def final_state(stage: Stage, session: Session, suite: Suite, paths: Paths, broker: Broker) -> dict[str, Any]:
    """Everything that the services hold of a run."""
    campaign = await answered(lambda: session.campaign.GetCampaign(ca.GetCampaignRequest(name=stage.campaign)))
    collaborations = await seen.collaborations(stage)
    creators = [
        await answered(lambda n=name: session.matching.GetCreator(ma.GetCreatorRequest(name=n)))  # type: ignore[misc]
        for name in sorted(stage.cast.everybody)
    ]
    figures = await summary.collect(stage, session, suite, paths, broker)
    notifications = await seen.notifications(stage)
    return {
        "figures": {name: value for name, value in figures.items() if name not in _NOT_COMPARED},
        "campaign": comparable(campaign),
        "collaborations": [comparable(collaboration) for collaboration in collaborations],
        "creators": [comparable(creator) for creator in creators],
        "submissions": [comparable(submission) for submission in await seen.submissions(stage)],
        "conversions": [comparable(conversion) for conversion in await seen.conversions(stage)],
        "report": comparable(await seen.report(stage)),
        "notifications": sorted(told for told in notifications if told[1] not in _DEPENDS_ON_PACE),
        # Mail is sent at least once: a crash may repeat one, and none may be missing.
        "mailed": {mail["to"][0] for mail in smtp.read(paths.mail)},
    }


def comparable(message: Message) -> Any:
    """A message as plain values, without what belongs to the run."""
    return _without(MessageToDict(message, preserving_proto_field_name=True))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if not key.endswith(_OF_THE_RUN)}
    return [_without(item) for item in value] if isinstance(value, list) else value
