"""Attacks on the server: who gets to the device, and what those can do who do not (docs/security.md)."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress

import pytest
from support.command import TOKEN, wait_until

from nonn_mcu.errors import LinkError
from nonn_mcu.link import handshake
from nonn_mcu.link.client import Device
from nonn_mcu.link.frame import encode
from nonn_mcu.link.handshake import (
    ANSWER_BYTES,
    BUSY,
    CHALLENGE_BYTES,
    CONFIRMATION_BYTES,
    DENIED,
    TOKEN_FILE,
)
from nonn_mcu.serve import gate, tcp
from nonn_mcu.serve.gate import Gate

HELLO = encode(b"\x01\x10\x07\x00\x00\x00\x04\x00")
STATS = encode(b"\x06\x10\x00\x00")


@pytest.fixture
def knows_token(token_file, monkeypatch):
    monkeypatch.setenv(TOKEN_FILE, str(token_file))


def receive(connection, count):
    """Up to ``count`` bytes; fewer at the end."""
    data = b""
    while len(data) < count and (part := connection.recv(count - len(data))):
        data += part
    return data


def rest_of(connection):
    """What comes until the server closes."""
    data = b""
    with suppress(ConnectionResetError):  # closed with bytes of ours unread
        while part := connection.recv(4096):
            data += part
    return data


def nonce_of(connection):
    return handshake.read_challenge(receive(connection, CHALLENGE_BYTES))


def enter(connection, token=TOKEN):
    """Shake hands; the connection is the device's line then."""
    nonce, mine = nonce_of(connection), bytes(32)
    connection.sendall(handshake.answer(token, nonce, mine))
    assert handshake.is_confirmation(token, nonce, mine, receive(connection, CONFIRMATION_BYTES))


def assert_answers(connection):
    """The line is the device's: behind its greeting, perhaps, it answers."""
    connection.sendall(STATS)
    data = b""
    while b"\0" not in data or b"\x86" not in data:
        part = connection.recv(4096)
        assert part, data
        data += part


def test_with_the_token_the_device_is_there(serving, check_device, knows_token):
    served = serving(TOKEN)
    check_device(served.url)
    check_device(served.url)
    wait_until(lambda: sum("left" in line for line in served.log) == 2)
    assert not any("refused" in line for line in served.log)


def test_without_a_token_the_protocol_is_spoken_at_once(serving, check_device):
    served = serving()
    check_device(served.url)
    check_device(served.url.replace("tcp://", "socket://"))


def test_a_client_without_the_token_is_told(serving):
    with Device.open(serving(TOKEN).url) as device, pytest.raises(LinkError, match="wants a token"):
        device.hello()


def test_a_client_with_another_token_is_told(serving, knows_token, token_file):
    served = serving(b"another token of some length")
    with pytest.raises(LinkError, match=f"wrong token: the server does not know the one in {token_file}"):
        Device.open(served.url)
    wait_until(lambda: any("wrong token" in line for line in served.log))


def test_a_client_with_a_token_refuses_a_server_without(serving, knows_token, monkeypatch):
    monkeypatch.setattr(handshake, "SECONDS", 0.5)
    with pytest.raises(LinkError, match="it has no token"):
        Device.open(serving().url)


ATTACKS = {
    "nothing": lambda nonce, recorded: b"",
    "frames": lambda nonce, recorded: HELLO * 8,
    "text": lambda nonce, recorded: b"name%" * 27,
    "empty line": lambda nonce, recorded: b"\n",
    "too long": lambda nonce, recorded: b"a" * 100_000,
    "wrong token": lambda nonce, recorded: handshake.answer(bytes(16), nonce, bytes(32)),
    "empty token": lambda nonce, recorded: handshake.answer(b"", nonce, bytes(32)),
    "replay": lambda nonce, recorded: recorded,
    "echo": lambda nonce, recorded: handshake.challenge(nonce),
    "right, and more in the same breath": lambda nonce, recorded: (
        handshake.answer(TOKEN, nonce, bytes(32)) + HELLO
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_who_does_not_know_the_token_gets_nothing(serving, attack, monkeypatch):
    """Invariants 41 and 42: no byte of the device, no byte to it, and no proof of the server's."""
    served = serving(TOKEN)
    with served.connect() as connection:
        nonce, mine = nonce_of(connection), bytes(32)
        recorded = handshake.answer(TOKEN, nonce, mine)
        connection.sendall(recorded)
        receive(connection, CONFIRMATION_BYTES)
    wait_until(lambda: any("left" in line for line in served.log))
    monkeypatch.setattr(handshake, "SECONDS", 0.5)
    with served.connect() as connection:
        nonce = nonce_of(connection)
        with suppress(ConnectionError):  # the deadline came first
            connection.sendall(ATTACKS[attack](nonce, recorded))
        assert rest_of(connection) in (b"", DENIED)
    monkeypatch.undo()
    with served.connect() as connection:
        enter(connection)
        assert_answers(connection)
    wait_until(lambda: sum("left" in line for line in served.log) == 2)
    assert sum("refused" in line for line in served.log) == 1


def test_nonces_are_never_the_same(serving):
    served = serving(TOKEN)
    seen = set()
    for _ in range(5):
        with served.connect() as connection:
            seen.add(nonce_of(connection))
    assert len(seen) == 5 and None not in seen


def test_a_handshake_by_the_byte_is_one(serving):
    with serving(TOKEN).connect() as connection:
        nonce = nonce_of(connection)
        for byte in handshake.answer(TOKEN, nonce, bytes(32)):
            connection.sendall(bytes([byte]))
        assert len(receive(connection, CONFIRMATION_BYTES)) == CONFIRMATION_BYTES
        assert_answers(connection)


def test_failures_are_slowed_down(serving):
    """Invariant 44: five at once, then one a second, whoever comes."""
    served = serving(TOKEN)
    began = time.monotonic()
    for _ in range(gate.FREE + 2):
        with served.connect() as connection:
            nonce = nonce_of(connection)
            connection.sendall(handshake.answer(bytes(16), nonce, bytes(32)))
            assert rest_of(connection) == DENIED
    elapsed = time.monotonic() - began
    assert 1.9 < elapsed < 20
    with served.connect() as connection:  # and the door is not shut for good
        enter(connection)


def test_the_gate_counts_in_one_number():
    now = 1000.0
    door = Gate(lambda: now)
    waits = []
    for _ in range(8):
        waits.append(round(door.wait(), 6))
        door.failed()
    assert waits == [0, 0, 0, 0, 0, 1, 2, 3]
    passed = 0
    for _ in range(10_000):  # whoever waits as told
        now += door.wait()
        door.failed()
        passed += 1
    assert abs((now - 1000) - (passed + 8 - gate.FREE)) < 1e-6
    now += 1e6
    assert door.wait() == 0


def test_silent_visitors_do_not_keep_anyone_out(serving, check_device, knows_token):
    """Invariant 45: more of them than there is room for; the oldest makes room, and the client is served."""
    served = serving(TOKEN)
    silent = [served.connect() for _ in range(tcp.MOST_VISITORS)]
    assert all(nonce_of(connection) for connection in silent)
    check_device(served.url)
    assert silent[0].recv(1) == b""
    for connection in silent:
        connection.close()


def test_a_handshake_has_a_deadline(serving, monkeypatch):
    monkeypatch.setattr(handshake, "SECONDS", 0.4)
    with serving(TOKEN).connect() as connection:
        assert nonce_of(connection)
        began = time.monotonic()
        for _ in range(100):  # a byte now and then wins no time
            try:
                connection.sendall(b"0")
            except OSError:
                break
            time.sleep(0.05)
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("token", [None, TOKEN], ids=["open", "token"])
def test_a_second_client_is_told_busy(serving, check_device, token, request, monkeypatch):
    """Invariant 46: by the first line, and the first client notices nothing."""
    served = serving(token)
    with served.connect() as first:
        if token:
            enter(first)
            request.getfixturevalue("knows_token")
        else:
            first.sendall(HELLO)
            receive(first, 1)
        for _ in range(20):
            with served.connect() as second:
                second.sendall(HELLO * 100)
                assert rest_of(second) == BUSY
        with pytest.raises(LinkError, match="another client has the device"):
            Device.open(served.url).hello()
        assert_answers(first)
    check_device(served.url)
    assert any("21 others were turned away" in line for line in served.log)


def test_two_handshakes_at_once_make_one_client(serving):
    served = serving(TOKEN)
    with served.connect() as first, served.connect() as second:
        nonces = [nonce_of(connection) for connection in (first, second)]
        first.sendall(handshake.answer(TOKEN, nonces[0], bytes(32)))
        assert len(receive(first, CONFIRMATION_BYTES)) == CONFIRMATION_BYTES
        second.sendall(handshake.answer(TOKEN, nonces[1], bytes(32)))
        assert rest_of(second) == BUSY


def vanish(connection):
    """Close without a word, as a machine that lost its power and came back does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_a_frame(connection):
    connection.sendall(HELLO[:5])
    vanish(connection)


def flood_without_reading(connection):
    """Requests until nothing moves any more: what is kept is bounded on the way there and back."""
    connection.settimeout(0.5)
    with pytest.raises(TimeoutError):
        for _ in range(2000):
            connection.sendall(STATS * 1000)
    vanish(connection)


def garbage(connection):
    rng = random.Random(1)
    reader = threading.Thread(target=rest_of, args=(connection.dup(),), daemon=True)
    reader.start()
    for _ in range(50):
        connection.sendall(rng.randbytes(4096))
    connection.shutdown(socket.SHUT_RDWR)
    reader.join(10)


@pytest.mark.parametrize("token", [None, TOKEN], ids=["open", "token"])
@pytest.mark.parametrize("behave", [vanish, half_a_frame, flood_without_reading, garbage])
def test_no_client_spoils_the_next_ones_device(serving, check_device, request, token, behave):
    """Invariant 47."""
    served = serving(token)
    with served.connect() as connection:
        if token:
            enter(connection)
            request.getfixturevalue("knows_token")
        behave(connection)
    wait_until(lambda: any("left" in line for line in served.log))
    check_device(served.url)


def test_many_connections_at_once_end_nothing(serving, check_device, knows_token):
    served = serving(TOKEN)
    crowd = [served.connect() for _ in range(8)]
    for connection in crowd:
        vanish(connection)
    check_device(served.url, patience=30)


def test_what_is_on_its_way_is_bounded():
    """Invariant 47: a relay stops reading where the other end takes nothing."""
    from nonn_mcu.serve import relay

    client, clients_end = socket.socketpair()
    line, device = socket.socketpair()
    with client, clients_end, line, device:
        for one in (client, clients_end, line, device):
            one.setblocking(False)
        running = relay.Relay(client.fileno(), line.fileno())
        for _ in range(500):
            for end in (clients_end, device):
                with suppress(BlockingIOError):
                    end.send(b"x" * 4096)
            readable = running.readers()
            assert running.move(readable, [])
        assert readable == []
        assert running.from_client <= relay._ROOM + relay._PART


@pytest.mark.parametrize("size", [ANSWER_BYTES - 1, ANSWER_BYTES, ANSWER_BYTES + 1])
def test_a_line_without_an_end_is_cut(serving, size, monkeypatch):
    if size < ANSWER_BYTES:
        monkeypatch.setattr(handshake, "SECONDS", 0.5)
    with serving(TOKEN).connect() as connection:
        assert nonce_of(connection)
        with suppress(ConnectionError):
            connection.sendall(b"a" * size)
        assert rest_of(connection) == (b"" if size < ANSWER_BYTES else DENIED)
