"""``nonn-mcu verify`` when the device, its line or its user does not cooperate: never a wrong verdict."""

import os
import signal
import time

import pytest
from support.bridge import bridge, flaky, slow
from support.command import BOTH, check_error, check_pass, finish, open_files, wait_until

from nonn_mcu import bundle as bundles
from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.messages import REPLY, Message, Status


@BOTH
def test_a_device_that_dies_is_4(start, power_on, pocket, json):
    device = power_on()
    with bridge(device.port, to_host=slow(0.01)) as line:
        process = start("verify", pocket, "--port", line.url, "--timeout", 2, *json)
        line.wait(800)
        os.kill(device.pid, signal.SIGKILL)
        check_error(finish(process), 4, "LinkTimeout", "no answer in 2")


@BOTH
def test_a_line_that_is_cut_is_4(start, device, pocket, json):
    with bridge(device.port, to_host=slow(0.01)) as line:
        process = start("verify", pocket, "--port", line.url, *json)
        line.wait(800)
    check_error(finish(process), 4, "LinkError", line.url)


@BOTH
def test_a_pseudo_terminal_that_vanishes_is_4(start, power_on, pocket, json):
    device = power_on()
    os.kill(device.pid, signal.SIGSTOP)  # it will not answer, so the command cannot be too fast
    process = start("verify", pocket, "--port", device.port, *json)
    wait_until(lambda: device.port in open_files(process))
    os.kill(device.pid, signal.SIGKILL)
    check_error(finish(process), 4, "LinkError", device.port)


def refuse_runs(data):
    """Answer every RUN with: the model failed to run."""
    out = b""
    for received in Decoder(1 << 16).feed(data):
        content = received.data
        if received.status is FrameStatus.COMPLETE and content[0] == REPLY | Message.RUN:
            content = content[:4] + bytes([Status.INVOKE_FAILED]) + (-7).to_bytes(4, "little", signed=True)
        out += encode(content)
    return out


@BOTH
def test_a_device_that_refuses_is_5(cli, device, pocket, json):
    with bridge(device.port, to_host=refuse_runs) as line:
        result = cli("verify", pocket, "--port", line.url, *json)
    check_error(result, 5, "DeviceError", "the runtime's error is -7")


@BOTH
def test_ctrl_c_is_130(start, device, pocket, json):
    with bridge(device.port, to_host=slow(0.05)) as line:
        process = start("verify", pocket, "--port", line.url, *json)
        line.wait(300)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        check_error(finish(process), 130, "Interrupted", "interrupted")
        assert time.monotonic() - began < 5


def test_a_reset_in_the_middle_is_recovered(start, power_on, pocket):
    first, second = power_on(), power_on()
    with bridge(first.port, to_host=slow(0.005)) as line:
        process = start("verify", pocket, "--port", line.url, "--json")
        line.wait(800)
        first.stop()
        line.device = second.port  # a fresh process: what was loaded is lost, as in a reset
        check_pass(finish(process))


def test_a_flaky_line_ends_in_the_right_verdict(cli, device, pocket, tmp_path):
    from support.bundles import make_bundle

    with bridge(device.port, to_device=flaky(1, 0.002), to_host=flaky(2, 0.002)) as line:
        found = check_pass(cli("verify", pocket, "--port", line.url, "--json"))
        assert found["link"]["lost"] > 0 and found["link"]["damaged"] > 0
        outputs = bundles.read(pocket).vectors().outputs[0].copy()
        outputs[0, 0] ^= 1
        make_bundle(tmp_path / "mutated", outputs=(outputs,))
        result = cli("verify", "mutated", "--port", line.url, "--json")
        assert result.code == 1
        assert result.json["devices"][0]["conformance"]["mismatching_values"] == 2


@pytest.mark.long
def test_another_model_after_a_reset_is_6(start, power_on, pocket, made, tmp_path):
    from nonn_mcu import boards
    from nonn_mcu.boards.build import build

    other = build(made / "others" / "other", boards.get("host"), out=tmp_path / "other").path
    first, second = power_on(), power_on(other)
    with bridge(first.port, to_host=slow(0.005)) as line:
        process = start("verify", pocket, "--port", line.url, "--json")
        line.wait(800)
        first.stop()
        line.device = second.port
        check_error(finish(process), 6, "WrongModel", "flashed")
