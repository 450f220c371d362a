"""grpc.reflection: clients such as grpcurl ask a server for its services and their definitions.

Source: gRPC's server-reflection.md. Its packages v1 and v1alpha differ by their names alone.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import DecodeError

from seldon_core.proto import health_pb2, reflection_pb2

from .rpc import RpcError, Status
from .rpc_streams import StreamHandler

_V1 = "grpc.reflection.v1"
_V1ALPHA = "grpc.reflection.v1alpha"
SERVICES = (f"{_V1}.ServerReflection", f"{_V1ALPHA}.ServerReflection")

_Question = reflection_pb2.ServerReflectionRequest
_Answer = reflection_pb2.ServerReflectionResponse


class Reflection:
    """Of one server: `services` are named, and described as far as this process has imported their definitions."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = sorted({*services, *SERVICES})
        self._pools: tuple[Any, ...] = (_transports_own(), descriptor_pool.Default())
        self.streams: Mapping[str, StreamHandler] = {f"/{name}/ServerReflectionInfo": self._info for name in SERVICES}
        self._acts: Mapping[str, Callable[[_Question, _Answer], None]] = {
            "list_services": self._list,
            "file_by_filename": self._file,
            "file_containing_symbol": self._symbol,
            "file_containing_extension": self._extension,
            "all_extension_numbers_of_type": self._numbers,
        }

    async def _info(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for body in requests:
            try:
                question = _Question.FromString(body)
            except DecodeError as error:
                raise RpcError(Status.INVALID_ARGUMENT, "The request is no ServerReflectionRequest.") from error
            answer = _Answer(valid_host=question.host, original_request=question)
            act = self._acts.get(question.WhichOneof("message_request") or "")
            if act is None:
                _refuse(answer, Status.INVALID_ARGUMENT, "The question is of no known kind.")
            else:
                try:
                    act(question, answer)
                except KeyError:
                    _refuse(answer, Status.NOT_FOUND, "What is asked for is not known here.")
            yield answer.SerializeToString()

    def _list(self, _: _Question, answer: _Answer) -> None:
        for name in self._services:
            answer.list_services_response.service.add(name=name)

    def _file(self, question: _Question, answer: _Answer) -> None:
        _describe(self._first("FindFileByName", question.file_by_filename), answer)

    def _symbol(self, question: _Question, answer: _Answer) -> None:
        name = question.file_containing_symbol
        try:
            file = self._first("FindFileContainingSymbol", name)
        except KeyError:  # pools do not find methods
            service, _, method = name.rpartition(".")
            file = self._first("FindServiceByName", service).methods_by_name[method].containing_service.file
        _describe(file, answer)

    def _extension(self, question: _Question, answer: _Answer) -> None:
        asked = question.file_containing_extension
        message = self._first("FindMessageTypeByName", asked.containing_type)
        pool = message.file.pool
        _describe(pool.FindExtensionByNumber(message, asked.extension_number).file, answer)

    def _numbers(self, question: _Question, answer: _Answer) -> None:
        message = self._first("FindMessageTypeByName", question.all_extension_numbers_of_type)
        found = answer.all_extension_numbers_response
        found.base_type_name = message.full_name
        found.extension_number.extend(sorted(one.number for one in message.file.pool.FindAllExtensions(message)))

    def _first(self, method: str, name: str) -> Any:
        """From whichever pool has it. Raises KeyError."""
        for pool in self._pools[:-1]:
            try:
                return getattr(pool, method)(name)
            except KeyError:
                continue
        return getattr(self._pools[-1], method)(name)


def _describe(file: Any, answer: _Answer) -> None:
    """A file, and all that it needs."""
    files: dict[str, bytes] = {}

    def add(one: Any) -> None:
        if one.name not in files:
            files[one.name] = one.serialized_pb
            for needed in one.dependencies:
                add(needed)

    add(file)
    answer.file_descriptor_response.file_descriptor_proto.extend(files.values())


def _refuse(answer: _Answer, status: Status, text: str) -> None:
    answer.error_response.error_code = status.value
    answer.error_response.error_message = text


def _transports_own() -> descriptor_pool.DescriptorPool:
    """The definitions that a server has whatever it serves: health, and reflection in both of its packages."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(reflection_pb2.DESCRIPTOR.serialized_pb)
    older = descriptor_pb2.FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    older.name = older.name.replace("reflection", "reflection_v1alpha")
    older.package = _V1ALPHA
    for field in (field for message in older.message_type for field in message.field):
        if field.type_name:
            field.type_name = field.type_name.replace(f".{_V1}.", f".{_V1ALPHA}.")
    for method in (method for service in older.service for method in service.method):
        method.input_type = method.input_type.replace(f".{_V1}.", f".{_V1ALPHA}.")
        method.output_type = method.output_type.replace(f".{_V1}.", f".{_V1ALPHA}.")
    pool.AddSerializedFile(older.SerializeToString())
    return pool
