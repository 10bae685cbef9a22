#!/usr/bin/python3
"""A meter is exchanged and another read by hand: the certificate of that time verifies, and one whose words were changed does not.

test_meter_certificate.py PUED PUECTL"""
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")

pued, puectl = sys.argv[1:3]
check = Checks()
BASE = datetime(2026, 2, 28, 16, tzinfo=timezone.utc)      # a local month begins
SITE = """version: 1
site: {id: exch, name: {zh: 换表, en: exchange}, timezone: Asia/Shanghai, simulated: true, operation_start: 2016-05-01, retrofit_completed: 2026-02-27}
meters:
  - {id: feed, role: supply, p_max: 3 MW, modulus: 1000000, class: 0.5S, ct: 300/5, ct_class: 0.5, applied_by: pued, count: 0.1 kWh, power: none, serial: A1}
  - {id: it, role: it, point: pdu_output, parent: feed, p_max: 100 kW, modulus: none, class: 1, count: 10 Wh, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.1:502/1", poll: 300s}
  - {id: it, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.2:502/1", poll: 300s}
pack: baoding-2024-clause2
"""


def at(hours):
    return (BASE + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def lines(last):
    """Every five minutes; the feed is exchanged at 06:07, IT is dead from 9:00 to 10:30."""
    for k in range(last * 12):
        h = k / 12
        if not 6.1 < h < 6.2:
            yield f"{at(h)} feed/total.energy {round(200 * h) if h < 6.15 else 100 + round(100 * (h - 6.2))} good {k * 300000}\n"
        if not 9 < h < 10.45:
            yield f"{at(h)} it/total.energy {round(2000 * h) if h < 10 else round(2000 * (h - 10.5))} good {k * 300000}\n"


def run(*words, code=0, program=None):
    p = subprocess.run([program or puectl, *words], capture_output=True, text=True, timeout=120)
    check(p.returncode == code, f"{' '.join(words[:8])}: exit {p.returncode}, expected {code}: {p.stderr}{p.stdout[-300:]}")
    return p.stdout if code == 0 else p.stdout + p.stderr


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


with tempfile.TemporaryDirectory() as temp:
    def here(name):
        return os.path.join(temp, name)

    state, config, trust = here("state"), write(here("site.yaml"), SITE), here("state/keys/trust.json")
    os.makedirs(state, mode=0o700)
    store = ["--config", config, "--state", state]
    run("keys", "generate", "--dir", f"{state}/keys", "--site", "exch", "--simulated", "--from", "2020-01-01T00:00:00Z")
    run("meter", "exchange", "feed", "--at", at(6.1167), "--from", at(6.2), "--last", "1220", "--first", "100", "--ct", "600/5", "--class", "0.2S", "--serial", "B7",
        "--reason", "moved", "--by", "Li Lei", *store)
    run("meter", "reading", "it", "--from", at(9), "--to", at(10.5), "--energy", "30 kW.h", "--reason", "display read", "--document", "sheet 4", "--by", "Han Mei", *store)
    run(*store, "--import", write(here("readings.txt"), "".join(lines(31 * 24 + 4))), "--import-step", "5m", "--import-only", program=pued)
    run("certificate", *store, "--out", here("cert"), "--issued", at(800))

    view = json.load(open(here("cert.json"), encoding="utf-8"))["view"]
    epochs = next(m["epochs"] for m in view["meters"] if m["id"] == "feed")
    check([e["serial"] for e in epochs] == ["A1", "B7"], f"the certificate's schedule has both meters: {epochs}")
    check(view["facts"]["kpi"]["class_mwh"]["it"]["M"] == 0, "energy by hand is never inside the sums")
    check(any(e["kind"] == "manual" for e in view["results"]["event_list"]), "the reading is in the list of events")
    said = run("verify", here("cert.json"), "--trust", trust)
    check("meter exchanges: 1, manual readings: 1, as the signed statements" in said, said)
    check("computed again from" in said, said)
    zh = run("verify", here("cert.json"), "--trust", trust, "--lang", "zh")
    check("换表 1 次、人工抄表 1 次" in zh, zh)

    # ---- what left the program has the form that docs/schema says
    try:
        sys.path.insert(0, os.path.join(ROOT, "tests/unit/rules"))
        import schemas
    except SystemExit:
        schemas = None
    if schemas:
        for what, documents in (("certificate", [("certificate", view)]), ("facts", [("facts", view["facts"])])):
            wrong = schemas.check(os.path.join(ROOT, "docs/schema"), what, documents)
            check(not wrong, f"schema of a {what}: {wrong[:3]}")

    # ---- a reader whose trust lacks the keys of the statements cannot compute the window again, and says so
    run("keys", "generate", "--dir", here("technician"), "--site", "exch", "--simulated", "--role", "operator", "--from", "2020-01-01T00:00:00Z")
    other = here("other")
    os.makedirs(other, mode=0o700)
    run("keys", "generate", "--dir", f"{other}/keys", "--site", "exch", "--simulated", "--from", "2020-01-01T00:00:00Z")
    own = json.load(open(f"{other}/keys/trust.json", encoding="utf-8"))
    both = {"keys": own["keys"] + json.load(open(here("technician/trust.json"), encoding="utf-8"))["keys"]}
    write(f"{other}/keys/trust.json", json.dumps(both))
    store = ["--config", config, "--state", other]
    run("meter", "exchange", "feed", "--at", at(6.1167), "--from", at(6.2), "--last", "1220", "--first", "100", "--ct", "600/5", "--class", "0.2S", "--serial", "B7",
        "--reason", "moved", "--by", "Li Lei", "--keys", here("technician"), "--role", "operator", *store)
    run(*store, "--import", here("readings.txt"), "--import-step", "5m", "--import-only", program=pued)
    run("certificate", *store, "--out", here("theirs"), "--issued", at(800))
    said = run("verify", here("theirs.json"), "--trust", f"{other}/keys/trust.json")
    check("meter exchanges: 1, manual readings: 0, as the signed statements" in said, said)
    write(here("less.json"), json.dumps(own))
    said = run("verify", here("theirs.json"), "--trust", here("less.json"))
    check("stated, not recomputed, because a statement about a meter is signed by a key" in said, said)

    # ---- a letter of the exchange is another leaf, whoever signs the certificate
    text = open(here("cert.json"), encoding="utf-8", newline="").read()
    run("verify", write(here("changed.json"), text.replace('"serial": "B7"', '"serial": "B8"')), "--trust", trust, code=12)

    # ---- a number names one certificate for good, and only what was issued here is superseded or revoked
    store = ["--config", config, "--state", state]
    again = ["certificate", *store, "--no-pdf", "--issued", at(800)]
    first = view["identity"]["number"]
    run(*again, "--out", here("same"))
    check(open(here("same.json"), encoding="utf-8").read() == open(here("cert.json"), encoding="utf-8").read(), "issued once more, it is the same one")
    run("certificate", *store, "--no-pdf", "--issued", at(801), "--out", here("next"))
    check(json.load(open(here("next.json"), encoding="utf-8"))["view"]["identity"]["number"] == first + "-2", "another one gets a number of its own")
    revoke = ["--reason", "wrong CT", "--site", "exch", "--simulated", "--keys", f"{state}/keys", "--out", here("gone.json"), "--state", state]
    for words, sentence in (
            (["certificate", *store, "--number", first, "--issued", at(802)], f"a certificate {first} was issued on"),
            (["certificate", *store, "--number", "X-1", "--supersedes", "NOPE"], f"no certificate NOPE was issued here; there are: {first}"),
            (["certificate", *store, "--number", "X-1", "--supersedes", "X-1"], "cannot supersede itself"),
            (["certificate", *store, "--number", "X" * 200], "200 characters are too many"),
            (["revoke", "NOPE", *revoke], "no certificate NOPE was issued here")):
        check(sentence in run(*words, code=64), sentence)
    run("certificate", *store, "--no-pdf", "--number", "X-1", "--supersedes", first, "--issued", at(803), "--out", here("x"))
    check(f"{first} was superseded by X-1 already" in run("certificate", *store, "--number", "X-2", "--supersedes", first, code=64), "one successor")
    run("verify", here("cert.json"), "--trust", trust, "--seen", here("x.json"), code=23)
    run("revoke", "X-1", *revoke)
    check("X-1 is revoked already" in run("revoke", "X-1", *revoke, code=64), "revoked once")
    check("X-1 is revoked" in run("certificate", *store, "--number", "X-2", "--supersedes", "X-1", code=64), "what is revoked is not superseded")
    run("verify", here("x.json"), "--trust", trust, "--revoked", here("gone.json"), code=24)

    # ---- a claim counts when it is evidence; until then whoever judges or certifies is told that it waits
    def judged(code):
        p = subprocess.run([puectl, "eligibility", "--config", config, "--state", state, "--date", "2026-04-02"], capture_output=True, text=True, timeout=120)
        check(p.returncode == code, f"eligibility: exit {p.returncode}, expected {code}: {p.stdout}{p.stderr}")
        return p.stdout, p.stderr

    store = ["--config", config, "--state", state]
    before, said = judged(11)
    check("ALREADY_CLAIMED" not in before and not said, f"nothing is claimed and nothing waits: {before}{said}")
    run("claim", "--policy", "baoding-2024-clause2", "--amount", "300000 yuan", "--date", "2025-06-01", "--by", "Li Lei", *store)
    again, said = judged(11)
    check(again == before and "1 signed statement " in said and "not counted" in said, f"a claim that waits is said and not counted: {again}{said}")
    write(here("later.txt"), "".join(line for line in lines(31 * 24 + 6) if line >= at(31 * 24 + 4)))
    run(*store, "--import", here("later.txt"), "--import-step", "5m", "--import-only", program=pued)
    after, said = judged(10)
    check(after.startswith("ALREADY_CLAIMED") and not said, f"taken in, it counts: {after}{said}")

check.done()
sys.exit(1 if check.failed else 0)
