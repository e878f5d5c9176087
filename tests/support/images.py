"""Image files of a program: small writers of our own for what a board's linker and its helpers make."""

import struct


def elf(pieces, *, kind=2, bits=1, order=1):
    """A 32-bit executable whose program headers load ``pieces``, (address, bytes)."""
    start = 52 + 32 * len(pieces)
    headers, contents = b"", b""
    for address, content in pieces:
        offset = start + len(contents)
        headers += struct.pack("<8I", 1, offset, address, address, len(content), len(content), 5, 4)
        contents += content
    head = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", kind, 40, 1, 0, 52, 0, 0, 52, 32, len(pieces), 40, 0, 0)
    return head + headers + contents


def loaded(data):
    """(address, bytes) of what an ELF's program headers load, read with a simpler eye than the product's."""
    (table,) = struct.unpack_from("<I", data, 28)
    (count,) = struct.unpack_from("<H", data, 44)
    headers = [struct.unpack_from("<6I", data, table + 32 * i) for i in range(count)]
    return [(h[3], data[h[1] : h[1] + h[4]]) for h in headers if h[0] == 1 and h[4]]


def uf2(pieces, family=0xE48BFF56):
    """Blocks of 256 bytes; the last of each piece is filled up with zeros."""
    pages = [
        (address + at, content[at : at + 256].ljust(256, b"\0"))
        for address, content in pieces
        for at in range(0, len(content), 256)
    ]
    return b"".join(
        uf2_block(address, page, number, len(pages), family) for number, (address, page) in enumerate(pages)
    )


def uf2_block(address, page, number, count, family):
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, len(page), number, count, family)
    return (head + page).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def intel_hex(pieces, end=True):
    """Records of 16 bytes, with linear addresses."""
    lines, high = [], 0
    for address, content in pieces:
        for at in range(0, len(content), 16):
            where = address + at
            if where >> 16 != high:
                high = where >> 16
                lines.append(record(0, 4, high.to_bytes(2)))
            lines.append(record(where & 0xFFFF, 0, content[at : at + 16]))
    return "".join(lines + [record(0, 1, b"")] * end).encode()


def record(address, kind, content):
    body = bytes([len(content), *address.to_bytes(2), kind]) + content
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}\n"
