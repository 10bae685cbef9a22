#!/usr/bin/python3
"""Two verifiers that share no line agree, on a good store and on tampered ones: agree_store.py PUECTL MAKE_STORE MAKE_SEALED."""
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from verify_store import verify  # noqa: E402

SEED = 17
ROUNDS = 400 if os.environ.get("PUED_LONG", "0") not in ("", "0") else 40


def puectl(program, directory, *more):
    done = subprocess.run([program, "verify", "--store", directory, "--json", *more], capture_output=True, text=True)
    if done.returncode not in (0, 12):
        return {"valid": False, "first_bad": done.stderr}
    answer = json.loads(done.stdout)
    assert answer["valid"] == (done.returncode == 0), done
    return answer


def cells(path):
    db = sqlite3.connect(path)
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for _, column, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
            for (row,) in db.execute(f"SELECT rowid FROM {table} WHERE {column} IS NOT NULL").fetchall():
                yield path.name, table, column, row
    db.close()


def mutate(path, table, column, row, rng):
    db = sqlite3.connect(path)
    what = rng.choice(["cell", "cell", "cell", "delete", "swap"])
    try:
        if what == "delete":
            db.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
        elif what == "swap":
            other = db.execute(f"SELECT rowid FROM {table} WHERE rowid <> ? ORDER BY random() LIMIT 1", (row,)).fetchone()
            if not other:
                return None
            db.execute(f"UPDATE {table} SET rowid = -7 WHERE rowid = ?", (row,))
            db.execute(f"UPDATE {table} SET rowid = ? WHERE rowid = ?", (row, other[0]))
            db.execute(f"UPDATE {table} SET rowid = ? WHERE rowid = -7", (other[0],))
        else:
            (value,) = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
            if isinstance(value, int):
                value ^= 1 << rng.randrange(20)
            elif value:
                data = bytearray(value if isinstance(value, bytes) else value.encode())
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(5)
                value = bytes(data) if isinstance(value, bytes) else data.decode()
            else:
                return None
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
        db.commit()
    except sqlite3.IntegrityError:
        return None
    finally:
        db.close()
    return what


def tamper(program, good, files, rounds, temp, rng):
    all_cells = [list(cells(Path(good, name))) for name in files]
    made = 0
    for n in range(rounds):
        bad = f"{temp}/bad"
        shutil.copytree(good, bad)
        name, table, column, row = rng.choice(all_cells[n % len(files)])
        what = mutate(Path(bad, name), table, column, row, rng)
        if what:
            made += 1
            ours, theirs = puectl(program, bad), verify(bad)
            assert not ours["valid"], f"round {n}: puectl misses {what} of {table}.{column} in row {row}"
            assert not theirs["valid"], f"round {n}: the independent verifier misses {what} of {table}.{column} in row {row}"
        shutil.rmtree(bad)
    assert made > rounds / 2
    print(f"both agree on {made} tampered stores and a good one: {', '.join(files)}")


def resealed(program, good, rounds, temp, rng):
    """Changes by somebody who computes the checksum anew: of what is not closed yet some are seen, and by both or by none."""
    seen = 0
    for _ in range(rounds):
        bad = shutil.copytree(good, f"{temp}/bad")
        db = sqlite3.connect(Path(bad, rng.choice(["raw-2026-02.db", "rollup.db", "journal.db"])))
        table = rng.choice(["block", "block", "stamps"])
        row = db.execute(f"SELECT key, body FROM {table} ORDER BY key DESC LIMIT 1 OFFSET ?", (rng.randrange(20),)).fetchone()
        if row:
            body = bytearray(row[1][:-8])
            body[min(int(rng.expovariate(0.1)), len(body) - 1)] ^= 1 << rng.randrange(8)
            checksum = hashlib.sha256(row[0].to_bytes(8, "big") + body).digest()[:8]
            db.execute(f"UPDATE {table} SET body = ? WHERE key = ?", (bytes(body) + checksum, row[0]))
            db.commit()
        db.close()
        ours, theirs = puectl(program, bad), verify(bad)
        assert ours["valid"] == theirs["valid"], (table, row, ours, theirs)
        seen += not ours["valid"]
        shutil.rmtree(bad)
    assert seen > rounds / 3, seen
    print(f"both agree on {rounds} stores with a checksum computed anew, {seen} of them not valid")


def main():
    program, maker, sealer = sys.argv[1:4]
    rng = random.Random(SEED)
    print(f"seed {SEED}, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as temp:
        good = f"{temp}/good"
        subprocess.run([maker, good, "150"], check=True)
        for name in ("evidence.db", "journal.db"):
            db = sqlite3.connect(f"{good}/{name}")
            db.execute("PRAGMA journal_mode = DELETE")
            db.close()
        ours, theirs = puectl(program, good), verify(good)
        assert ours["valid"] and theirs["valid"], (ours, theirs)
        assert (ours["size"], ours["root"], ours["epoch"]) == (theirs["size"], theirs["root"], theirs["epoch"]), (ours, theirs)
        head = Path(temp, "head.json")
        head.write_text(json.dumps({"size": ours["size"], "root": ours["root"]}))
        assert puectl(program, good, "--head", str(head))["valid"] and verify(good, json.loads(head.read_text()))["valid"]
        head.write_text(json.dumps({"size": ours["size"] - 3, "root": ours["root"]}))
        ours, theirs = puectl(program, good, "--head", str(head)), verify(good, json.loads(head.read_text()))
        assert not ours["valid"] and not theirs["valid"] and str(head) in ours["first_bad"], (ours, theirs)
        tamper(program, good, ["evidence.db", "journal.db"], ROUNDS, temp, rng)
        # the same with all that a store may hold: a closed month, a day, hours, quarters, all kinds of leaves
        whole = f"{temp}/whole"
        subprocess.run([sealer, whole], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ours, theirs = puectl(program, whole), verify(whole)
        assert ours["valid"] and theirs["valid"] and ours["segments"] == 1, (ours, theirs)
        assert (ours["size"], ours["root"], ours["epoch"]) == (theirs["size"], theirs["root"], theirs["epoch"]), (ours, theirs)
        files = sorted(p.name for p in Path(whole).glob("*.db"))
        assert len(files) == 5, files
        tamper(program, whole, files, ROUNDS // 4, temp, rng)
        resealed(program, whole, ROUNDS // 2, temp, rng)
        for gone in (["raw-2026-01.db"], ["raw-2026-02.db"], ["rollup.db"], ["raw-2026-02.db", "rollup.db"], ["raw-2026-01.db", "raw-2026-02.db", "rollup.db"]):
            bad = shutil.copytree(whole, f"{temp}/bad")
            for name in gone:
                Path(bad, name).unlink()
            ours, theirs = puectl(program, bad), verify(bad)
            assert not ours["valid"] and not theirs["valid"], (gone, ours, theirs)
            shutil.rmtree(bad)
    print("both agree")


if __name__ == "__main__":
    main()
