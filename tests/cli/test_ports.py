"""``nonn-mcu ports``: listing by talking."""

import os

from support.bridge import bridge


def test_a_device_is_identified(cli, device):
    result = cli("ports", device.port)
    assert (result.code, result.err) == (0, "")
    head, row = (line.split() for line in result.out.splitlines())
    assert head == ["port", "model", "digest", "runtime", "board", "core"]
    assert row[:2] == [device.port, "pocket"] and row[3:5] == ["native", "host"]


def test_devices_and_their_absence_as_json(cli, device, pocket):
    master, slave = os.openpty()
    with bridge(device.port) as line:
        result = cli("ports", line.url, "/dev/nowhere", os.ttyname(slave), "--json")
    os.close(master)
    os.close(slave)
    assert result.code == 0 and result.err == ""
    found, nothing, silent = result.json["ports"]
    assert found["port"] == line.url and found["error"] is None
    assert found["device"]["model"] == "pocket" and len(found["device"]["digest"]) == 64
    assert nothing["device"] is None and nothing["error"]["type"] == "NoDevice"
    assert silent["error"]["type"] == "LinkTimeout"


def test_no_device_is_3_with_a_hint(cli):
    result = cli("ports", "/dev/nowhere")
    assert result.code == 3
    assert "/dev/nowhere: no such port" in result.out and "no device answers" in result.err
