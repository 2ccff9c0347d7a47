"""A whole service, as small as can be: it appends what it hears to a document, slowly. Tests run it as a process."""

import asyncio
import os
from dataclasses import dataclass, field

from google.protobuf.wrappers_pb2 import Int64Value

from entente_chassis.consumer import Incoming
from entente_chassis.runtime import Runtime, main
from entente_chassis.settings import ServiceSettings
from entente_chassis.store import Change, Kind


@dataclass(frozen=True)
class Heard:
    """The values heard of one subject, in order."""

    values: list[int] = field(default_factory=list)


def build(settings: ServiceSettings) -> Runtime:
    """Put it together. TEST_SERVICE names it, SAMPLE_TOPIC is what it hears, SAMPLE_SECONDS how long an event takes."""
    runtime = Runtime(os.environ["TEST_SERVICE"], settings)
    heard = runtime.aggregates(Kind[Heard]("heard", Heard))

    async def hear(event: Incoming[Int64Value]) -> None:
        print(f"hearing {event.message.value}", flush=True)
        await asyncio.sleep(float(os.environ["SAMPLE_SECONDS"]))
        await heard.change(
            event.subject,
            lambda state: Change(Heard([*(state.values if state else []), event.message.value])),
            cause=event.cause,
        )

    runtime.consume([os.environ["SAMPLE_TOPIC"]], {Int64Value: hear})
    return runtime


if __name__ == "__main__":
    main(build, ServiceSettings)
