"""Each consumer gets what it needs from events that the producers' real code made, and needs no more than it says."""

from pathlib import Path

import pytest
from google.protobuf.message import Message

from tests.contract.needs import NEEDS, only, paths_of
from tests.contract.story import Told, tell
from tests.contract.world import SERVICES
from tools import asyncapi

EXPECTATIONS = [(consumer, event) for consumer, events in NEEDS.items() for event in events]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(tmp_path_factory.mktemp("told"))


def assert_same_end(again: Told, told: Told) -> None:
    for service in SERVICES:
        assert again.states[service] == told.states[service], service


def test_everything_that_the_services_can_publish_happens_in_the_story(told: Told) -> None:
    events, _ = asyncapi.events_and_parts()
    assert {(event.full_name, event.topic) for event in events} == {(e.type, e.topic) for e in told.published}


def test_every_handler_that_there_is_gets_an_event_and_says_what_it_needs(told: Told) -> None:
    assert sorted(told.arrived) == sorted(EXPECTATIONS)


def test_no_handler_refuses_what_happens_in_an_ordinary_campaign(told: Told) -> None:
    assert told.refused == []


@pytest.mark.parametrize(("consumer", "event"), EXPECTATIONS)
def test_the_producer_fills_what_the_consumer_needs(told: Told, consumer: str, event: str) -> None:
    filled = {path for message in told.arrived[consumer, event] for path in paths_of(message)}
    assert set(NEEDS[consumer][event]) <= filled


def test_consumers_come_to_the_same_end_with_the_smallest_events(told: Told, tmp_path: Path) -> None:
    def smallest(consumer: str, message: Message) -> None:
        only(message, NEEDS[consumer][message.DESCRIPTOR.full_name])

    assert_same_end(tell(tmp_path, smallest), told)


def test_consumers_come_to_the_same_end_when_every_event_comes_twice(told: Told, tmp_path: Path) -> None:
    again = tell(tmp_path, copies=2)
    assert sum(map(len, again.arrived.values())) == 2 * sum(map(len, told.arrived.values()))
    assert_same_end(again, told)
