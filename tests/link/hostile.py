"""What the fuzz tests of the device send: requests at the edges, and noise."""

import random
import struct

import pytest
from reference_device import PAYLOAD, ReferenceDevice

from nonn_mcu.link.frame import CRC_BYTES, encode
from nonn_mcu.link.messages import WHOLE

# Of tests/link/fake_device.c and of the reference.
MODELS = pytest.mark.parametrize(
    "options", [(), ("survives",), ("survives", "head")], ids=["consumed", "survives", "two models"]
)
BUFFER = 4 + 6 + PAYLOAD + CRC_BYTES
SMALL_EDGES = (0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 63, 64, 65, 99, 100, 101)
EDGES = (*SMALL_EDGES, 511, 512, 513, 0x7FFF, 0x8000, 0xFFFF)
WIDE_EDGES = (*EDGES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def random_request(rng: random.Random, device: ReferenceDevice) -> bytes:
    """The content of a frame: mostly something a client could mean, with values at the edges."""
    number = rng.randrange(len(device.models) if rng.random() < 0.98 else 16)
    model = device.models[number % len(device.models)]
    edge, wide = rng.choice(EDGES), rng.choice(WIDE_EDGES)
    run_id = rng.choice((0, 1, 2, 3, 0xFFFFFFFF))
    kind = rng.choice((0, 1, 1, 2, 2, 3, 255))
    index = rng.choice((0, 0, 1, 2, 3, 0xFFFF))
    crc = model.crc()
    load_index = rng.choice((0, 0, 1, 2))
    load_size = (*model.fake.sizes[0], 3, 3)[load_index]
    load_offset = rng.choice((0, 0, 1, 6, 32, 60, 64, wide))
    message, body = rng.choice(
        (
            (1, struct.pack("<HH", edge, rng.choice(EDGES))),
            (2, struct.pack("<BHHH", kind, index, edge, rng.choice(EDGES))),
            (
                3,
                struct.pack("<HI", load_index, load_offset)
                + rng.randbytes(rng.choice((0, 1, 2, 3, 4, 64, 512))),
            ),
            (3, struct.pack("<HI", load_index, 0) + rng.randbytes(load_size)),
            (
                4,
                struct.pack(
                    "<IIHH",
                    run_id,
                    crc,
                    rng.choice((0, 1, 2, WHOLE, WHOLE, 3)),
                    rng.choice((0, 1, 1, 1, 2, 5)),
                ),
            ),
            (4, struct.pack("<IIHH", run_id, rng.choice((crc, crc, crc ^ 1, 0)), index, 1)),
            (
                5,
                struct.pack(
                    "<BHIIH", kind, index, run_id, rng.choice((0, 0, 1, wide)), rng.choice((0, 5, 10, edge))
                ),
            ),
            (6, b""),
            (rng.randrange(256), rng.randbytes(rng.randrange(20))),
        )
    )
    if rng.random() < 0.05:
        body = body[: rng.randrange(len(body) + 1)] + rng.randbytes(rng.randrange(3))
    version = 0x10 | number if rng.random() < 0.95 else rng.randrange(256)
    return struct.pack("<BBH", message, version, rng.randrange(65536)) + body


def noise(rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(60))
    if kind == 1:
        return bytes(rng.choices((0, 0, 1, 2, 255), k=rng.randrange(60)))
    if kind == 2:
        return b"\xff" + rng.randbytes(rng.choice((BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER))).replace(
            b"\0", b"\1"
        )
    broken = bytearray(encode(rng.randbytes(rng.randrange(4, 40))))
    broken[rng.randrange(1, len(broken) - 1)] ^= 1 << rng.randrange(8)
    return bytes(broken)
