"""``nonn-mcu serve`` as a user runs it: what it prints, refuses and leaves behind."""

import math
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import TOKEN, check_pass, finish, wait_until

from nonn_mcu.cli import main
from nonn_mcu.link.frame import crc32, encode
from nonn_mcu.link.handshake import TOKEN_FILE
from nonn_mcu.link.messages import WHOLE, Message
from nonn_mcu.serve import runtimes
from nonn_mcu.serve.address import bind, is_loopback

LINE = re.compile(r"serving pocket \((native|litert), [0-9a-f]{12}\) on (\S+)\n")


def announced(process):
    """Wait for the line; the URL in it."""
    found = LINE.fullmatch(process.stdout.readline().decode())
    assert found, finish(process)
    return found[2]


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_running(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("runtime", ["native", "litert"])
def test_verify_finds_the_device_and_its_layers(command, pocket, firmware, runtime):
    if runtime == "litert":
        pytest.importorskip("ai_edge_litert")
    server = command("serve", pocket.path, "--listen", "127.0.0.1:0", "--runtime", runtime)
    url = announced(server)
    assert re.fullmatch(r"tcp://127\.0\.0\.1:[1-9]\d+", url)
    result = finish(command("verify", pocket.path, "--port", url, "--layers", "--json"))
    assert result.json["devices"][0]["device"]["runtime"] == runtime
    if runtime == "native":
        check_pass(result)
    else:  # its rounding may differ by one (docs/serve.md), and by no more in so small a network
        assert result.code in (0, 1)
        assert set(result.json["devices"][0]["conformance"]["lsb_histogram"]) <= {"0", "1"}
    server.terminate()
    ended = finish(server)
    assert (ended.code, ended.out) == (130, "")
    assert re.fullmatch(
        r"(\S+: connected\n\S+: left \([\d,]+ B in, [\d,]+ B out\)\n)error: interrupted\n", ended.err
    )


def test_a_token_goes_by_the_environment(command, pocket, firmware, token_file):
    url = announced(command("serve", pocket.path, "--listen", "0.0.0.0:0", "--token-file", token_file))
    url = url.replace("0.0.0.0", "127.0.0.1")
    check_pass(finish(command("verify", pocket.path, "-p", url, "--json", env={TOKEN_FILE: str(token_file)})))
    without = finish(command("verify", pocket.path, "-p", url))
    assert without.code == 4 and "wants a token" in without.out + without.err
    token_file.with_name("other").write_bytes(b"not the same token")
    token_file.with_name("other").chmod(0o600)
    other = finish(command("ports", url, env={TOKEN_FILE: "other"}))
    assert other.code == 3 and "wrong token" in other.out


@pytest.mark.parametrize(
    ("runtime", "number"),
    [
        ("native", signal.SIGINT),
        ("native", signal.SIGTERM),
        ("native", signal.SIGHUP),
        ("litert", signal.SIGINT),
    ],
)
def test_a_signal_ends_the_device_too(command, pocket, firmware, runtime, number):
    """Invariant 48, with a client there."""
    if runtime == "litert":
        pytest.importorskip("ai_edge_litert")
    server = command("serve", pocket.path, "--listen", "127.0.0.1:0", "--runtime", runtime)
    host, port = announced(server).removeprefix("tcp://").split(":")
    (device,) = children(server)
    assert is_running(device)
    inputs = bytes(sum(math.prod(info.shape) for info in pocket.manifest.inputs))  # as they are at the start
    long_run = struct.pack("<BBHIIHH", Message.RUN, 0x10, 0, 1, crc32(inputs), WHOLE, 0xFFFF)
    with socket.create_connection((host, int(port)), 10) as client:
        client.sendall(encode(long_run))
        server.send_signal(number)
        ended = finish(server, 20)
    assert ended.code == 130 and ended.err.endswith("error: interrupted\n")
    assert not is_running(device)


def test_a_device_that_ends_is_4(command, pocket, firmware):
    server = command("serve", pocket.path, "--listen", "127.0.0.1:0")
    announced(server)
    os.kill(children(server)[0], signal.SIGKILL)
    ended = finish(server, 20)
    assert ended.code == 4
    assert re.fullmatch(r"error: host: the process ended with signal 9: .*the device is gone.*\n", ended.err)


def refused(capsys, *arguments):
    """Run in this process a command that must end with 2, and give its one line."""
    assert main(["serve", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(r"error: [^\n]*\n", err), err
    return err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--listen", "0.0.0.0:0"], "other machines can reach that address: give --token-file"),
        (["--listen", "0:0"], "other machines can reach"),
        (["--listen", "255.255.255.255:0"], "--listen 255.255.255.255:0: "),
        (["--listen", "5000"], "write HOST:PORT"),
        (["--listen", ":5000"], "write HOST:PORT"),
        (["--listen", "::1:5000"], "write HOST:PORT"),
        (["--listen", "127.0.0.1:http"], "write HOST:PORT"),
        (["--listen", "127.0.0.1:65536"], "at most 65535"),
        (["--listen", "no.such.host.invalid:1"], "no such host"),
        (["--listen", "a" * 70 + ".x:1"], "no such host"),
        (["--runtime", "tflm"], "it is one of native, litert, tflite-runtime"),
        (["--serial", "/dev/ttyNOSUCH7", "--listen", "127.0.0.1:0"], "leave out --listen"),
        (["--serial", "socket://127.0.0.1:1"], "give the path of a serial port"),
        (["--token-file", "/no/such/file"], "cannot read the token"),
    ],
)
def test_what_cannot_be_served_is_2(capsys, pocket, options, says):
    """Invariant 40, and what a user gets wrong."""
    assert says in refused(capsys, pocket.path, *options)


def test_all_of_ipv6_needs_a_token_too(capsys, pocket):
    try:
        bind("[::]:0", True).close()
    except ValueError:
        pytest.skip("no IPv6 here")
    assert "other machines can reach" in refused(capsys, pocket.path, "--listen", "[::]:0")
    bind("[::1]:0", False).close()


def test_a_name_is_judged_by_what_it_means(capsys, pocket, monkeypatch):
    def resolve(*arguments, **options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("0.0.0.0", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "other machines can reach" in refused(capsys, pocket.path, "--listen", "localhost:0")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("128.0.0.1", False),
        ("192.168.1.2", False),
        ("fe80::1%eth0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_what_only_this_machine_reaches(host, loopback):
    assert is_loopback(host) is loopback


def test_others_must_not_read_the_token(capsys, pocket, tmp_path):
    """Invariant 50."""
    token = tmp_path / "token"
    for content, mode, says in ((TOKEN, 0o644, "chmod 600"), (b"short\n", 0o600, "at least 16")):
        token.write_bytes(content)
        token.chmod(mode)
        line = refused(capsys, pocket.path, "--listen", "127.0.0.1:0", "--token-file", token)
        assert says in line and content.decode().strip() not in line


def test_a_port_in_use_and_no_bundle(capsys, pocket, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "already in use" in refused(capsys, pocket.path, "--listen", where)
    assert "not a bundle" in refused(capsys, tmp_path)


def test_no_serial_port_is_3(capsys, pocket):
    assert main(["serve", str(pocket.path), "--serial", "/dev/ttyNOSUCH7"]) == 3
    assert "no such port" in capsys.readouterr().err


def test_the_runtime_is_the_first_that_is_here(pocket, monkeypatch):
    here = {"ai_edge_litert", "tflite_runtime"}
    monkeypatch.setattr(runtimes, "find_spec", lambda name: name if name in here else None)
    monkeypatch.setattr(runtimes.np, "__version__", "1.26.4")
    assert runtimes.choose(None, pocket) == ("native" if runtimes.shutil.which("cmake") else "litert")
    monkeypatch.setattr(runtimes.shutil, "which", lambda tool: None)
    assert runtimes.choose(None, pocket) == "litert"
    here.remove("ai_edge_litert")
    assert runtimes.choose(None, pocket) == "tflite-runtime"
    monkeypatch.setattr(runtimes.np, "__version__", "2.4.6")
    with pytest.raises(
        runtimes.MissingExtra, match=r"does not work with numpy 2\.4\.6: pip install .* 'numpy<2'"
    ):
        runtimes.choose(None, pocket)
    here.clear()
    for name, says in ((None, "nothing here runs the model"), ("litert", "pip install ai-edge-litert")):
        with pytest.raises(runtimes.MissingExtra, match=says):
            runtimes.choose(name, pocket)


def test_the_server_needs_the_base_install_alone(pocket, firmware):
    """What is imported, by the server and by the client: nothing of an extra."""
    script = (
        "import sys, nonn_mcu.cli.serve, nonn_mcu.serve.tcp, nonn_mcu.serve.serial_line, "
        "nonn_mcu.serve.runtimes, nonn_mcu.serve.interpreter, nonn_mcu.link.client\n"
        "absent = 'torch tensorflow onnx tflite_micro ai_edge_litert jinja2 flatbuffers tflite'.split()\n"
        "assert not set(absent) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_is_bound_is_not_left_open(pocket):
    """A port that was refused is free again."""
    with pytest.raises(ValueError):
        bind("0.0.0.0:0", False)
    first = bind("127.0.0.1:0", False)
    where = first.getsockname()
    first.close()
    wait_until(lambda: not bind(f"127.0.0.1:{where[1]}", False).close())
