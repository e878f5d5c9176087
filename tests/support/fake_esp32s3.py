"""An ESP32-S3 as esptool sees it, on a pseudo-terminal: boot loader in ROM, flasher stub, and then a program.

The serial protocol is that of Espressif's documentation of esptool: SLIP frames, a header of direction,
command, length and checksum or value. Once nobody has the port open any more, which stands for the reset that
a pseudo-terminal has no line for, the port is the program's: what the host firmware says.
"""

import hashlib
import os
import select
import struct
import threading
import time
import tty
import zlib

END, ESCAPE = b"\xc0", b"\xdb"
SYNC, MEM_END, READ_REG, MD5, SECURITY = 0x08, 0x06, 0x0A, 0x13, 0x14
BEGINS, DATA = (0x02, 0x10), (0x03, 0x11)  # plain, compressed
SPI_W0 = 0x60002058  # where the flash's JEDEC id is read
JEDEC_8MB = 0x1740EF
REGISTERS = {SPI_W0: JEDEC_8MB, 0x40001000: 9}  # the second is how esptool 4 knows the chip


class FakeEsp32S3:
    """The chip. ``flash`` is what was written; ``program`` starts a device and gives its port.

    What can go wrong: it is another chip, what it wrote ``goes_bad``, it ``dies_after`` so many commands.
    """

    def __init__(self, program=None, *, chip_id=9, goes_bad=False, dies_after=None):
        self.flash = bytearray(b"\xff" * (8 << 20))
        self.commands = []
        self._program, self._chip_id = program, chip_id
        self._goes_bad, self._dies_after = goes_bad, dies_after
        self._stub = False
        self._at, self._inflate = 0, None
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._keep = slave  # without it the master hangs up before esptool comes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(5)
        os.close(self._master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _live(self):
        buffer = b""
        while not self._stop.is_set():
            chunk = self._read(self._master)
            if chunk is None:
                if self._program is not None:
                    self._run_program(self._program())
                return
            buffer += chunk
            while buffer.count(END) >= 2:
                _, frame, buffer = buffer.split(END, 2)
                self._answer(frame.replace(b"\xdb\xdc", END).replace(b"\xdb\xdd", ESCAPE))
                if self._dies_after is not None and len(self.commands) >= self._dies_after:
                    self._stop.wait()

    def _read(self, fd):
        """What came; nothing for a while is empty, None is that the other side is gone."""
        if not select.select([fd], [], [], 0.05)[0]:
            return b""
        try:
            return os.read(fd, 4096)
        except OSError:
            return None

    def _answer(self, frame):
        _, command, _, _ = struct.unpack_from("<BBHI", frame)
        body = frame[8:]
        if self._keep is not None:
            os.close(self._keep)  # esptool has it open now: from here on its leaving shows
            self._keep = None
        self.commands.append(command)
        value, data = 0, b""
        if command == SYNC:
            for _ in range(8):
                self._send(struct.pack("<BBHI", 1, SYNC, 4, 0x20120707) + bytes(4))
            return
        if command == READ_REG:
            value = REGISTERS.get(struct.unpack("<I", body)[0], 0)
        elif command == SECURITY:
            data = struct.pack("<I8xII", 0, self._chip_id, 0)
        elif command in BEGINS:
            _, _, _, self._at = struct.unpack_from("<4I", body)
            self._inflate = zlib.decompressobj()
        elif command in DATA:
            size, _ = struct.unpack_from("<2I", body)
            plain = body[16 : 16 + size]
            if command == DATA[1]:
                plain = self._inflate.decompress(plain)
            self.flash[self._at : self._at + len(plain)] = plain
            self._at += len(plain)
        elif command == MD5:
            address, size, _, _ = struct.unpack_from("<4I", body)
            if self._goes_bad:
                self.flash[address + size // 2] ^= 1
            data = hashlib.md5(self.flash[address : address + size]).digest()
        status = bytes(2 if self._stub else 4)
        self._send(struct.pack("<BBHI", 1, command, len(data) + len(status), value) + data + status)
        if command == MEM_END and not self._stub:
            self._stub = True
            self._send(b"OHAI")

    def _send(self, frame):
        escaped = frame.replace(ESCAPE, b"\xdb\xdd").replace(END, b"\xdb\xdc")
        os.write(self._master, END + escaped + END)

    def _run_program(self, port):
        """Pass on what the host says to the device's port, and back, as long as anybody is there."""
        device = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(device)
        try:
            while not self._stop.is_set():
                if to_device := self._read(self._master):
                    os.write(device, to_device)
                elif to_device is None:
                    time.sleep(0.02)  # nobody has the port open
                if to_host := self._read(device):
                    os.write(self._master, to_host)
        finally:
            os.close(device)
