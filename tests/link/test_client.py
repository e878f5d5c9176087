"""The client against a board on a pty: results, deadlines, and recovery from resets."""

import os
import pty
import random
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard, assert_right, fake_head_result, fake_result, random_inputs

from nonn_mcu.errors import BadInput, DeviceError, LinkError, LinkTimeout
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.flaky import Faults
from nonn_mcu.link.messages import Kind
from nonn_mcu.link.ports import SerialPort

Board = Callable[..., FakeBoard]
Connect = Callable[..., Device]


def test_a_device_describes_itself(board: Board, connect: Connect) -> None:
    device = connect(board())
    hello = device.hello()
    assert (hello.model, hello.board, hello.core, hello.runtime) == ("fake", "fake", "none", "native")
    assert (hello.firmware, hello.payload, hello.input_survives) == ("0.1.0", 512, False)
    assert (hello.tick_numerator, hello.tick_denominator, hello.tick_unit) == (125, 4, "steps")
    assert [spec.shape for spec in device.inputs()] == [(1, 8, 8, 1), (1, 3)]
    assert [spec.shape for spec in device.outputs()] == [(1, 10), (5,)]
    assert [(spec.name, spec.bytes) for spec in device.layers()] == [
        ("mix", 100),
        ("twist???", 100),
        ("sum", 10),
    ]
    image = device.describe(Kind.INPUT, 0)
    assert (image.scale, image.zero_point) == (0.5, -128)


def test_results_and_layers_are_right(board: Board, connect: Connect) -> None:
    rng = np.random.default_rng(1)
    device = connect(board())
    for _ in range(20):
        assert_right(device, rng)
        inputs = random_inputs(rng)
        for layer in range(3):
            np.testing.assert_array_equal(device.run_layer(inputs, layer), fake_result(*inputs, layer)[0])
    stats = device.stats()
    assert (stats.invocations, stats.times, stats.ticks, stats.stack_bytes) == (80, 1, 40, 777)
    assert device.counters.damaged == 0


def test_two_models_take_turns_on_one_line(board: Board, connect: Connect) -> None:
    rng = np.random.default_rng(7)
    device = connect(board("head"), Faults(drop=0.002, corrupt=0.002))
    head = device.model(1)
    assert [one.hello().model for one in (device, head, device.model(0))] == ["fake", "head", "fake"]
    assert device.hello().models == head.hello().models == 2
    assert [spec.name for spec in head.inputs() + head.outputs() + head.layers()] == [
        "votes",
        "verdict",
        "fuse",
    ]
    for _ in range(20):
        assert_right(device, rng)
        votes = rng.integers(-128, 128, (2, 3), dtype=np.int8)
        (verdict,) = fake_head_result(votes)
        np.testing.assert_array_equal(head.run([votes])[0], verdict)
        np.testing.assert_array_equal(head.run_layer([votes], 0), verdict.reshape(1, 6))
    assert head.counters is device.counters and head.counters.lost > 0
    device.check_same_model()
    head.check_same_model()
    head.close()
    device.close()
    with pytest.raises(LinkError):
        device.stats()


def test_a_model_that_is_not_there(board: Board, connect: Connect) -> None:
    device = connect(board())
    assert device.hello().models == 1
    with pytest.raises(DeviceError, match="refused HELLO: the device has no such model"):
        device.model(1).hello()
    for number in (-1, 16):
        with pytest.raises(BadInput, match="numbers its models 0 to 15"):
            device.model(number)


def test_inputs_that_survive_run_many_times(board: Board, connect: Connect) -> None:
    device = connect(board("survives"))
    inputs = random_inputs(np.random.default_rng(2))
    np.testing.assert_array_equal(device.run(inputs, times=50)[0], fake_result(*inputs)[0])
    assert (device.stats().times, device.stats().invocations) == (50, 50)


def test_a_run_that_takes_longer_than_any_wait_for_it(board: Board, connect: Connect) -> None:
    device = connect(board("slow"))
    for seed in range(3):
        assert_right(device, np.random.default_rng(seed))
    assert device.stats().invocations == 3  # repeated requests did not run it again


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([np.zeros((1, 8, 8, 1), np.int8)], "takes 2 inputs, not 1"),
        ([np.zeros((1, 8, 8, 1), np.float32), np.zeros((1, 3), np.int8)], "image is int8 .* not float32"),
        ([np.zeros((1, 8, 8, 1), np.int8), np.zeros((3,), np.int8)], r"bias is int8 of shape \(1, 3\)"),
    ],
    ids=["too few", "dtype", "shape"],
)
def test_inputs_that_do_not_fit(board: Board, connect: Connect, inputs: list, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        connect(board()).run(inputs)


def test_what_the_device_refuses_is_a_device_error(board: Board, connect: Connect) -> None:
    inputs = random_inputs(np.random.default_rng(3))
    with pytest.raises(DeviceError, match="refused RUN: a run of this model overwrites its inputs"):
        connect(board()).run(inputs, times=2)
    with pytest.raises(DeviceError, match="refused DESCRIBE: the model has no such tensor"):
        connect(board()).run_layer(inputs, 3)
    with pytest.raises(DeviceError, match="runtime's error is -7"):
        connect(board("fails")).run(inputs)


def test_resets_in_the_middle_are_recovered(board: Board, connect: Connect) -> None:
    rng, when = np.random.default_rng(4), random.Random(4)
    fake = board("banner")
    device = connect(fake)
    device.hello()
    done = threading.Event()

    def reset_now_and_then() -> None:
        while not done.wait(when.uniform(0.0, 0.02)):
            fake.reset()

    thread = threading.Thread(target=reset_now_and_then)
    thread.start()
    try:
        for _ in range(300):
            assert_right(device, rng)
    finally:
        done.set()
        thread.join()
    assert device.stats().invocations < 320  # it really lost its memory


def test_a_deadline_bounds_the_whole_of_the_work(board: Board, connect: Connect) -> None:
    device = connect(board("slow"))
    device.outputs()
    started = time.monotonic()
    with pytest.raises(LinkTimeout):
        for seed in range(9):
            device.run(random_inputs(np.random.default_rng(seed)), deadline=Deadline(started + 0.7))
    assert time.monotonic() - started < 1.5


def test_an_unplugged_port_is_a_link_error(board: Board, connect: Connect) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with Device(SerialPort(os.ttyname(theirs)), patience=5) as device:
        os.close(theirs)
        os.close(ours)
        with pytest.raises(LinkError, match="the port is gone"):
            device.hello()


def test_a_port_that_does_not_take_bytes_ends_at_the_deadline(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        os.set_blocking(theirs, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(theirs, b"x" * 4096)  # nobody reads: the line is full
        with Device(SerialPort(os.ttyname(theirs)), patience=0.5) as device, pytest.raises(LinkTimeout):
            device.hello()
    finally:
        os.close(ours)
        os.close(theirs)
