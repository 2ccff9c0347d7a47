"""entente topics."""

import asyncio
from dataclasses import asdict

from entente_cli import kafka, output
from entente_cli.output import Json
from entente_cli.paths import current_paths
from entente_stack.stack import Stack


def topics(as_json: Json = False) -> None:
    """List the topics with their partitions and how many records were written to each."""
    found = asyncio.run(kafka.topics(Stack(current_paths()).addresses().kafka))
    if as_json:
        output.show_json([asdict(topic) for topic in found])
    else:
        output.show_table(["topic", "partitions", "written"], [(t.name, t.partitions, t.written) for t in found])
