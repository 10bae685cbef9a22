#!/usr/bin/python3
"""An exchange that is stated after its time has been folded: corrections say what the broken register hid, and everything adds up as if
it had been stated in time.  Where that cannot be, the refusal names a way that works, and it is gone here to its end.

test_meter_late.py PUED PUECTL"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from fractions import Fraction

pued, puectl = sys.argv[1:3]
BASE = datetime(2026, 3, 2, tzinfo=timezone.utc)
MWH = 90_000_000        # of one count: 0.1 kW.h x 900
wrong = []


def at(hours):
    return (BASE + timedelta(seconds=round(hours * 3600))).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(what, good, more=""):
    if not good:
        wrong.append(f"{what}: {more}"[:1500])


def run(*args, code=0, program=None):
    p = subprocess.run([program or puectl, *args], capture_output=True, text=True, timeout=120)
    check(" ".join(args[:8]), p.returncode == code, f"exit {p.returncode}, expected {code}: {p.stderr}")
    return p.stdout if code == 0 else p.stdout + p.stderr


SITE = """version: 1
site: {id: late, name: {zh: 迟报, en: late}, timezone: Asia/Shanghai, simulated: true}
meters:
  - {id: feed, role: supply, p_max: 300 MW, modulus: 1000000, class: 0.5S, ct: 4500/5, applied_by: pued, count: 0.1 kWh, power: none, serial: A1%s}
  - {id: it, role: it, point: pdu_output, parent: feed, p_max: 100 MW, modulus: none, class: 1, count: 10 kWh, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://127.0.0.1:1/1", poll: 300s}
  - {id: it, profile: acrel-adw300, endpoint: "modbus+tcp://127.0.0.1:1/2", poll: 300s}
"""
END = 14
AT, FROM = 6 + 7 / 60, 6 + 12 / 60
LAST, FIRST = 1223, 100


def feed(h):
    """200 counts an hour; from 6:12 on another meter counts as fast, from 100 on."""
    return 200 * h if h <= AT else FIRST + 200 * (h - FROM)


def lines(first, last, silent_to=FROM, value=feed):
    out = []
    for k in range(round(first * 12), round(last * 12)):
        h = k / 12
        if not AT < h < silent_to:
            out.append(f"{at(h)} feed/total.energy {int(value(h))} good {k * 300000}")
        out.append(f"{at(h)} it/total.energy {round(500 * h)} good {k * 300000}")
    return "\n".join(out) + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def half_even(x):
    return round(x)     # of a Fraction


def folded(leaves):
    """[(from, energy, missing)] of the feed, corrections applied by the words of docs/ledger.md and nothing else; and the chain checked."""
    rows, corrections = {}, []
    for x in leaves:
        if x["type"] == "interval":
            row = next(r for r in x["meters"] if r[0] == "feed")
            rows[x["from"]] = [row[1], row[4] if len(row) > 4 else 0]
        elif x["kind"] == "correction" and x["meter"] == "feed":
            corrections.append(x)

    def line(c, t):
        a, b = (Fraction(c["curve"][e][0]) + Fraction(c["curve"][e][1], c["curve"]["den"]) for e in ("start", "end"))
        share = min(max(Fraction(t - c["from"], c["to"] - c["from"]), 0), 1)
        return half_even(a + (b - a) * share)
    for c in corrections:
        for start, row in rows.items():
            end = start + 900000
            if c["from"] < end <= c["curve"]["closed_to"]:
                row[0] += line(c, end) - line(c, start)
                if c["curve"]["was_missing"]:
                    row[1] -= max(0, min(end, c["to"]) - max(start, c["from"]))
    return [(k, *v) for k, v in sorted(rows.items())], corrections


def leaves_of(state, kinds=("interval", "event")):
    out = []
    for text in run("export", "--state", state, "--format", "evidence").splitlines():
        x = json.loads(text)
        if x["kind"] in kinds:
            out.append(x["bytes"])
    return out


keys = None


def new_state(temp, name):
    global keys
    state = os.path.join(temp, name)
    os.makedirs(state, mode=0o700)
    if keys:
        shutil.copytree(keys, f"{state}/keys")
    else:
        run("keys", "generate", "--dir", f"{state}/keys", "--site", "late", "--simulated", "--from", "2020-01-01T00:00:00Z")
        keys = f"{state}/keys"
    return state


def take(state, config, path, code=0):
    return subprocess.run([pued, "--config", config, "--state", state, "--import", path, "--import-step", "5m", "--import-only"], capture_output=True, text=True, timeout=120)


def exchange(state, config, code=0, **more):
    words = {"at": at(AT), "from": at(FROM), "last": LAST, "first": FIRST, "serial": "B7", "reason": "burnt", "by": "Li Lei", **more}
    return run("meter", "exchange", "feed", "--config", config, "--state", state, *[x for k, v in words.items() for x in (f"--{k}", str(v))], code=code)


with tempfile.TemporaryDirectory() as temp:
    config = write(f"{temp}/site.yaml", SITE % "")
    early = new_state(temp, "early")
    exchange(early, config)
    take(early, config, write(f"{temp}/whole.txt", lines(0, END)))
    expected, none = folded(leaves_of(early))
    check("stated in time: no correction", not none and len(expected) > 50, none)
    counts = lambda h: int(feed(h))
    known = [r for r in expected if r[0] == int(BASE.timestamp() * 1000) + 6 * 3600000]
    check("the quarter of the exchange lacks its five minutes", known and known[0][2] == 300000, known)
    by_hand = (LAST - counts(6) + counts(6.25) - FIRST) * MWH
    check("and has what both meters counted", known[0][1] == by_hand, (known, by_hand))

    # how far things had come when it was stated; the new meter's first answer; what is expected of the corrections
    cases = [("hours later", 10, FROM, 2), ("with the last quarters", END - 1, FROM, 2), ("while its quarter is open", 6.5, FROM, None),
             ("an hour later", 7.25, FROM, 2), ("after the silence has been closed", 8, 10, None), ("before the new meter answers, hours later", 9.75, 10, None),
             ("the register is not decided yet", 6.55, FROM, None), ("one reading of the new meter", 6.3, FROM, None)]
    for name, cut, answers, n in cases:
        state, whole = new_state(temp, name.replace(" ", "-")), early
        take(state, config, write(f"{temp}/a.txt", lines(0, cut, answers)))
        exchange(state, config)
        log = take(state, config, write(f"{temp}/b.txt", lines(cut, END, answers)))
        if answers != FROM:
            whole = new_state(temp, "whole-" + name.replace(" ", "-"))
            exchange(whole, config)
            take(whole, config, write(f"{temp}/c.txt", lines(0, END, answers)))
        want, _ = folded(leaves_of(whole))
        got, corrections = folded(leaves_of(state))
        check(f"{name}: the statement is taken", not any(x.endswith(".refused") for x in os.listdir(f"{state}/statements")), log.stderr)
        check(f"{name}: the intervals are those of one stated in time", got == want, [x for x in zip(got, want) if x[0] != x[1]][:3])
        check(f"{name}: corrections", n is None or len(corrections) == n, corrections)
        said = [x for x in leaves_of(state) if x.get("kind") == "epoch"]
        check(f"{name}: the epoch is said once", len(said) == 1 and "A1 -> B7" in said[0]["reason"], said)
        run("verify", "--store", state)
        a, b = (json.loads(run("pue", "--config", config, "--state", s, "--from", "2026-03-02", "--to", "2026-03-02", "--explain", "--json")) for s in (whole, state))
        check(f"{name}: the KPI", a["kpi"] == b["kpi"] and a["terms"] == b["terms"], (a["kpi"], b["kpi"]))
        check(f"{name}: the schedule", [{**e, "reason": None} for e in a["epochs"]] == [{**e, "reason": None} for e in b["epochs"]] and len(b["epochs"]) == 3, b["epochs"])
        # a second word about the same break
        check(f"{name}: a second word about it is refused", "a second exchange within a day" in (out := exchange(state, config, code=65, at=at(FROM + 1), **{"from": at(FROM + 1)})), out)

    # an exchange inside one quarter, stated while that quarter is open: the quarter closes as if it had been stated in time, the site's missing time too
    AT, FROM = 6 + 2 / 60, 6 + 3 / 60
    pair = []
    for name, cut in (("open-in-time", 0), ("open-late", 6.5)):
        state = new_state(temp, name)
        if cut:
            take(state, config, write(f"{temp}/l.txt", lines(0, cut, FROM)))
        exchange(state, config, last=1206)
        log = take(state, config, write(f"{temp}/m.txt", lines(cut, END, FROM)))
        pair.append([x for x in leaves_of(state, ("interval",))])
        check(f"{name}: taken", not any(x.endswith(".refused") for x in os.listdir(f"{state}/statements")), log.stderr)
    quarter = [next(x for x in leaves if x["from"] == int(BASE.timestamp() * 1000) + 6 * 3600000) for leaves in pair]
    sums = [(x["total"]["mwh"], x["total"]["missing_ms"], x["parts"], [m[:5] for m in x["meters"] if m[0] == "feed"]) for x in quarter]
    check("open: the quarter", sums[0] == sums[1] and sums[0][1] == 60000, sums)
    AT, FROM = 6 + 7 / 60, 6 + 12 / 60

    # taking back one that has been counted would change known energy
    state = new_state(temp, "back")
    take(state, config, write(f"{temp}/i.txt", lines(0, 10)))
    word = exchange(state, config).split()[0]
    take(state, config, write(f"{temp}/j.txt", lines(10, 11)))
    run("meter", "exchange", "--revoke", word, "--by", "Li Lei", "--config", config, "--state", state)
    log = take(state, config, write(f"{temp}/k.txt", lines(11, END)))
    check("taking it back is refused", "cannot be taken back" in log.stderr and folded(leaves_of(state))[0] == expected, log.stderr)

    # ---- what no correction can say: the sentence, and the way that it names
    plain = new_state(temp, "plain")
    take(plain, config, write(f"{temp}/d.txt", lines(0, END)))
    out = exchange(plain, config, code=65, at=at(9), **{"from": at(9.1)})
    check("no break", "does not break there" in out and "--format recording" in out, out)
    for more, says in (({"last": 5, "first": FIRST}, "does not follow from 1216"), ({"first": 50000}, "cannot have come to"), ({"ct": "600/5"}, "old meter's count, ratio")):
        state = new_state(temp, says.replace(" ", "-").replace("'", "").replace(",", ""))
        take(state, config, write(f"{temp}/e.txt", lines(0, 10)))
        exchange(state, config, **more)
        log = take(state, config, write(f"{temp}/f.txt", lines(10, END)))
        why = [open(f"{state}/statements/{x}").read() for x in os.listdir(f"{state}/statements") if x.endswith(".why")]
        check(f"refused: {says}", len(why) == 1 and says in why[0] and says in log.stderr, (why, log.stderr))
        check(f"refused: {says}: nothing changed", folded(leaves_of(state)) == folded(leaves_of(plain)))
    # the way: the readings as they were, and the epochs in the configuration
    readings = f"{temp}/readings.txt"
    run("export", "--state", plain, "--format", "recording", "--config", config, "--out", readings)
    told = write(f"{temp}/epochs.yaml", (SITE % f", epochs: [{{serial: A1, to: {at(AT)}, last: {LAST}}}, {{serial: B7, from: {at(FROM)}, first: {FIRST}, ct: 9000/5}}]").replace(", serial: A1,", ","))
    again = new_state(temp, "again")
    log = take(again, told, readings)
    check("the readings fold again", log.returncode == 0, log.stderr)
    got, _ = folded(leaves_of(again))
    twice = [(k, e * 2 if k >= int(BASE.timestamp() * 1000) + 6.25 * 3600000 else e, m) for k, e, m in expected]
    twice = [(k, (LAST - counts(6) + 2 * (counts(6.25) - FIRST)) * MWH if (k, e, m) == known[0] else e, m) for k, e, m in twice]
    check("into the energies of the larger transformer", got == twice, [x for x in zip(got, twice) if x[0] != x[1]][:3])
    run("verify", "--store", again)

    # ---- a daemon that runs: the statement is taken within seconds, the evidence says so, and a restart knows it
    live = new_state(temp, "live")
    take(live, config, write(f"{temp}/g.txt", lines(0, END)))
    offset = str(round((BASE + timedelta(hours=END)).timestamp() - time.time()))
    process = subprocess.Popen([pued, "--config", config, "--state", live, "--http-port", "0", "--clock-offset", offset], stderr=open(f"{temp}/log", "w"))
    try:
        exchange(live, config)
        end = time.monotonic() + 30
        while time.monotonic() < end and not leaves_of(live, ("manual",)):
            time.sleep(0.2)
        check("a running daemon takes it", leaves_of(live, ("manual",)), open(f"{temp}/log").read()[-800:])
    finally:
        process.send_signal(signal.SIGTERM)
        check("it ends well", process.wait(30) == 0, open(f"{temp}/log").read()[-800:])
    take(live, config, write(f"{temp}/h.txt", lines(END, END + 3)))
    got, corrections = folded(leaves_of(live))
    check("and a restart knows it", got[:len(expected)] == expected and len(corrections) == 2, ([x for x in zip(got, expected) if x[0] != x[1]][:3], corrections))
    run("verify", "--store", live)

for w in wrong:
    print(w)
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
