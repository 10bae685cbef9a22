#!/usr/bin/python3
"""An independent verifier of a pued store, written from docs/evidence-format.md alone (SQLite, SHA-256, nothing of pued).

    verify_store.py DIR [--head FILE]       one line of JSON; exit 0 valid, 12 not valid
"""
import base64
import datetime
import hashlib
import json
import re
import sqlite3
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import sealed  # noqa: E402

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


def payload_of(envelope):
    """What was signed; whether a trusted key did is for a JOSE library."""
    text = json.loads(envelope)["payload"]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def tree_of(report):
    """Size and root that a report names; None for what is none."""
    try:
        said = payload_of(report)
    except (ValueError, KeyError, TypeError):
        return None
    tree = said.get("tree", said)
    return tree if isinstance(tree, dict) and "root" in tree and "size" in tree else None


def check_evidence(db, head):
    leaves, witnesses = [], []
    for size, root, jws in db.execute("SELECT size, root, jws FROM head"):
        said = payload_of(jws)
        if said["size"] != size or bytes.fromhex(said["root"]) != root:
            raise Bad(f"signed head {size}: what was signed is another")
        witnesses.append((size, root, f"signed head {size}"))
    for seq, payload in db.execute("SELECT seq, payload FROM outbox"):
        tree = tree_of(payload)
        if tree:
            witnesses.append((tree["size"], bytes.fromhex(tree["root"]), f"report {seq}"))
    if head:
        witnesses.append((head["size"], bytes.fromhex(head["root"]), "the head kept elsewhere"))
    restored = None
    for ix, kind, at, data, leaf_hash in db.execute("SELECT ix, kind, at, bytes, hash FROM leaf ORDER BY ix"):
        if ix != len(leaves):
            raise Bad(f"leaf {len(leaves)}: missing")
        if not (isinstance(kind, int) and isinstance(at, int) and isinstance(data, bytes)) or not 0 <= kind < KINDS:
            raise Bad(f"leaf {ix}: column types")
        if sha(b"\x00", bytes([kind]), i64(at), data) != leaf_hash:
            raise Bad(f"leaf {ix}: hash")
        leaves.append(leaf_hash)
        told = re.fullmatch(rb'\{"epoch":(\d+),"event":"restored","previous_epoch":(\d+)\}', data) if kind == 9 else None
        if told:
            if int(told[1]) <= int(told[2]) or restored not in (None, int(told[2])):
                raise Bad(f"leaf {ix}: epochs")
            restored = int(told[1])
    for size, root, name in sorted(witnesses):
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
    if restored not in (None, epoch) or (head and head.get("epoch", 0) > epoch):
        raise Bad("state: epoch")
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


def check_window(name, db, rolled, ident, blocks, n_stamps):
    """Every block decodes; against the quarters kept of it, when there are any.  How many samples."""
    rows = {}
    for table, want in (("block", blocks), ("stamps", n_stamps)):
        rows[table] = db.execute(f"SELECT key, body FROM {table} WHERE key >= ? AND key < ?", (ident << 32, ident + 1 << 32)).fetchall()
        if len(rows[table]) != want:
            raise Bad(f"{name}: window {ident}: {table} missing")
        for key, body in rows[table]:
            if body[-8:] != sha(u64(key), body[:-8])[:8]:
                raise Bad(f"{name}: window {ident}: {table} {key}: sum")
    at = {key & 0xFFFFFFFF: sealed.stamps(body[:-8]) for key, body in rows["stamps"]}
    samples = 0
    for key, body in rows["block"]:
        number, said = sealed.block(body[:-8])
        if number not in at or len(at[number]) != len(said):
            raise Bad(f"{name}: window {ident}: block {key}: other stamps")
        samples += len(said)
        if rolled is not None and (key not in rolled or sealed.quarters(rolled[key]) != sealed.quarters_of(at[number], said)):
            raise Bad(f"rollup.db: {key}: not the quarters of its readings")
    return samples


def lost_between(journal, first, end):
    return journal.execute("SELECT coalesce(sum(n), 0) FROM loss WHERE position >= ? AND position < ?", (first, end)).fetchone()[0]


def rolled_days(directory, journal):
    """Of rollup.db: its windows in order, and its bodies by key."""
    path = Path(directory) / "rollup.db"
    if not path.exists() or not path.stat().st_size:
        return [], {}
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    windows, bodies = {}, {}
    for row in db.execute("SELECT id, id_to, position, n, wall_from, wall_to, blocks, stamps, sum FROM window"):
        if row[8] != sha(*map(u64, row[:8]))[:8] or row[7]:
            raise Bad(f"rollup.db: window {row[0]}: sum")
        windows[row[0]] = row
    for key, body in db.execute("SELECT key, body FROM block"):
        if body[-8:] != sha(u64(key), body[:-8])[:8]:
            raise Bad(f"rollup.db: {key}: sum")
        sealed.quarters(body[:-8])
        bodies[key] = body[:-8]
    for ident, row in windows.items():
        if sum(key >> 32 == ident for key in bodies) != row[6]:
            raise Bad(f"rollup.db: window {ident}: series are missing")
    if any(key >> 32 not in windows for key in bodies) or db.execute("SELECT count(*) FROM stamps").fetchone()[0]:
        raise Bad("rollup.db: rows of no window")
    ordered, end = [windows[ident] for ident in sorted(windows)], 0
    for ident, _, position, n, *_ in ordered:
        if position != end + lost_between(journal, end, position):
            raise Bad(f"rollup.db: window {ident}: one before it is missing")
        end = position + n
    if ordered and db.execute("PRAGMA application_id").fetchone()[0] != 1:
        raise Bad("rollup.db: application_id")
    return ordered, bodies


def segment_of(rolled):
    """Name of the segment that each window of rollup.db went into: of its month, never an older one than before."""
    name = ""
    for row in rolled:
        day = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=row[5])
        name = max(name, f"raw-{day.year:04}-{day.month:02}.db")
        yield name, row[0]


def check_all_there(directory, rolled, dropped):
    """What was closed is there, unless a leaf says that it was dropped."""
    for name, ident in segment_of(rolled):
        path = Path(directory) / name
        if not path.exists() and name in dropped:
            continue
        if not path.exists() or not sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT count(*) FROM window WHERE id = ?", (ident,)).fetchone()[0]:
            raise Bad(f"{name}: window {ident}: missing")


def check_windows(directory, journal, dropped):
    """Every window of segments and journal, decoded; none is missing."""
    last, end, first, samples = -1, None, None, 0
    rolled, bodies = rolled_days(directory, journal)
    rolled_ids = {row[0] for row in rolled}
    check_all_there(directory, rolled, dropped)
    files = [(p.name, sqlite3.connect(f"file:{p}?mode=ro", uri=True)) for p in sorted(Path(directory).glob("raw-????-??.db")) if p.stat().st_size]
    for name, db in [*files, ("journal.db", journal)]:
        for row in db.execute("SELECT id, id_to, position, n, wall_from, wall_to, blocks, stamps, sum FROM window ORDER BY id").fetchall():
            ident, id_to, position, n, _, _, blocks, n_stamps, row_sum = row
            if row_sum != sha(*map(u64, row[:8]))[:8]:
                raise Bad(f"{name}: window {ident}: sum")
            if ident <= last:
                continue
            if end is not None and position != end + lost_between(journal, end, position):
                raise Bad(f"{name}: window {ident}: position")
            if db is not journal and ident not in rolled_ids and not journal.execute("SELECT count(*) FROM window WHERE id = ?", (ident,)).fetchone()[0]:
                raise Bad(f"{name}: window {ident}: no quarters")
            if check_window(name, db, bodies if ident in rolled_ids and db is not journal else None, ident, blocks, n_stamps) != n:
                raise Bad(f"{name}: window {ident}: samples")
            first = position if first is None else first
            last, end, samples = id_to, position + n, samples + n
        for table, counted in (("block", "blocks"), ("stamps", "stamps")):
            if db.execute(f"SELECT (SELECT count(*) FROM {table}) - (SELECT coalesce(sum({counted}), 0) FROM window)").fetchone()[0]:
                raise Bad(f"{name}: {table}: rows of no window")
    no, sealed_to = journal.execute("SELECT no, position FROM state").fetchone()
    if no != last if first is not None else no or sealed_to:
        raise Bad("journal: state")
    if first is not None and sealed_to - first != samples + lost_between(journal, first, sealed_to):
        raise Bad("a window is missing")
    if first is not None and not rolled and first != lost_between(journal, 0, first):
        raise Bad("the first windows are missing")


def check_segments(directory, evidence):
    """Closed months: their files and rollups against their leaves.  The names of those that were dropped."""
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
    return dropped


def verify(directory, head=None):
    result = {"valid": False, "size": None, "root": None, "epoch": None, "first_bad": None}
    try:
        evidence = sqlite3.connect(f"file:{directory}/evidence.db?mode=ro", uri=True)
        journal = sqlite3.connect(f"file:{directory}/journal.db?mode=ro", uri=True)
        leaves, result["epoch"], position = check_evidence(evidence, head)
        said = evidence.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise Bad(f"evidence.db: {said}")
        check_journal(journal, position)
        check_windows(directory, journal, check_segments(directory, evidence))
        result.update(valid=True, size=len(leaves), root=root_of(leaves).hex())
    except (Bad, sealed.Damaged, KeyError, sqlite3.Error, IndexError, TypeError, ValueError, AttributeError, struct.error) as problem:
        result["first_bad"] = str(problem) or type(problem).__name__
    return result


if __name__ == "__main__":
    args = sys.argv[1:]
    head_file = args[args.index("--head") + 1] if "--head" in args else None
    answer = verify(args[0], json.loads(Path(head_file).read_text()) if head_file else None)
    print(json.dumps(answer))
    sys.exit(0 if answer["valid"] else 12)
