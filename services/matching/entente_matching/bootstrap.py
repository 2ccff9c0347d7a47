"""Puts matching together. The only place that knows every adapter."""

from collections.abc import Callable
from functools import partial

from entente.matching.v1 import service_pb2_grpc
from entente_chassis.clock import Clock, SystemClock
from entente_chassis.runtime import Runtime
from entente_matching.adapters.creators_topic import TOPIC, CreatorsTopic, Publish
from entente_matching.adapters.kinds import CREATORS, FEEDBACK, IMPORTS, RELATIONS, SHORTLISTS
from entente_matching.adapters.reference import load_populations, load_reference
from entente_matching.adapters.solver import RosterSolver
from entente_matching.adapters.states import profiles_of_state, state_message
from entente_matching.application import brands
from entente_matching.application.benchmarking import keep_measured
from entente_matching.application.commands import Commands
from entente_matching.application.indexing import Indexer
from entente_matching.application.ports import States
from entente_matching.application.queries import Queries
from entente_matching.application.searching import Searching
from entente_matching.application.stores import Stores
from entente_matching.entrypoints import events
from entente_matching.entrypoints.brands import Given
from entente_matching.entrypoints.grpc import ACCESS, MatchingServicer
from entente_matching.settings import Settings

Topic = Callable[[str, Publish], States]


def build(
    settings: Settings, *, service: str = "matching", clock: Clock | None = None, states: Topic | None = None
) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group's; a test gives another so as to stand beside others.
        clock: the domain's clock, instead of the settings'.
        states: makes the topic of creators of its name and of what publishes; the broker's without it.
    """
    runtime = Runtime(service, settings, clock=clock)
    reference, machine = load_reference(), SystemClock()
    topic = states or partial(CreatorsTopic, settings.kafka_bootstrap)
    name = runtime.topic(settings.creators_topic or TOPIC)
    creators = runtime.aggregates(CREATORS)
    feedback = runtime.aggregates(FEEDBACK)
    imports = runtime.aggregates(IMPORTS)
    shortlists = runtime.aggregates(SHORTLISTS)
    indexer = Indexer(
        creators,
        feedback,
        reference,
        machine,
        every=settings.index_refresh_seconds,
        states=topic(name, runtime.publish),
        state_of=state_message,
        profiles_of_state=profiles_of_state,
        snapshot=settings.index_snapshot_file,
        snapshot_every=settings.index_snapshot_seconds,
    )
    commands = Commands(creators, feedback, imports, shortlists, indexer, reference, runtime.clock, machine)
    queries = Queries(creators, feedback, shortlists)
    stores = Stores(creators, feedback, shortlists, runtime.aggregates(RELATIONS), runtime.clock)
    searching = Searching(creators, feedback, indexer, partial(brands.banned, stores))
    solver = RosterSolver()
    given = Given(stores, commands, searching, indexer, solver, load_populations())

    runtime.serve(
        service_pb2_grpc.add_MatchingServiceServicer_to_server,
        MatchingServicer(commands, queries, given, runtime.clock),
        ACCESS,
    )
    runtime.consume(events.CONSUMES, events.routes(commands))
    runtime.background("search index", indexer.run)
    runtime.background("benchmarks", partial(keep_measured, indexer, reference, settings.benchmarks_seconds))
    runtime.background("solver", solver.run)
    return runtime
