"""Good bytes made bad, reproducibly: flips, cuts, insertions, swaps, lies in the header, PNG chunks with true sums."""

import random
import struct
import zlib

LIES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _place(rng, data):
    """Somewhere, mostly near the start: headers are where the damage is."""
    return rng.randrange(max(1, min(len(data), 64) if rng.random() < 0.3 else len(data)))


def _flip(rng, data, _):
    for _time in range(rng.choice((1, 1, 2, 8, 64)) if data else 0):
        data[_place(rng, data)] ^= 1 << rng.randrange(8)
    return data


def _overwrite(rng, data, _):
    for _time in range(rng.choice((1, 2, 16)) if data else 0):
        data[_place(rng, data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return data


def _cut(rng, data, _):
    return data[: _place(rng, data)]


def _remove(rng, data, _):
    start = _place(rng, data)
    return data[:start] + data[start + rng.randrange(1, 40) :]


def _insert(rng, data, _):
    start = _place(rng, data)
    return data[:start] + rng.randbytes(rng.randrange(1, 40)) + data[start:]


def _repeat(rng, data, _):
    start = _place(rng, data)
    piece = data[start : start + rng.randrange(1, 200)]
    return data[:start] + piece * rng.randrange(2, 20) + data[start:]


def _swap(rng, data, _):
    a, b, c = sorted(_place(rng, data) for _time in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _lie(rng, data, _):
    """A number of 2, 4 or 8 bytes in either order."""
    order, kind = rng.choice("<>"), rng.choice("HIQ")
    number = struct.pack(order + kind, rng.choice(LIES) % (1 << (8 * struct.calcsize(kind))))
    start = _place(rng, data)
    return data[:start] + number + data[start + len(number) :]


def _splice(rng, data, other):
    """The start of one file and the end of another."""
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _zeros(rng, data, _):
    start, count = _place(rng, data), rng.randrange(1, 400)
    return data[:start] + bytes(len(data[start : start + count])) + data[start + count :]


def _chunks(rng, data, other):
    """A PNG with one chunk changed, doubled, dropped or moved, its sums right again; something else for others."""
    if not data.startswith(b"\x89PNG") or len(data) < 20:
        return _lie(rng, data, other)
    chunks, at = [], 8
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((bytes(data[at + 4 : at + 8]), data[at + 8 : at + 8 + size]))
        at += 12 + size
    number = rng.randrange(len(chunks))
    name, body = chunks[number]
    what = rng.randrange(4)
    if what == 0 and body:
        chunks[number] = name, rng.choice((_flip, _overwrite, _cut, _lie, _insert))(rng, bytearray(body), b"")
    elif what == 1:
        chunks.insert(rng.randrange(len(chunks)), chunks[number])
    elif what == 2:
        del chunks[number]
    else:
        chunks[number] = rng.choice((b"tEXt", b"zTXt", b"iTXt", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"eXIf")), body
    return bytearray(data[:8]) + b"".join(map(_chunk, chunks))


def _chunk(chunk):
    name, body = chunk
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


MUTATIONS = (_flip, _overwrite, _cut, _remove, _insert, _repeat, _swap, _lie, _splice, _zeros, _chunks)


def mutated(seed, data, other):
    """`data` with one to three mutations, the same for the same `seed`; `other` is another file to take from."""
    rng = random.Random(seed)
    changed = bytearray(data)
    for _time in range(rng.choice((1, 1, 1, 2, 3))):
        if changed:
            changed = rng.choice(MUTATIONS)(rng, changed, other)
    return bytes(changed)
