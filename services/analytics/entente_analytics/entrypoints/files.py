"""Files that come in pieces."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from entente_analytics.domain.files import decoded
from entente_chassis.refusal import Invalid, Violation

FILE_BYTES = 64 * 1024 * 1024


class _Piece(Protocol):
    @property
    def chunk(self) -> bytes: ...


P = TypeVar("P", bound=_Piece)


async def received(pieces: AsyncIterator[P]) -> tuple[P, str]:
    """The first message of a stream, and the text of the whole file.

    Raises:
        Invalid: there is nothing, or too much.
    """
    first: P | None = None
    data = bytearray()
    async for piece in pieces:
        first = first or piece
        data += piece.chunk
        if len(data) > FILE_BYTES:
            raise Invalid(
                "FILE_TOO_LARGE",
                f"A file has {FILE_BYTES} bytes at most: send it in parts, each with its header.",
                violations=[Violation("chunk", "too many")],
            )
    if first is None or not data.strip():
        raise Invalid(
            "FILE_EMPTY", "There is nothing in the file: send its content.", violations=[Violation("chunk", "empty")]
        )
    return first, decoded(bytes(data))
