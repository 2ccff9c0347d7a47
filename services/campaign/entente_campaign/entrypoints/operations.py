"""Long work: bulks that outlive the call and the process."""

from entente.campaign.v1 import service_pb2 as pb
from entente_campaign.adapters.messages import bulk, row_message
from entente_campaign.application import queries
from entente_campaign.application.commands import bulk as bulk_commands
from entente_campaign.application.stores import Stores
from entente_chassis.auth import Caller, Role
from entente_chassis.operations import Operations, Running, Step

ANSWER_APPLICATIONS = "AnswerApplications"
_ROWS_IN_A_STEP = 20


def register(operations: Operations, stores: Stores) -> None:
    """Say what does which work."""

    async def answer(running: Running) -> Step:
        return await (_answer_rows(stores, running) if running.cursor else _write_rows(stores, running))

    operations.handle(ANSWER_APPLICATIONS, pb.AnswerApplicationsRequest, pb.AnswerApplicationsResponse, answer)


async def _write_rows(stores: Stores, running: Running) -> Step:
    """First of all, whom it is about: an answer changes what a filter matches, and a row must not be lost by that."""
    request: pb.AnswerApplicationsRequest = running.input
    creators = list(request.creators) or await bulk_commands.matching(
        stores, campaign=request.campaign, asked=queries.read_filter(request.filter)
    )
    running.response.results.extend(
        pb.ApplicationResult(row=row, creator=creator) for row, creator in enumerate(creators, start=1)
    )
    return Step("0" if creators else "", processed=0)


async def _answer_rows(stores: Stores, running: Running) -> Step:
    results = running.response.results
    creators, begin = [result.creator for result in results], int(running.cursor)
    end = min(begin + _ROWS_IN_A_STEP, len(creators))
    for at in range(begin, end):
        part = running.request(str(at))
        result = await bulk_commands.answer_row(stores, _brand(running), bulk(running.input), creators, at, part)
        results[at].CopyFrom(row_message(at + 1, result))
    failed = sum(result.HasField("error") for result in results[begin:end])
    return Step("" if end == len(creators) else str(end), processed=end - begin, failed=failed)


def _brand(running: Running) -> Caller:
    """Who asked for the work, for the brand whose work it is: what may be done was looked at when it began."""
    return Caller(running.by, frozenset({Role.BRAND}), brands=frozenset({running.parent}))
