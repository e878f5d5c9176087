"""A checked flatbuffer reader: decodes the tables a schema describes, or refuses.

Nothing is read before its place is known to lie inside the file, which is the job of flatbuffers'
Verifier; here checking and reading are one step, so no accessor can see an unchecked offset. Source:
the flatbuffers internals document and verifier.h. Layout: little endian; a table starts with an int32
that leads back to its vtable of uint16 offsets; vectors and strings carry a uint32 length.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from nonn_mcu.errors import BadInput

MAX_TABLES = 1_000_000
MAX_DEPTH = 64
# Offsets may point at one place many times; what is decoded in all is held to this many times the file.
MAX_AMPLIFICATION = 8

_SCALARS: Mapping[str, struct.Struct] = MappingProxyType(
    {
        "bool": struct.Struct("<?"),
        "int8": struct.Struct("<b"),
        "uint8": struct.Struct("<B"),
        "int32": struct.Struct("<i"),
        "uint32": struct.Struct("<I"),
        "int64": struct.Struct("<q"),
        "uint64": struct.Struct("<Q"),
        "float32": struct.Struct("<f"),
    }
)


@dataclass(frozen=True)
class Field:
    """One field of a table.

    ``kind`` is a scalar's numpy name, ``"string"``, ``"[int32]"`` (a vector of scalars), or the name of
    a table, ``"[Tensor]"`` for a vector of tables, ``"Union"`` for a table chosen by the value of the
    field just before it. An absent scalar takes ``default``; anything else that is absent is None.
    """

    slot: int
    name: str
    kind: str
    default: int | float | bool = 0


Schema = Mapping[str, tuple[Field, ...]]


def decode(data: bytes, schema: Schema, root: str, unions: Mapping[int, str]) -> dict[str, Any]:
    """Decode the root table into nested dicts, lists and read-only numpy vectors.

    ``unions`` names the table for each union type; a union of a type that is not listed decodes to None.
    Raises :class:`BadInput` when anything lies outside the file, is misaligned or is absurdly large.
    """
    reader = _Reader(data, schema, unions)
    return reader.table(reader.indirect(0), root, 0)


class _Reader:
    def __init__(self, data: bytes, schema: Schema, unions: Mapping[int, str]) -> None:
        self.data = data
        self.schema = schema
        self.unions = unions
        self.tables = 0
        self.budget = MAX_AMPLIFICATION * len(data) + 1024

    def need(self, position: int, size: int, align: int = 1) -> None:
        if position < 0 or size > len(self.data) - position:
            raise BadInput(f"damaged flatbuffer: {size} bytes at {position} lie outside the file")
        if position % align:
            raise BadInput(f"damaged flatbuffer: the value at {position} is not aligned to {align}")

    def spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise BadInput("damaged flatbuffer: its parts overlap far more than any tool would write")

    def scalar(self, position: int, kind: str) -> Any:
        form = _SCALARS[kind]
        self.need(position, form.size, form.size)
        if kind == "bool":
            return self.data[position] != 0
        return form.unpack_from(self.data, position)[0]

    def indirect(self, position: int) -> int:
        offset = self.scalar(position, "uint32")
        if offset == 0 or offset >= 1 << 31:
            raise BadInput(f"damaged flatbuffer: the offset at {position} is {offset}")
        return int(position + offset)

    def length(self, position: int, size: int) -> int:
        count = int(self.scalar(position, "uint32"))
        self.need(position + 4, count * size, 1)
        self.spend(count * size)
        return count

    def string(self, position: int) -> str:
        count = self.length(position, 1)
        self.need(position + 4, count + 1)
        if self.data[position + 4 + count] != 0:
            raise BadInput(f"damaged flatbuffer: the string at {position} does not end")
        return self.data[position + 4 : position + 4 + count].decode("utf-8", "replace")

    def vector(self, position: int, element: str, depth: int) -> Any:
        if element in self.schema:
            count = self.length(position, 4)
            places = range(position + 4, position + 4 + 4 * count, 4)
            return [self.table(self.indirect(place), element, depth + 1) for place in places]
        size = _SCALARS[element].size
        count = self.length(position, size)
        if count:
            self.need(position + 4, count * size, size)
        dtype = np.dtype(element).newbyteorder("<")
        return np.frombuffer(self.data, dtype, count, position + 4 if count else 0)

    def table(self, position: int, kind: str, depth: int) -> dict[str, Any]:
        self.tables += 1
        if self.tables > MAX_TABLES or depth > MAX_DEPTH:
            raise BadInput("damaged flatbuffer: too many tables")
        vtable = position - int(self.scalar(position, "int32"))
        self.need(vtable, 4, 2)
        vtable_size, table_size = struct.unpack_from("<HH", self.data, vtable)
        if vtable_size < 4 or vtable_size % 2 or table_size < 4:
            raise BadInput(f"damaged flatbuffer: the vtable at {vtable} has size {vtable_size}")
        self.need(vtable, vtable_size)
        self.need(position, table_size)
        self.spend(vtable_size + table_size)
        values: dict[str, Any] = {}
        previous = 0
        for field in self.schema[kind]:
            entry = 4 + 2 * field.slot
            offset = struct.unpack_from("<H", self.data, vtable + entry)[0] if entry < vtable_size else 0
            size = _SCALARS[field.kind].size if field.kind in _SCALARS else 4
            if offset and (offset < 4 or offset + size > table_size):
                raise BadInput(f"damaged flatbuffer: field {field.name} lies outside its table")
            value = self.field(field, position + offset if offset else None, depth, previous)
            values[field.name] = value
            previous = value if isinstance(value, int) else 0
        return values

    def field(self, field: Field, place: int | None, depth: int, union_type: int) -> Any:
        if field.kind in _SCALARS:
            return field.default if place is None else self.scalar(place, field.kind)
        kind = self.unions.get(union_type) if field.kind == "Union" else field.kind
        if place is None or kind is None:
            return None
        target = self.indirect(place)
        if kind == "string":
            return self.string(target)
        if kind.startswith("["):
            return self.vector(target, kind[1:-1], depth)
        return self.table(target, kind, depth + 1)
