#!/usr/bin/python3
"""puectl's verbs on a store, as an engineer and an auditor use them: test_store_verbs.py PUECTL MAKE_STORE."""
import csv
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

PUECTL, MAKER = sys.argv[1:3]


def puectl(*words, code=0):
    done = subprocess.run([PUECTL, *words], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout or done.stderr if code in (0, 12, 13) else done.stderr


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def included(p):
    """RFC 9162 section 2.1.3.2."""
    h = hashlib.sha256(b"\x00" + bytes([p["kind"]]) + p["at"].to_bytes(8, "big", signed=True) + p["bytes"].encode()).digest()
    fn, sn = p["index"], p["head"]["size"] - 1
    for step in map(bytes.fromhex, p["path"]):
        if fn & 1 or fn == sn:
            h = node(step, h)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = node(h, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and h.hex() == p["head"]["root"]


def consistent(p):
    """RFC 9162 section 2.1.4.2."""
    first, second, path = p["from"]["size"], p["to"]["size"], [bytes.fromhex(x) for x in p["path"]]
    if first & (first - 1) == 0:
        path.insert(0, bytes.fromhex(p["from"]["root"]))
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr.hex() == p["from"]["root"] and sr.hex() == p["to"]["root"]


def main():
    with tempfile.TemporaryDirectory() as temp:
        state = f"{temp}/state"
        subprocess.run([MAKER, state, "200"], check=True)

        listed = json.loads(puectl("history", "--state", state, "--json"))
        assert len(listed) == 40 and {"series", "quantity", "unit", "scope"} <= set(listed[0])
        rows = list(csv.DictReader(io.StringIO(puectl("export", "--state", state))))
        lines = [json.loads(line) for line in puectl("export", "--state", state, "--format", "jsonl").splitlines()]
        assert len(rows) == len(lines) > 2000
        assert {r["quality"] for r in rows} >= {"good", "stale", "missing"}
        assert all((r["value"] == "") == (r["quality"] in ("missing", "bad")) for r in rows), "a missing value is never a number"
        assert all(r["unit"] for r in rows)
        for row, line in zip(rows, lines):
            assert row["series"] == line["series"] and row["time"] == line["time"], (row, line)
        name = rows[0]["series"]
        one = json.loads(puectl("history", name, "--state", state, "--json"))
        assert [r["time"] for r in one] == [r["time"] for r in rows if r["series"] == name]
        steps = json.loads(puectl("history", name, "--state", state, "--json", "--step", "10s"))
        assert sum(s["n"] for s in steps) == sum(r["value"] is not None for r in one)
        some = [r for r in rows if r["series"].startswith("dev-02/")]
        assert len(list(csv.DictReader(io.StringIO(puectl("export", "dev-02/*", "--state", state))))) == len(some)
        table = list(csv.DictReader(io.StringIO(puectl("export", name, "--state", state, "--step", "10s"))))
        assert [(r["time"], int(r["n"]), r["unit"]) for r in table] == [(s["time"], s["n"], s["unit"]) for s in steps] and {r["source"] for r in table} == {"readings"}
        assert {r["quality"] for r in table} <= {"good", "doubtful", "missing"}
        # some of the workload's readings are 64 random bits: a sum of many of those is refused, not wrong
        kind = [r["series"] for r in listed if r["unit"] == "W"]
        assert "63 bits" in puectl("history", ",".join(kind), "--sum", "--state", state, "--from", "2025-12-31T23:59:50Z", "--to", "2026-01-01T00:10:00Z", code=11)
        small = {r["series"] for r in rows} - {r["series"] for r in rows if r["value"] and abs(float(r["value"])) > 1e9}
        kind = [k for k in kind if k in small] or kind[:1]
        summed = json.loads(puectl("history", ",".join(kind), "--sum", "--state", state, "--json", "--step", "10s", "--from", "2025-12-31T23:59:50Z", "--to", "2026-01-01T00:10:00Z"))
        alone = [json.loads(puectl("history", k, "--state", state, "--json", "--step", "10s", "--from", "2025-12-31T23:59:50Z")) for k in kind]
        for step in summed:
            parts = [s for a in alone for s in a if s["time"] == step["time"] and s["n"]]
            assert step["with_value"] == len(parts) and step["series"] == len(kind) and abs(step["mean"] - sum(p["mean"] for p in parts)) < 1e-6, step
        # a file is there when it is whole, and what is there is not written over
        puectl("export", name, "--state", state, "--out", f"{temp}/whole.csv")
        with open(f"{temp}/whole.csv", encoding="utf-8") as f:
            assert f.read() == puectl("export", name, "--state", state) and not os.path.exists(f"{temp}/whole.csv.part")
        assert "File exists" in puectl("export", name, "--state", state, "--out", f"{temp}/whole.csv", code=74)
        # without a time: the store's own last day, whatever the clock says, and it says which
        unsaid = subprocess.run([PUECTL, "history", ",".join(kind), "--sum", "--state", state, "--json"], capture_output=True, text=True)
        assert unsaid.returncode == 0 and json.loads(unsaid.stdout) and "2026-01-0" in unsaid.stderr, unsaid
        newest = {r["series"]: r for r in json.loads(puectl("history", "--latest", "--state", state, "--json"))}
        assert len(newest) == 40 and all(newest[s]["time"] == max(r["time"] for r in rows if r["series"] == s) for s in newest)
        for words, part in ((("history", "*", "--sum", "--from", "2026-01-01", "--to", "2026-01-02"), "one kind"), (("history", "nothing*", "--sum"), "no series"),
                            (("history", "--sum"), "of which series"), (("history", name, "--sum", "--latest"), "one of"), (("history", name, "--from", "2026-02-01", "--to", "2026-01-01"), "ends before it begins"),
                            (("history", name, "--from", "yesterday"), "yesterday"), (("history", name, "--step", "-5m"), "15m"), (("history", name, "--format", "csv"), "unknown option"),
                            (("export", "--format", "xml"), "csv|jsonl"), (("export", "--format", "evidence", "--step", "1h"), "no --step"), (("export", "--latest"), "unknown option"),
                            ((*("history", name), "dev-01/point.1"), "one argument too many"), (("history", "dev-01/*"), "names 8 series")):
            done = subprocess.run([PUECTL, *words, "--state", state], capture_output=True, text=True)
            assert done.returncode in (64, 65) and part in done.stderr, (words, done)
        half = rows[len(rows) // 2]["time"]
        before = list(csv.DictReader(io.StringIO(puectl("export", "--state", state, "--to", half))))
        after = list(csv.DictReader(io.StringIO(puectl("export", "--state", state, "--from", half))))
        assert len(before) + len(after) == len(rows) and before and after
        metrics = puectl("export", "dev-01/point.1", "--state", state, "--format", "openmetrics", "--to", "2026-01-01T01:00:00Z")
        assert metrics.endswith("# EOF\n")
        if shutil.which("promtool"):
            with open(f"{temp}/metrics", "w") as f:
                f.write(metrics)
            done = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", f"{temp}/metrics", f"{temp}/tsdb"], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        leaves = [json.loads(line) for line in puectl("export", "--state", state, "--format", "evidence").splitlines()]
        assert [leaf["index"] for leaf in leaves] == list(range(len(leaves))) and len(leaves) == 132
        assert "no series" in puectl("history", "nothing", "--state", state, code=65)
        assert "15m" in puectl("history", name, "--state", state, "--step", "x", code=64)

        whole = json.loads(puectl("verify", "--store", state, "--json"))
        assert whole["valid"] and whole["size"] == 132
        assert "keys" in puectl("backup", f"{temp}/copy/", "--state", state), "what a backup does not hold is said"
        for words in (("backup", f"{temp}/none", "--state", f"{temp}/nothing"), ("restore", f"{temp}/nothing", "--state", f"{temp}/back")):
            assert "holds no evidence.db" in puectl(*words, code=74)
        done = subprocess.run([PUECTL, "export", "--state", state, "--format", "jsonl", "--from", "2031-01-01T00:00:00Z"], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing in this time\n"), done
        assert "exists already" in puectl("backup", f"{temp}/copy", "--state", state, code=74)
        assert "exists already" in puectl("restore", f"{temp}/copy", "--state", state, code=74)
        puectl("restore", f"{temp}/copy", "--state", f"{temp}/back")
        back = json.loads(puectl("verify", "--store", f"{temp}/back", "--json"))
        assert back["valid"] and back["size"] == 133 and back["epoch"] > whole["epoch"], "a restored store says so"
        assert puectl("export", "--state", f"{temp}/back") == puectl("export", "--state", state)

        # heads kept elsewhere: an old one leads here, one of before the restore that knows more does not, nor one of another history
        head = json.loads(puectl("head", "--state", state, "--json"))
        assert (head["size"], head["root"], head["epoch"]) == (132, whole["root"], whole["epoch"])
        assert whole["root"] in puectl("head", "--state", state)
        older, signed, other = f"{temp}/older.json", f"{temp}/signed.json", f"{temp}/other.json"
        puectl("head", "--state", state, "--signed", "--out", signed)
        puectl("verify", "--store", state, "--head", signed)
        puectl("verify", "--store", f"{temp}/back", "--head", signed)
        proof = json.loads(puectl("head", "--state", state, "--since", signed))
        assert consistent(proof), proof
        assert json.loads(puectl("head", "--state", f"{temp}/back", "--since", signed))["to"]["epoch"] == back["epoch"]
        one = json.loads(puectl("head", "--state", state, "--leaf", "77"))
        assert included(one) and one["index"] == 77
        one["at"] += 1
        assert not included(one)
        assert "leaves are 0 to 131" in puectl("head", "--state", state, "--leaf", "132", code=64)
        subprocess.run([MAKER, f"{temp}/ahead", "260"], check=True)
        ahead = f"{temp}/ahead.json"
        puectl("head", "--state", f"{temp}/ahead", "--out", ahead)
        assert "old copy restored" in puectl("verify", "--store", state, "--head", ahead, code=12)
        told = puectl("verify", "--store", f"{temp}/back", "--head", ahead, code=12)
        assert f"a backup of 132 leaves was restored in epoch {back['epoch']}" in told, told
        assert "no proof leads back" in puectl("head", "--state", state, "--since", ahead, code=12)
        with open(other, "w") as f:
            json.dump({"size": 40, "root": "00" * 32, "epoch": head["epoch"]}, f)
        assert "an older copy was put back and went on" in puectl("verify", "--store", state, "--head", signed, "--head", other, code=12)
        assert "does not go on from that head" in puectl("head", "--state", state, "--since", other, code=12)
        with open(older, "w") as f:
            json.dump({**head, "epoch": head["epoch"] + 5}, f)
        assert "an old copy was put back" in puectl("verify", "--store", state, "--head", older, code=12)
        # a machine set back as a whole: its operator says so, and every report says it then
        shutil.copytree(state, f"{temp}/rolled")
        puectl("restore", "--rolled-back", "--state", f"{temp}/rolled")
        rolled = json.loads(puectl("verify", "--store", f"{temp}/rolled", "--json"))
        assert rolled["valid"] and rolled["size"] == 133 and rolled["epoch"] > whole["epoch"]
        puectl("restore", "--rolled-back", f"{temp}/copy", code=64)

        doctor = {f["check"]: f for f in json.loads(puectl("doctor", "--state", state, "--json", code=13))}
        assert doctor["evidence"]["result"] == "ok" and doctor["key"]["result"] == "WRONG" and "puectl keys generate" in doctor["key"]["fix"]
        puectl("keys", "generate", "--dir", f"{state}/keys", "--alg", "both")
        db = sqlite3.connect(f"{state}/evidence.db")
        db.execute("UPDATE leaf SET at = at + 1 WHERE ix = 77")
        db.commit()
        db.close()
        answer = puectl("verify", "--store", state, code=12)
        assert "NOT VALID" in answer and "leaf 77" in answer
        doctor = {f["check"]: f for f in json.loads(puectl("doctor", "--state", state, "--json", code=13))}
        assert "leaf 77" in doctor["evidence"]["text"] and doctor["key"]["result"] == "ok"
    print("history, export, backup, restore, doctor, verify and keys do what they say")


if __name__ == "__main__":
    main()
