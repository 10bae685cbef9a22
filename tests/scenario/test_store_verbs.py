#!/usr/bin/python3
"""puectl's verbs on a store, as an engineer and an auditor use them: test_store_verbs.py PUECTL MAKE_STORE."""
import csv
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
    return done.stdout if code in (0, 12, 13) else done.stderr


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
        puectl("backup", f"{temp}/copy", "--state", state)
        assert "exists already" in puectl("backup", f"{temp}/copy", "--state", state, code=74)
        assert "exists already" in puectl("restore", f"{temp}/copy", "--state", state, code=74)
        puectl("restore", f"{temp}/copy", "--state", f"{temp}/back")
        back = json.loads(puectl("verify", "--store", f"{temp}/back", "--json"))
        assert back["valid"] and back["size"] == 133 and back["epoch"] > whole["epoch"], "a restored store says so"
        assert puectl("export", "--state", f"{temp}/back") == puectl("export", "--state", state)

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
