"""Write a changed ``.tflite``: unpack it to objects, pack it again with the alignment of the schema."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.errors import BadInput


def unpack(model: bytes) -> Any:
    """Give the ``ModelT`` of a model that :func:`nonn_mcu.codegen.reader.read` has accepted.

    Raises :class:`BadInput` where parts that the reader does not look at are damaged.
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        return schema.ModelT.InitFromPackedBuf(model, 0)
    except Exception as error:  # the generated code checks nothing and raises whatever Python does
        raise BadInput(f"damaged flatbuffer: {type(error).__name__} outside the network itself") from None


def pack(tree: Any) -> bytes:
    """Pack a ``ModelT``; the same tree gives the same bytes. Data starts at multiples of 16, as it must."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    class Aligned(schema.BufferT):
        """The generated code ignores ``force_align``."""

        def Pack(self, builder: Any) -> Any:  # noqa: N802 - the schema's name
            data = None
            if self.data is not None and len(self.data):
                raw = np.asarray(self.data, np.uint8).tobytes()
                builder.StartVector(1, len(raw), 16)
                builder.head -= len(raw)
                builder.Bytes[builder.head : builder.head + len(raw)] = raw
                data = builder.EndVector()
            schema.BufferStart(builder)
            if data is not None:
                schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    for buffer in tree.buffers:
        buffer.__class__ = Aligned
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())
