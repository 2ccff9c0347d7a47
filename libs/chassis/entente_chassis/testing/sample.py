"""A service for tests of the chassis itself: one method of each shape, whose requests have rules."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool

from entente.ops.v1 import ops_pb2
from entente_chassis.rpc import Role

Question = ops_pb2.GetDeadLetterRequest
Answer = ops_pb2.DeadLetter

_PACKAGE = "entente.chassis.sample.v1"
NAME = f"{_PACKAGE}.SampleService"
SHAPES = {"GetOne": (False, False), "GetMany": (False, True), "SendMany": (True, False), "Talk": (True, True)}


def _describe() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="entente/chassis/sample/v1/sample.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[ops_pb2.DESCRIPTOR.name],
    )
    service = file.service.add(name="SampleService")
    for method, (many_in, many_out) in SHAPES.items():
        service.method.add(
            name=method,
            input_type=f".{Question.DESCRIPTOR.full_name}",
            output_type=f".{Answer.DESCRIPTOR.full_name}",
            client_streaming=many_in,
            server_streaming=many_out,
        )
    pool = descriptor_pool.Default()
    try:
        pool.FindFileByName(file.name)
    except KeyError:
        pool.AddSerializedFile(file.SerializeToString())


_describe()


class SampleServicer:
    """Each method calls the function that a test gave for it."""

    def __init__(
        self,
        one: Callable[[Any], Awaitable[Any]] | None = None,
        many: Callable[[Any], AsyncIterator[Any]] | None = None,
    ) -> None:
        self._one = one
        self._many = many

    async def GetOne(self, request: Any, context: Any) -> Any:
        assert self._one
        return await self._one(request)

    async def SendMany(self, requests: AsyncIterator[Any], context: Any) -> Any:
        return Answer(name=",".join([request.name async for request in requests]))

    async def GetMany(self, request: Any, context: Any) -> AsyncIterator[Any]:
        assert self._many
        async for answer in self._many(request):
            yield answer

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield Answer(name=request.name)


def add_sample(servicer: Any, server: Any) -> None:
    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    handlers = {
        method: makers[shape](
            getattr(servicer, method),
            request_deserializer=Question.FromString,
            response_serializer=Answer.SerializeToString,
        )
        for method, shape in SHAPES.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    server.add_registered_method_handlers(NAME, handlers)


class SampleStub:
    def __init__(self, channel: Any) -> None:
        makers = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        for method, shape in SHAPES.items():
            call = makers[shape](
                f"/{NAME}/{method}",
                request_serializer=Question.SerializeToString,
                response_deserializer=Answer.FromString,
            )
            setattr(self, method, call)

    GetOne: Any
    GetMany: Any
    SendMany: Any
    Talk: Any


ACCESS = {method: frozenset({Role.BRAND, Role.SERVICE}) for method in SHAPES}
