"""Streams of a campaign, through gRPC on documents in memory."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente_campaign.adapters.kinds import COLLABORATION_SNAPSHOTS
from entente_chassis.envelope import headers_of
from entente_chassis.store.model import Outgoing
from services.campaign.tests.unit.suite import NOW, Suite, refused


def changed(suite: Suite, name: str) -> None:
    """The bus tells of a collaboration's new state."""
    snapshot = events_pb2.CollaborationSnapshot(ref=events_pb2.CollaborationRef(collaboration=name))
    event = Outgoing.of(snapshot, topic=COLLABORATION_SNAPSHOTS, subject=name, epoch=0, n=1, time=NOW)
    headers = [(key, value.encode()) for key, value in headers_of(event, "campaign", "").items()]
    suite.feed.offer(COLLABORATION_SNAPSHOTS, headers, event.data)


async def read(stream: Any, count: int) -> list[pb.WatchCampaignResponse]:
    async with asyncio.timeout(5):
        return [await stream.read() for _ in range(count)]


def names(shown: list[pb.WatchCampaignResponse]) -> list[str]:
    return [getattr(each, str(each.WhichOneof("changed"))).name for each in shown if not each.caught_up]


async def test_a_stream_shows_what_is_then_what_changes_and_takes_up_where_it_was(suite: Suite) -> None:
    campaign = await suite.open()
    ana, bea = await suite.apply(campaign, "ana", "bea")
    stream = suite.brand().WatchCampaign(pb.WatchCampaignRequest(name=campaign.name))
    shown = await read(stream, 4)
    assert names(shown) == [campaign.name, ana, bea]
    assert shown[-1].caught_up
    suite.clock.advance(timedelta(hours=1))
    await suite.brand().PreselectApplication(pb.PreselectApplicationRequest(name=bea))
    for _ in range(2):  # A repeated event shows nothing twice.
        changed(suite, bea)
    (moved,) = await read(stream, 1)
    assert (moved.collaboration.name, moved.collaboration.history[-1].action) == (bea, "PRESELECTED")
    stream.cancel()
    suite.clock.advance(timedelta(hours=1))
    await suite.brand().PreselectApplication(pb.PreselectApplicationRequest(name=ana))
    again = suite.brand().WatchCampaign(pb.WatchCampaignRequest(name=campaign.name, resume_token=moved.resume_token))
    assert names(await read(again, 2)) == [bea, ana]  # bea again: a little is repeated, nothing is left out.
    suite.feed.missed()  # The broker was away: the state is read anew.
    await suite.creator().WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=ana))
    suite.feed.missed()
    caught_up, *_ = await read(again, 1)
    assert caught_up.caught_up


async def test_a_creator_sees_the_own_collaboration_only_and_a_stranger_nothing(suite: Suite) -> None:
    campaign = await suite.open()
    _, bea = await suite.apply(campaign, "ana", "bea")
    request = pb.WatchCampaignRequest(name=campaign.name)
    assert names(await read(suite.creator("bea").WatchCampaign(request), 3)) == [campaign.name, bea]
    code, _ = await refused(suite.brand("brands/other").WatchCampaign(request).read())
    assert code is grpc.StatusCode.NOT_FOUND
    request.resume_token = "x"
    code, _ = await refused(suite.brand().WatchCampaign(request).read())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
