#!/usr/bin/python3
"""Nonsense readings, one row each: refused with file, line, column and what to do, or flagged with an event that names the meter, and no number that a
doubtful reading made: bad_readings.py PUECTL"""
import json
import os
import subprocess
import sys
import tempfile

puectl, wrong = sys.argv[1], []
SITE = """version: 1
site: {id: s, name: {zh: 甲, en: A}, timezone: UTC, simulated: true}
meters:
  - {id: feed, role: supply, device: m1, count: 1 kWh, p_max: 1 MW, modulus: none, class: 1, power: none%s}
  - {id: it, role: it, parent: feed, point: ups_output, device: m2, count: 1 kWh, p_max: 1 MW, modulus: none, class: 1, power: none}
devices:
  - {id: m1, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.1/1", poll: 900s}
  - {id: m2, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.2/1", poll: 900s}
"""
EPOCH = ", epochs: [{serial: A, from: 2026-02-01T00:00:00Z, to: 2026-06-01T00:00:00Z}]"
GAP = ", epochs: [{serial: A, to: 2026-03-01T00:50:00Z}, {serial: B, from: 2026-03-01T01:20:00Z}]"


def q(k, v, meter="m1", day="2026-03-01"):
    return f"{day}T{k // 4:02d}:{k % 4 * 15:02d}:00Z {meter}/total.energy {v}"


def day(feed=lambda k: 60 * k, it=lambda k: 50 * k, date="2026-03-01", n=9):
    return [x for k in range(n) for x in (q(k, feed(k), "m1", date), q(k, it(k), "m2", date))]


def first(line):
    return [line, *day()]


# name, epochs, lines, what stderr says (refused), or events that name feed and what is said instead of a number
ROWS = [
    ("good", "", day(), None, [], None),
    ("a word", "", first(q(0, "many")), "r.txt:1: column 38: not a number; write the register's count, a decimal, or '-'", None, None),
    ("not a number", "", first(q(0, "nan")), "column 38: not a number", None, None),
    ("an exponent", "", first(q(0, "1e5")), "column 38: not a number", None, None),
    ("hexadecimal", "", first(q(0, "0x55")), "column 38: not a number", None, None),
    ("thirty digits", "", first(q(0, "1" + "0" * 30)), "column 38: more digits than any register has", None, None),
    ("a decimal of a register of whole numbers", "", first(q(0, "5.5")), "r.txt:1: the value of m1/total.energy has more digits than its register", None, None),
    ("no value", "", first("2026-03-01T00:00:00Z m1/total.energy"), "column 37: the value is missing; write '-'", None, None),
    ("no point", "", first("2026-03-01T00:00:00Z"), "DEVICE/POINT is missing", None, None),
    ("no slash", "", first("2026-03-01T00:00:00Z m1 5"), "column 22: expected DEVICE/POINT", None, None),
    ("a quality of its own", "", first(q(0, "5 excellent")), "column 40: unknown quality; use good, stale", None, None),
    ("a boot time below zero", "", first(q(0, "5 good -7")), "column 45: monotonic milliseconds must be a whole number", None, None),
    ("more fields", "", first(q(0, "5 good 7 8")), "column 47: something stands behind the reading", None, None),
    ("no such month", "", first("2026-13-01T00:00:00Z m1/total.energy 5"), "column 1: '2026-13-01T00:00:00Z' is not a time with its offset", None, None),
    ("no such day", "", first("2026-02-29T00:00:00Z m1/total.energy 5"), "column 1: '2026-02-29T00:00:00Z' is not a time", None, None),
    ("no offset", "", first("2026-03-01T00:00:00 m1/total.energy 5"), "is not a time with its offset", None, None),
    ("before there were clocks", "", first("1969-12-31T23:59:59Z m1/total.energy 5"), "column 1: a time before 1970 or after 2999", None, None),
    ("the end of times", "", first("9999-12-31T23:59:59Z m1/total.energy 5"), "column 1: a time before 1970 or after 2999", None, None),
    ("a register that runs backwards", "", day(lambda k: 1000 - 60 * k), None, ["reset"] * 8, "in no interval are all terms"),
    ("a register that jumps", "", day(lambda k: 9_000_000 * (k % 2)), None, ["spike"] * 4, "E_IT is not below E_DC"),
    ("before the meter's first epoch", EPOCH, day(date="2026-01-01"), None, ["epoch"], "in no interval are all terms"),
    ("after the meter's last epoch", EPOCH, day(date="2026-07-01"), None, ["epoch"], "in no interval are all terms"),
    ("between two epochs", GAP, day(), None, ["epoch"], "number"),
    ("IT above the total", "", day(lambda k: 10 * k), None, [], "E_IT is not below E_DC"),
    ("IT equals the total", "", day(lambda k: 50 * k), None, [], "E_IT is not below E_DC"),
    ("no IT", "", day(it=lambda k: 7), None, [], "E_IT is zero"),
    ("one reading", "", day(n=1), None, [], "nothing"),
    ("none", "", [], None, [], "nothing"),
]

with tempfile.TemporaryDirectory() as d:
    config, recording = os.path.join(d, "s.yaml"), os.path.join(d, "r.txt")
    for name, epochs, lines, refused, events, says in ROWS:
        for path, text in ((config, SITE % epochs), (recording, "\n".join(lines) + "\n")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        p = subprocess.run([puectl, "replay", "--config", config, recording, "--json"], capture_output=True, text=True, timeout=60)
        if refused:
            if p.returncode != 65 or refused not in p.stderr:
                wrong.append(f"{name}: exit {p.returncode}: {p.stderr}")
            continue
        r = json.loads(p.stdout) if p.returncode == 0 else {}
        got = [e["kind"] for e in r.get("events", []) if e["meter"] == "feed"]
        if sorted(got) != sorted(events) or any(len(e["reason"]) < 20 for e in r.get("events", [])):
            wrong.append(f"{name}: exit {p.returncode}, {p.stderr} events {r.get('events')}")
        k = r.get("kpi")
        if says == "nothing":
            good = k is None and r.get("intervals") == [] and "no interval" in p.stderr
        elif says in (None, "number"):
            good = k and k["pue"] == "1.200" and k["why_not"] is None
        else:
            good = k and k["pue"] is None and "insufficient data" in k["why_not"] and says in k["why_not"]
        if not good:
            wrong.append(f"{name}: {k} {p.stderr}")

for w in wrong:
    print(w[:900])
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
