"""The numbers of the text side, without floats on the device, against numpy's float32 and Python's printf."""

import random
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fake_board import build

SCALES = (
    0.00390625,
    1.0,
    0.5,
    0.391015232,
    0.364498466,
    0.584702909,
    1e-6,
    0.0005,
    3.4e-5,
    7.0,
    1e4,
    2.0**40,
)
COUNT = pytest.mark.parametrize("count", [20_000, pytest.param(2_000_000, marks=pytest.mark.long)])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("numbers") / "numbers", "number_process.c")


def lines(program: Path, records: list[bytes]) -> list[str]:
    done = subprocess.run([str(program)], input=b"".join(records), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout.decode().split("\r\n")[:-1]


def bits(value: float) -> int:
    return struct.unpack("<I", struct.pack("<f", value))[0]


def record(letter: str, *words: int) -> bytes:
    return letter.encode() + b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words).ljust(
        16, b"\0"
    )


def random_scale(rng: random.Random) -> float:
    if rng.random() < 0.5:
        return float(np.float32(rng.choice(SCALES)))
    return float(np.float32(2.0 ** rng.uniform(-20, 8)))


def quantized(value: np.float32, scale: float, zero_point: int) -> int:
    """The benchmark's rule, with what it leaves open: NaN is 0."""
    if np.isnan(value):
        return zero_point
    with np.errstate(over="ignore"):
        quotient = float(np.float32(value) / np.float32(scale))
    if abs(quotient) > 1e6:
        return 127 if quotient > 0 else -128
    size = int(Fraction(abs(quotient)) + Fraction(1, 2))  # half away from zero, exactly
    return max(-128, min(127, zero_point + (size if quotient > 0 else -size)))


@COUNT
def test_floats_are_quantized_as_the_benchmark_does(program: Path, count: int) -> None:
    rng = random.Random(count)
    cases = [
        (special, 0.5, zero_point)
        for special in (
            0,
            0x80000000,
            0x7F800000,
            0xFF800000,
            0x7FC00000,
            0xFFC00001,
            1,
            0x7F7FFFFF,
            0x807FFFFF,
        )
        for zero_point in (-128, -3, 0, 127)
    ]
    for _ in range(count):
        scale, zero_point = random_scale(rng), rng.randrange(-128, 128)
        kind = rng.random()
        if kind < 0.4:  # on a boundary, or a float beside it
            value = np.float32((rng.randrange(-260, 260) + 0.5) * scale)
            for _ in range(rng.randrange(3)):
                value = np.nextafter(value, np.float32(rng.choice((-np.inf, np.inf))))
        elif kind < 0.9:
            value = np.float32(rng.uniform(-300, 300) * scale)
        else:
            value = np.frombuffer(rng.randbytes(4), np.float32)[0]
        cases.append((int(np.float32(value).view(np.uint32)), scale, zero_point))
    found = lines(program, [record("q", value, bits(scale), zero) for value, scale, zero in cases])
    assert len(found) == len(cases)
    for line, (value, scale, zero_point) in zip(found, cases, strict=True):
        real = np.array(value, np.uint32).view(np.float32)[()]
        assert int(line) == quantized(real, scale, zero_point), (real, scale, zero_point)


@COUNT
def test_results_are_printed_as_printf_does(program: Path, count: int) -> None:
    rng = random.Random(count)
    cases = [(distance, scale) for distance in range(-255, 256) for scale in SCALES]
    # Ties: multiples of 1/16 end in 0.0625 and the like; 0.0005 is none in binary, 0.5 / 1000 * 2^k neither.
    cases += [(distance, 2.0**-power) for distance in range(-255, 256) for power in range(3, 12)]
    cases += [(rng.randrange(-255, 256), random_scale(rng)) for _ in range(count)]
    found = lines(program, [record("d", distance, bits(scale)) for distance, scale in cases])
    assert len(found) == len(cases)
    for line, (distance, scale) in zip(found, cases, strict=True):
        assert line == "%0.3f" % float(np.float32(distance) * np.float32(scale)), (distance, scale)  # noqa: UP031


def test_the_squared_error_is_right_to_the_last_decimal(program: Path) -> None:
    """Against exact arithmetic; the bound is the header's: each scale is rounded to 22 bits."""
    rng = np.random.default_rng(1)
    records, wanted = [], []
    for _ in range(400):
        size = int(rng.choice([1, 2, 640, 4096]))
        scale = np.float32(rng.choice([0.391015232, 0.364498466, 1.0, 0.01, 3e-4]))
        other = np.float32(scale * rng.choice([1.0, 0.93, 1.07, 0.001]))
        zero_point = int(rng.integers(-128, 128))
        a = rng.integers(-128, 128, size, dtype=np.int8)
        near = np.clip(a + rng.integers(-5, 6, size), -128, 127).astype(np.int8)
        b = near if rng.random() < 0.5 else rng.integers(-128, 128, size, dtype=np.int8)
        records.append(record("m", bits(scale), bits(other), zero_point, size) + a.tobytes() + b.tobytes())
        real = (a.astype(float) - zero_point) * scale.astype(float)
        real -= (b.astype(float) - zero_point) * other.astype(float)
        largest = 255 * float(max(scale, other))
        wanted.append((float((real**2).mean()), float(np.abs(real).mean()) * largest * 2.0**-21))
    for line, (value, slack) in zip(lines(program, records), wanted, strict=True):
        assert abs(float(line) - value) <= 0.00051 + slack + value * 2.0**-23
    same = record("m", bits(0.37), bits(0.37), 5, 64) + bytes(range(64)) * 2
    assert lines(program, [same]) == ["0.000"]


@pytest.mark.parametrize("number", [0, 1, 9, 10, 99, 100, 2147483647, -1, -2147483648])
def test_integers(program: Path, number: int) -> None:
    assert lines(program, [record("w", number)]) == [str(number)]
