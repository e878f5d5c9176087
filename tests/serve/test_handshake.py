"""The handshake's lines and its token, and clients that meet the wrong server."""

import hashlib
import hmac
import re
import socket
import threading
from contextlib import suppress

import pytest
from support.command import TOKEN

from nonn_mcu.errors import BadInput, LinkError
from nonn_mcu.link import handshake
from nonn_mcu.link.handshake import TOKEN_FILE
from nonn_mcu.link.ports import open_port
from nonn_mcu.link.tcp import TcpPort

SERVER, CLIENT = bytes(range(32)), bytes(range(100, 132))


def test_the_lines_are_what_the_page_says():
    assert handshake.challenge(SERVER) == b"NONN-MCU 1 " + SERVER.hex().encode() + b"\n"
    client_proof = hmac.new(TOKEN, b"client" + SERVER + CLIENT, hashlib.sha256).hexdigest()
    line = handshake.answer(TOKEN, SERVER, CLIENT)
    assert line == f"{CLIENT.hex()} {client_proof}\n".encode()
    assert handshake.read_answer(TOKEN, SERVER, line) == CLIENT
    server_proof = hmac.new(TOKEN, b"server" + CLIENT + SERVER, hashlib.sha256).hexdigest()
    assert handshake.confirmation(TOKEN, SERVER, CLIENT) == f"{server_proof}\n".encode()
    assert handshake.is_confirmation(TOKEN, SERVER, CLIENT, f"{server_proof}\n".encode())


GOOD = handshake.answer(TOKEN, SERVER, CLIENT)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.upper(),
        b" " + GOOD,
        GOOD.replace(b" ", b"  "),
        GOOD.replace(b" ", b"\0"),
        handshake.answer(TOKEN + b"!", SERVER, CLIENT),
        handshake.answer(TOKEN, CLIENT, CLIENT),
        handshake.answer(TOKEN, CLIENT, SERVER),
        # The server's own words for the same nonces, sent back.
        CLIENT.hex().encode() + b" " + handshake.confirmation(TOKEN, SERVER, CLIENT),
        SERVER.hex().encode() + b" " + handshake.confirmation(TOKEN, SERVER, SERVER),
    ],
)
def test_only_the_right_answer_is_one(line):
    assert handshake.read_answer(TOKEN, SERVER, line) is None


def test_a_bit_anywhere_spoils_the_answer():
    for at in range(len(GOOD)):
        for bit in range(8):
            line = bytearray(GOOD)
            line[at] ^= 1 << bit
            assert handshake.read_answer(TOKEN, SERVER, bytes(line)) is None


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (b"0123456789abcde \n", 0o600, "has 15 bytes, at least 16"),
        (b"", 0o600, "has 0 bytes"),
        (b" " * 100, 0o600, "has 0 bytes"),
        (b"x" * 4097, 0o600, "longer than 4096"),
        (TOKEN, 0o604, "other users can read"),
        (TOKEN, 0o602, "other users can read or change"),
        (None, 0o600, "No such file"),
    ],
)
def test_a_token_that_is_none(tmp_path, content, mode, says):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(BadInput, match=says) as caught:
        handshake.read_token(path)
    assert "\n" not in str(caught.value)


def test_a_folder_or_a_device_is_no_token(tmp_path):
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(BadInput):
            handshake.read_token(type(tmp_path)(path))


def test_white_space_around_a_token_does_not_count(token_file):
    assert handshake.read_token(token_file) == TOKEN


@pytest.mark.parametrize(
    "url", ["tcp://", "tcp://x", "tcp://:5", "tcp://x:0", "tcp://x:65536", "tcp://x:y", "tcp://u@x:5"]
)
def test_a_url_that_is_none(url):
    with pytest.raises(BadInput, match=re.escape(f"{url}: not a port: ")):
        open_port(url)


def test_nobody_listens():
    with pytest.raises(LinkError, match="is nonn-mcu serve running there"):
        open_port("TCP://127.0.0.1:1")


@pytest.fixture
def impostor():
    """A server that says its lines, one whenever the client has said one, and keeps what it hears."""
    running = []

    def impostor(*lines):
        server = socket.create_server(("127.0.0.1", 0))
        heard = []

        def run():
            connection, _ = server.accept()
            connection.settimeout(10)
            with connection, suppress(ConnectionResetError):  # a client hangs up on what is no handshake
                for line in lines:
                    connection.sendall(line)
                    heard.append(connection.recv(4096))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"tcp://127.0.0.1:{server.getsockname()[1]}", heard, thread

    yield impostor
    for server, thread in running:
        thread.join(10)
        server.close()


CHALLENGE = handshake.challenge(SERVER)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([CHALLENGE, b"0" * 64 + b"\n"], "does not know the token in"),
        ([CHALLENGE, b"\n"], "does not know the token in"),
        ([CHALLENGE, b"x" * 1000], "broke the handshake off"),
        ([CHALLENGE], "broke the handshake off"),
        ([CHALLENGE, handshake.DENIED], "wrong token"),
        ([handshake.BUSY], "another client has the device"),
        ([CHALLENGE, handshake.BUSY], "another client has the device"),
        ([CHALLENGE.replace(b" 1 ", b" 2 ")], "no challenge came"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "no challenge came"),
        ([b"\0" * 5000], "no challenge came"),
    ],
)
def test_a_client_with_a_token_says_nothing_to_a_server_without(
    impostor, token_file, monkeypatch, lines, says
):
    """Invariant 43: neither the token nor a byte of the protocol leaves before the server is proved."""
    monkeypatch.setenv(TOKEN_FILE, str(token_file))
    url, heard, thread = impostor(*lines)
    with pytest.raises(LinkError, match=says) as caught:
        TcpPort(url)
    assert "\n" not in str(caught.value)
    thread.join(10)
    said = b"".join(heard)
    assert TOKEN not in said and len(said) in (0, handshake.ANSWER_BYTES)
    assert said == b"" or handshake.read_answer(TOKEN, SERVER, said) not in (None, SERVER)


def test_a_client_with_a_token_gives_a_silent_server_up(impostor, token_file, monkeypatch):
    monkeypatch.setenv(TOKEN_FILE, str(token_file))
    monkeypatch.setattr(handshake, "SECONDS", 0.3)
    url, _, _ = impostor(b"NONN-MCU 1 ")
    with pytest.raises(LinkError, match=f"no challenge came: it has no token .unset {TOKEN_FILE} then"):
        TcpPort(url)


def test_a_client_without_a_token_is_told_to_have_one(impostor):
    url, _, _ = impostor(CHALLENGE)
    with pytest.raises(LinkError, match=f"wants a token: name its file in {TOKEN_FILE}"):
        TcpPort(url).read(5)


def test_a_connection_that_is_gone_is_a_link_error(impostor):
    url, _, thread = impostor(b"m-ready\n")
    port = TcpPort(url)
    assert port.read(5) == b"m-ready\n"
    port.write(b"\0")  # the impostor leaves
    thread.join(10)
    with pytest.raises(LinkError, match=r"closed the connection|the connection is gone"):
        port.read(5)
    port.close()
    with pytest.raises(LinkError, match="the connection is gone"):
        port.read(0)
    port.close()


def test_a_clients_nonce_is_never_the_same(impostor, token_file, monkeypatch):
    monkeypatch.setenv(TOKEN_FILE, str(token_file))
    said = set()
    for _ in range(3):
        url, heard, thread = impostor(CHALLENGE)
        with pytest.raises(LinkError):
            TcpPort(url)
        thread.join(10)
        said.add(heard[0][:64])
    assert len(said) == 3
