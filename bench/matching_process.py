"""A search over gRPC, end to end, against the time that the index takes for it within the same server."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import Figure
from bench.matching_data import draw, indexed
from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1 import service_pb2_grpc
from entente.type.v1 import type_pb2
from entente_chassis.clock import SystemClock
from entente_chassis.rpc import Role
from entente_chassis.store import MemoryAggregates
from entente_chassis.testing import serving
from entente_matching.adapters import messages
from entente_matching.adapters.kinds import CREATORS, FEEDBACK
from entente_matching.adapters.reference import load_reference
from entente_matching.application.indexing import Indexer
from entente_matching.application.search import Order, Query
from entente_matching.application.searching import Searching
from entente_matching.domain.fit import Brief
from entente_matching.entrypoints.grpc import ACCESS, MatchingServicer

_CREATORS = 100_000
_ROUNDS = 101


async def over_grpc(brief: Brief) -> list[Figure]:
    """Both, by turns, in one process: the real server, its interceptors and tokens, and a client beside it."""
    clock = SystemClock()
    creators, feedback = MemoryAggregates(CREATORS, clock), MemoryAggregates(FEEDBACK, clock)
    indexer = Indexer(creators, feedback, load_reference(), clock, every=1)
    await indexer.load()
    indexer.index = indexed(draw(_CREATORS))
    searching = Searching(creators, feedback, indexer)
    request = pb.SearchCreatorsRequest(
        brief=pb.MatchBrief(
            target_audience=type_pb2.TargetAudience(
                countries=brief.target.countries, ages=brief.target.ages, genders=brief.target.genders,
                languages=brief.target.languages,
            ),
            categories=brief.categories,
        ),
        filter=pb.CreatorFilter(tiers=["micro"], categories=["beauty"]),
        page_size=20,
        skip_facets=True,
    )  # fmt: skip
    query = Query(wanted=_filter(request), brief=brief, order=Order.FIT, limit=20, facets=())
    with TemporaryDirectory() as folder:
        # Of the whole servicer only what a search uses.
        servicer: Any = MatchingServicer.__new__(MatchingServicer)
        servicer._searching = searching
        add = service_pb2_grpc.add_MatchingServiceServicer_to_server
        async with serving(Path(folder), (add, servicer, ACCESS)) as server:
            client = server.client_as(service_pb2_grpc.MatchingServiceStub, Role.OPERATOR, subject="operators/bench")
            whole, index_alone = [], []
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                answer = await client.SearchCreators(request)
                whole.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                page = await searching.search(query, "", "bench")
                index_alone.append((time.perf_counter() - began) * 1000)
                assert [m.creator for m in answer.matches] == [m.profile.creator for m in page.matches]
    ours, alone = statistics.median(whole), statistics.median(index_alone)
    return [
        Figure("search over gRPC, p50", ours, "ms", "the index within", alone, ours / alone, "index + 3 ms",
               ours <= alone + 3, _ROUNDS)
    ]  # fmt: skip


def _filter(request: pb.SearchCreatorsRequest) -> Any:
    return messages.read_filter(request.filter)
