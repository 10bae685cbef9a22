#!/usr/bin/python3
"""An independent verifier of a pued store, written from docs/evidence-format.md alone (SQLite, SHA-256, nothing of pued).

    verify_store.py DIR [--head FILE]       one line of JSON; exit 0 valid, 12 not valid
"""
import hashlib
import json
import sqlite3
import struct
import sys
from pathlib import Path

KINDS = 11


class Bad(Exception):
    """The first record that does not fit."""


def sha(*pieces):
    h = hashlib.sha256()
    for piece in pieces:
        h.update(piece)
    return h.digest()


def i64(value):
    return struct.pack(">q", value)


def u64(value):
    return struct.pack(">Q", value & 0xFFFFFFFFFFFFFFFF)


def root_of(leaves):
    """RFC 9162 section 2.1.1, straight from its definition."""
    if not leaves:
        return sha(b"")
    level = list(leaves)
    while len(level) > 1:
        level = [sha(b"\x01", level[i], level[i + 1]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def peaks_of(leaves):
    peaks, at = [], 0
    for bit in reversed(range(64)):
        if len(leaves) >> bit & 1:
            peaks.append(root_of(leaves[at:at + (1 << bit)]))
            at += 1 << bit
    return peaks


class Varints:
    def __init__(self, data):
        self.data, self.at = data, 0

    def done(self):
        return self.at >= len(self.data)

    def u(self):
        shift = value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def z(self):
        v = self.u()
        return (v >> 1) ^ -(v & 1)


def check_evidence(db, head):
    leaves, witnesses = [], {}
    for size, root in db.execute("SELECT size, root FROM head"):
        witnesses[size] = (root, f"signed head {size}")
    if head:
        witnesses[head["size"]] = (bytes.fromhex(head["root"]), "the head kept elsewhere")
    for ix, kind, at, data, leaf_hash in db.execute("SELECT ix, kind, at, bytes, hash FROM leaf ORDER BY ix"):
        if ix != len(leaves):
            raise Bad(f"leaf {len(leaves)}: missing")
        if not (isinstance(kind, int) and isinstance(at, int) and isinstance(data, bytes)) or not 0 <= kind < KINDS:
            raise Bad(f"leaf {ix}: column types")
        if sha(b"\x00", bytes([kind]), i64(at), data) != leaf_hash:
            raise Bad(f"leaf {ix}: hash")
        leaves.append(leaf_hash)
    for size, (root, name) in sorted(witnesses.items()):
        if size > len(leaves):
            raise Bad(f"leaf {len(leaves)}: missing, {name}")
        if root_of(leaves[:size]) != root:
            raise Bad(f"leaf ..{size - 1}: rewritten, {name}")
    rows = db.execute("SELECT epoch, session, serial, next_seq, position, size, peaks, root, outbox, heads, checkpoint, seal FROM state").fetchall()
    if len(rows) != 1:
        raise Bad("state: row")
    epoch, session, serial, next_seq, position, size, peaks, root, outbox, heads, checkpoint, seal = rows[0]
    if size != len(leaves) or root != root_of(leaves) or peaks != b"".join(peaks_of(leaves)):
        raise Bad("state: not the tree of the leaves")
    if seal != sha(b"pued state 1", *map(u64, (epoch, session, serial, next_seq, position, size)), peaks, root, outbox, heads, checkpoint):
        raise Bad("state: seal")
    total = 0
    for size, at, jws, _, row_sum in db.execute("SELECT size, at, jws, root, sum FROM head"):
        if row_sum != sha(b"pued head 1", u64(size), u64(at), jws):
            raise Bad(f"signed head {size}: sum")
        total ^= int.from_bytes(row_sum, "big")
    if total != int.from_bytes(heads, "big"):
        raise Bad("signed heads: one is missing or was added")
    data = db.execute("SELECT bytes FROM checkpoint").fetchone()
    if sha(data[0] if data else b"") != checkpoint:
        raise Bad("checkpoint: hash")
    total = 0
    for seq, row_epoch, at, sent, delivered, topic, payload, row_sum in db.execute(
            "SELECT seq, epoch, at, sent, delivered, topic, payload, sum FROM outbox"):
        topic = topic.encode()
        if row_sum != sha(b"pued outbox 1", *map(u64, (seq, row_epoch, at, sent, delivered, len(topic))), topic, payload) or seq >= next_seq:
            raise Bad(f"report {seq}: sum")
        total ^= int.from_bytes(row_sum, "big")
    if total != int.from_bytes(outbox, "big"):
        raise Bad("outbox: a report is missing or was added")
    return leaves, epoch, position


def read_row(body, last, sample):
    """store/row.h: calls sample(position, series, value or None) for each."""
    if body[0] != 1 or body[1] > 1:
        raise Bad("row version")
    if body[1] == 1:
        last.clear()
    v = Varints(body[2:])
    position = series = quality = 0
    while not v.done():
        tag = v.u()
        kind, argument = tag & 3, tag >> 2
        if kind == 0:
            position += v.u()
            series += v.z()
            for _ in range(argument):
                if quality <= 2:
                    last[series] = last.get(series, 0) + v.z()
                sample(position, series)
                position += 1
                series += 1
        elif kind == 1:
            v.z()
        elif kind == 2:
            v.u()
            v.z()
        else:
            quality = argument & 7


def check_journal(db, checkpoint_position):
    known = set()
    for row in db.execute("SELECT sid, id, device, quantity, scope, configured, count_num, count_den, label, sum FROM series ORDER BY sid"):
        sid, ident, device, quantity, scope, configured, num, den, label, row_sum = row
        text = f"{sid}\n{ident}\n{device} {quantity} {scope} {configured} {num}/{den}\n{label or ''}"
        if row_sum != sha(u64(sid), text.encode())[:8]:
            raise Bad(f"series {sid}: sum")
        if sid != len(known):
            raise Bad(f"series {len(known)}: missing")
        known.add(sid)
    losses = {}
    for position, n, first, to, row_sum in db.execute("SELECT position, n, wall_from, wall_to, sum FROM loss"):
        if row_sum != sha(u64(position), f"{n} {first} {to}".encode())[:8]:
            raise Bad(f"loss {position}: sum")
        losses[position] = n
    next_position = db.execute("SELECT position FROM state").fetchone()[0]
    chains, rows_seen = {}, 0
    for no, position, n, first, to, body in db.execute("SELECT no, position, n, wall_from, wall_to, body FROM tick ORDER BY no"):
        if body[-8:] != sha(*map(u64, (no, position, n, first, to)), body[:-8])[:8]:
            raise Bad(f"journal tick {no}: sum")
        lost = sum(k for p, k in losses.items() if next_position <= p < position)
        if position != next_position + lost:
            raise Bad(f"journal tick {no}: position")
        seen = set()
        for key, row in db.execute("SELECT key, body FROM journal WHERE key >= ? AND key < ?", (no << 16, (no + 1) << 16)):
            rows_seen += 1
            if row[-8:] != sha(u64(key), row[:-8])[:8]:
                raise Bad(f"journal tick {no}: row {key}: sum")
            shard = key & 0xFFFF

            def sample(at, series):
                if not position <= at < position + n or shard << 10 | series not in known:
                    raise Bad(f"journal tick {no}: row {key}: sample")
                seen.add(at)

            read_row(row[:-8], chains.setdefault(shard, {}), sample)
        if len(seen) != n:
            raise Bad(f"journal tick {no}: samples are missing")
        next_position = position + n
    if rows_seen != db.execute("SELECT count(*) FROM journal").fetchone()[0]:
        raise Bad("journal: rows of no tick")
    if next_position < checkpoint_position:
        raise Bad("journal: behind the checkpoint")


def check_windows(directory, journal):
    """Sums and counts of what is sealed; the blocks themselves are opaque here."""
    after, end, first, samples = -1, None, None, 0
    files = [(p.name, sqlite3.connect(f"file:{p}?mode=ro", uri=True)) for p in sorted(Path(directory).glob("raw-????-??.db"))]
    for name, db in [*files, ("journal.db", journal)]:
        for row in db.execute("SELECT id, id_to, position, n, wall_from, wall_to, blocks, stamps, sum FROM window ORDER BY id").fetchall():
            ident, id_to, position, n, _, _, blocks, stamps, row_sum = row
            if row_sum != sha(*map(u64, row[:8]))[:8]:
                raise Bad(f"{name}: window {ident}: sum")
            if ident <= after:
                continue
            if end is not None and position < end:
                raise Bad(f"{name}: window {ident}: position")
            for table, want in (("block", blocks), ("stamps", stamps)):
                rows = db.execute(f"SELECT key, body FROM {table} WHERE key >= ? AND key < ?", (ident << 32, ident + 1 << 32)).fetchall()
                if len(rows) != want:
                    raise Bad(f"{name}: window {ident}: {table} missing")
                for key, body in rows:
                    if body[-8:] != sha(u64(key), body[:-8])[:8]:
                        raise Bad(f"{name}: window {ident}: {table} {key}: sum")
            first = position if first is None else first
            after, end, samples = id_to, position + n, samples + n
    sealed = journal.execute("SELECT position FROM state").fetchone()[0]
    if first is not None:
        lost = journal.execute("SELECT coalesce(sum(n), 0) FROM loss WHERE position >= ? AND position < ?", (first, sealed)).fetchone()[0]
        if sealed - first != samples + lost:
            raise Bad("a window is missing")


def check_segments(directory, evidence):
    """Closed months: their files and rollups against their leaves."""
    lines = [bytes(row[0]) for row in evidence.execute("SELECT bytes FROM leaf WHERE kind = 10 ORDER BY ix")]
    leaves = [json.loads(line) for line in lines if line.startswith(b'{"event":')]
    dropped = {leaf["segment"] for leaf in leaves if leaf["event"] == "dropped"}
    for leaf in leaves:
        if leaf["event"] != "closed":
            continue
        path = Path(directory) / leaf["segment"]
        if not path.exists():
            if leaf["segment"] not in dropped:
                raise Bad(f"{path.name}: missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != leaf["sha256"]:
            raise Bad(f"{path.name}: changed")
        rollup = sqlite3.connect(f"file:{directory}/rollup.db?mode=ro", uri=True)
        digest = hashlib.sha256()
        for key, body in rollup.execute("SELECT key, body FROM block WHERE key >= ? AND key < ? ORDER BY key", (leaf["first"] << 32, leaf["last"] + 1 << 32)):
            digest.update(u64(key) + u64(len(body)) + body)
        if digest.hexdigest() != leaf["rollups"]:
            raise Bad(f"rollup.db: {leaf['segment']}")


def verify(directory, head=None):
    result = {"valid": False, "size": None, "root": None, "epoch": None, "first_bad": None}
    try:
        evidence = sqlite3.connect(f"file:{directory}/evidence.db?mode=ro", uri=True)
        journal = sqlite3.connect(f"file:{directory}/journal.db?mode=ro", uri=True)
        leaves, result["epoch"], position = check_evidence(evidence, head)
        check_journal(journal, position)
        check_segments(directory, evidence)
        check_windows(directory, journal)
        result.update(valid=True, size=len(leaves), root=root_of(leaves).hex())
    except (Bad, sqlite3.Error, IndexError, TypeError, ValueError, AttributeError, struct.error) as problem:
        result["first_bad"] = str(problem) or type(problem).__name__
    return result


if __name__ == "__main__":
    args = sys.argv[1:]
    head_file = args[args.index("--head") + 1] if "--head" in args else None
    answer = verify(args[0], json.loads(Path(head_file).read_text()) if head_file else None)
    print(json.dumps(answer))
    sys.exit(0 if answer["valid"] else 12)
