"""Puts matching together. The only place that knows every adapter."""

from entente.matching.v1 import service_pb2_grpc
from entente_chassis.clock import Clock, SystemClock
from entente_chassis.runtime import Runtime
from entente_matching.adapters.kinds import CREATORS, FEEDBACK, IMPORTS, SHORTLISTS
from entente_matching.adapters.reference import load_reference
from entente_matching.application.commands import Commands
from entente_matching.application.index import SearchIndex
from entente_matching.application.indexing import Indexer
from entente_matching.application.queries import Queries
from entente_matching.entrypoints import events
from entente_matching.entrypoints.grpc import ACCESS, MatchingServicer
from entente_matching.settings import Settings


def build(settings: Settings, *, service: str = "matching", clock: Clock | None = None) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group's; a test gives another so as to stand beside others.
        clock: the domain's clock, instead of the settings'.
    """
    runtime = Runtime(service, settings, clock=clock)
    reference, machine, index = load_reference(), SystemClock(), SearchIndex()
    creators = runtime.aggregates(CREATORS)
    feedback = runtime.aggregates(FEEDBACK)
    imports = runtime.aggregates(IMPORTS)
    shortlists = runtime.aggregates(SHORTLISTS)
    indexer = Indexer(creators, feedback, index, reference, machine, every=settings.index_refresh_seconds)
    commands = Commands(creators, feedback, imports, shortlists, indexer, reference, runtime.clock, machine)
    queries = Queries(creators, feedback, shortlists, indexer, reference)

    runtime.serve(
        service_pb2_grpc.add_MatchingServiceServicer_to_server,
        MatchingServicer(commands, queries, reference, runtime.clock),
        ACCESS,
    )
    runtime.consume(events.CONSUMES, events.routes(commands))
    runtime.background("search index", indexer.run)
    return runtime
