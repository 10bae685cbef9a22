#!/usr/bin/python3
"""A meter is exchanged, and a technician reads a dead one: as signed statements, through `puectl meter`, pued, replay and the judgement.

test_meter.py PUED PUECTL.  Everybody agrees: epochs of the configuration, a replay with statements, pued importing at once, and pued
importing in two runs with the statement made between them."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

pued, puectl = sys.argv[1:3]
BASE = datetime(2026, 3, 2, tzinfo=timezone.utc)
wrong = []


def at(hours):
    return (BASE + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(what, good, more=""):
    if not good:
        wrong.append(f"{what}: {more}"[:2000])


def run(*args, code=0, program=None):
    p = subprocess.run([program or puectl, *args], capture_output=True, text=True, timeout=120)
    check(" ".join(args[:8]), p.returncode == code, f"exit {p.returncode}, expected {code}: {p.stderr}")
    return p.stdout if code == 0 else p.stdout + p.stderr


SITE = """version: 1
site: {id: exch, name: {zh: 换表, en: exchange}, timezone: Asia/Shanghai, simulated: true}
meters:
  - {id: feed, role: supply, p_max: 3 MW, modulus: 1000000, class: 0.5S, ct: 300/5, ct_class: 0.5, applied_by: pued, count: 0.1 kWh, power: none%s}
  - {id: it, role: it, point: pdu_output, parent: feed, p_max: 100 kW, modulus: none, class: 1, count: 10 Wh, power: none}
  - {id: silent, role: cooling, parent: feed, p_max: 50 kW, modulus: none, class: 1, count: 10 Wh, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.1:502/1", poll: 300s}
  - {id: it, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.2:502/1", poll: 300s}
  - {id: silent, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.3:502/1", poll: 300s}
"""
# the exchange at 06:07, the new meter's first reading at 06:12, with a larger current transformer
EPOCHS = f""", epochs: [{{serial: A1, to: {at(6.1167)}, last: 1220}}, {{serial: B7, from: {at(6.2)}, first: 100, ct: 600/5, class: 0.2S, reason: moved}}]"""


def lines(first, last):
    """Readings every five minutes: the feed counts 200 an hour (half as many after the exchange), IT 2000; IT is dead from 9:00 to 10:35
    and counts from zero then."""
    out = []
    for k in range(round(first * 12), round(last * 12)):
        h = k / 12
        if not 6.1 < h < 6.2:
            out.append(f"{at(h)} feed/total.energy {round(200 * h) if h < 6.15 else 100 + round(100 * (h - 6.2))} good {k * 300000}")
        if not 9 < h < 10.55:
            out.append(f"{at(h)} it/total.energy {round(2000 * h) if h < 10 else round(2000 * (h - 10.5))} good {k * 300000}")
    return "\n".join(out) + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def leaves(text, kinds=("interval",)):
    return [x for x in text.splitlines() if json.loads(x)["type"] in kinds]


def stored(state, config):
    out = []
    for line in run("export", "--state", state, "--format", "evidence").splitlines():
        leaf = json.loads(line)
        out.append((leaf["kind"], leaf.get("leaf", leaf.get("bytes"))))
    return out


def new_state(temp, name):
    state = os.path.join(temp, name)
    os.makedirs(state, mode=0o700)
    run("keys", "generate", "--dir", f"{state}/keys", "--site", "exch", "--simulated", "--from", "2020-01-01T00:00:00Z")
    return state


def share(state, other):
    shutil.copytree(f"{state}/keys", f"{other}/keys")


def pieces(report):
    """What must be equal however the exchange was said."""
    return (report["intervals"], report["kpi"], report["terms"], report["balance"], [(e["kind"], e["meter"], e["from"], e["to"], e["energy_mwh"]) for e in report["events"]])


with tempfile.TemporaryDirectory() as temp:
    plain, config = write(f"{temp}/plain.yaml", SITE % ""), write(f"{temp}/epochs.yaml", SITE % EPOCHS)
    serial = write(f"{temp}/serial.yaml", SITE % ", serial: A1")
    whole = write(f"{temp}/whole.txt", lines(0, 14))
    state = new_state(temp, "one")
    exchange = ["meter", "exchange", "feed", "--at", at(6.1167), "--from", at(6.2), "--last", "1220", "--first", "100", "--ct", "600/5", "--class", "0.2S",
                "--serial", "B7", "--reason", "moved", "--by", "Li Lei"]
    reading = ["meter", "reading", "it", "--from", at(9), "--to", at(10.5), "--energy", "30 kW.h", "--reason", "display read", "--document", "sheet 4", "--by", "Han Mei"]

    # ---- stated before the first start: replay with statements = epochs of the configuration
    id_exchange = run(*exchange, "--config", serial, "--state", state).split()[0]
    given = ["--statements", f"{state}/statements", "--trust", f"{state}/keys/trust.json"]
    by_config = json.loads(run("replay", "--config", config, whole, "--json"))
    by_word = json.loads(run("replay", "--config", serial, whole, "--json", *given))
    for name, a, b in zip(("intervals", "kpi", "terms", "balance", "events"), pieces(by_config), pieces(by_word)):
        check(f"replay: {name} of a statement are those of the configuration", a == b, f"{a}\n{b}")
    said = [e for e in by_word["events"] if e["kind"] == "epoch"]
    check("the epoch names both meters, the reason and the statement", len(said) == 1 and "A1 -> B7" in said[0]["reason"] and id_exchange in said[0]["reason"], said)
    without = json.loads(run("replay", "--config", serial, whole, "--json"))
    check("without the statement it is something else", any(e["kind"] == "reset" for e in without["events"]) and without["kpi"] != by_word["kpi"])
    run("replay", "--config", serial, whole, "--statements", f"{state}/statements", code=64)
    # whoever is not trusted says nothing
    other = new_state(temp, "other")
    unknown = json.loads(run("replay", "--config", serial, whole, "--json", "--statements", f"{state}/statements", "--trust", f"{other}/keys/trust.json"))
    check("a key that is not trusted counts for nothing", pieces(unknown) == pieces(without))

    # ---- a manual reading stands beside the sums
    run(*reading, "--config", serial, "--state", state)
    with_m = json.loads(run("replay", "--config", serial, whole, "--json", *given))
    it = [r for i in with_m["intervals"] for r in i["meters"] if r["id"] == "it" and r.get("substitute_class") == "M"]
    check("manual energy of six quarters", len(it) == 6 and sum(r["substituted_mwh"] for r in it) == 30_000_000, it)
    check("never inside known energy", with_m["kpi"]["known_it_mwh"] == by_word["kpi"]["known_it_mwh"] and with_m["kpi"]["total_mwh"] == by_word["kpi"]["total_mwh"])
    check("the event says who and why", any(e["kind"] == "manual" and "Han Mei" in e["reason"] and "display read" in e["reason"] for e in with_m["events"]))
    check("by class", [c["substituted_mwh"] for c in with_m["classes"] if (c["sum"], c["class"]) == ("it", "M")] == [30_000_000], with_m["classes"])

    # ---- pued folds the same, at once
    run("--config", serial, "--state", state, "--import", whole, "--import-step", "5m", "--import-only", program=pued)
    expected = leaves(run("replay", "--config", serial, whole, "--leaves", *given), ("interval", "event"))
    got = [json.dumps(x, separators=(",", ":"), ensure_ascii=False) if isinstance(x, dict) else x for k, x in stored(state, serial) if k in ("interval", "event")]
    n = len([x for x in got if '"type":"interval"' in x])
    check("pued closes what is behind the watermark", n >= 54, n)
    short = min(len(got), len(expected))
    check("pued's leaves are replay's", got[:short - 4] == expected[:short - 4], next((f"{a}\n{b}" for a, b in zip(got, expected) if a != b), ""))
    kinds = [k for k, _ in stored(state, serial)]
    check("both statements are leaves", kinds.count("manual") == 2, kinds)
    run("verify", "--store", state)
    pue = json.loads(run("pue", "--config", serial, "--state", state, "--explain", "--json"))
    feed = [e for e in pue["epochs"] if e["meter"] == "feed"]
    check("the judgement's schedule has both meters", [e["serial"] for e in feed] == ["A1", "B7"], feed)

    # ---- stated between two runs: the second goes on from the checkpoint
    halves = os.path.join(temp, "halves")
    os.makedirs(halves, mode=0o700)
    share(state, halves)
    cut = 6
    run("--config", serial, "--state", halves, "--import", write(f"{temp}/a.txt", lines(0, cut)), "--import-step", "5m", "--import-only", program=pued)
    second = write(f"{temp}/b.txt", lines(cut, 14))
    run(*exchange, "--config", serial, "--state", halves)
    run("--config", serial, "--state", halves, "--import", second, "--import-step", "5m", "--import-only", program=pued)
    at_once, in_two = ([x for x in (json.dumps(y) if isinstance(y, dict) else y for k, y in stored(s, serial) if k == "interval")] for s in (state, halves))
    check("two runs give the intervals of one", at_once == in_two and len(at_once) >= 54, next((f"{a}\n{b}" for a, b in zip(at_once, in_two) if a != b), (len(at_once), len(in_two))))

    # ---- what the store gives back folds to the same: one session, and two
    for name, where in (("one session", state), ("two", halves)):
        given_back = write(f"{temp}/back.txt", run("export", "--format", "recording", "--config", serial, "--state", where))
        again = json.loads(run("replay", "--config", serial, given_back, "--json"))
        check(f"export, replay: {name}", [again[k] for k in ("intervals", "kpi", "readings")] == [without[k] for k in ("intervals", "kpi", "readings")],
              next((f"{a}\n{b}" for a, b in zip(again["intervals"], without["intervals"]) if a != b), again["kpi"]))
        check("a new session is said", (given_back_text := open(given_back, encoding="utf-8").read()).count("# session") == (name == "two") and "-" in given_back_text)
    p = subprocess.run(f"'{puectl}' export --format recording --config '{serial}' --state '{state}' 'it/*' | '{puectl}' replay --config '{serial}' --summary --json -", shell=True,
                       capture_output=True, text=True, timeout=60)
    check("through a pipe", p.returncode == 0 and json.loads(p.stdout)["readings"] < without["readings"], p.stderr)
    told = run("export", "--format", "recording", "--config", write(f"{temp}/other.yaml", (SITE % "").replace("acrel-adw300", "eastron-sdm630")), "--state", state, code=11)
    check("with another profile's count it is refused", "another count" in told or "does not say" in told, told)

    # ---- what contradicts is refused with a sentence, here and by pued
    def refused(args, says, where=state, conf=serial, code=65):
        out = run(*args, "--config", conf, "--state", where, code=code)
        check(f"refused: {says}", says in out, out)

    def words(meter="feed", **more):
        o = {"at": at(20), "last": 5000, "first": 0, "reason": "r", "by": "p", **more}
        return ["meter", "exchange", meter] + [x for k, v in o.items() if v is not None for x in (f"--{k.replace('_', '-')}", str(v))]

    refused(words("nobody"), "no meter 'nobody'")
    refused(words(at=at(3)), "epochs overlap")
    refused(words("it", at=at(3)), "not rewritten")
    refused(words(at=at(20), **{"from": at(19)}), "before the old one's last")
    refused(words(at=at(6.1167)), "is known already")
    refused(words("it", ct="300/5"), "applied_by")
    refused(words(ct="three"), "name plate")
    refused(words(at=at(40), last=2000000), "cannot show 2000000")
    refused(words(at=at(20), last=None), "'last' is missing")
    refused(words(at="2026-03-03"), "a time such as", code=64)
    refused(words("feed"), "no register", conf=write(f"{temp}/none.yaml", (SITE % "").replace("count: 0.1 kWh, power: none", "energy: none")), where=new_state(temp, "none"))
    refused(["meter", "reading", "it", "--from", at(9), "--to", at(10), "--energy", "500 kW.h", "--reason", "r", "--by", "p"], "more than its circuit")
    refused(["meter", "reading", "it", "--from", at(9), "--to", at(8), "--energy", "5 kW.h", "--reason", "r", "--by", "p"], "'to' must come after 'from'")
    refused(["meter", "reading", "it", "--from", at(9), "--to", at(10), "--reason", "r", "--by", "p"], "either the energy")
    refused(["meter", "reading", "feed", "--from", at(6), "--to", at(7), "--first", "1200", "--last", "180", "--reason", "r", "--by", "p"], "changed between the two readings")
    run("meter", "exchange", "feed", code=64)
    run("meter", "swap", "feed", code=64)
    # a second exchange on the same day, and taking one back, in a state of their own
    day = new_state(temp, "day")
    first = run(*words("it", at=at(20)), "--config", serial, "--state", day).split()[0]
    # (no store yet: pued has not run, so the first is known to nobody; it becomes a leaf with the first run)
    run("--config", serial, "--state", day, "--import", write(f"{temp}/c.txt", lines(0, 2)), "--import-step", "5m", "--import-only", program=pued)
    refused(words("it", at=at(23)), "second exchange within a day", where=day)
    run("meter", "exchange", "--revoke", first, "--by", "p", "--config", serial, "--state", day)
    run("--config", serial, "--state", day, "--import", write(f"{temp}/d.txt", lines(2, 3)), "--import-step", "5m", "--import-only", program=pued)
    run(*words("it", at=at(23)), "--config", serial, "--state", day)
    # pued refuses what it is handed too late: no leaf, a sentence beside the file
    late = os.path.join(temp, "late")
    os.makedirs(late, mode=0o700)
    share(state, late)
    run(*words("it", at=at(4)), "--config", serial, "--state", late)
    for name in os.listdir(f"{late}/statements"):
        shutil.copy(f"{late}/statements/{name}", f"{halves}/statements/{name}")
        stem = name[:-5]
    before = [k for k, _ in stored(halves, serial)].count("manual")
    log = subprocess.run([pued, "--config", serial, "--state", halves, "--import", write(f"{temp}/e.txt", lines(14, 15)), "--import-step", "5m", "--import-only"],
                         capture_output=True, text=True, timeout=60)
    check("a late exchange does not stop pued", log.returncode == 0, log.stderr)
    check("it becomes no leaf", [k for k, _ in stored(halves, serial)].count("manual") == before)
    names = os.listdir(f"{halves}/statements")
    check("the refusal has its sentence", f"{stem}.why" in names and f"{stem}.refused" in names and f"{stem}.json" not in names, names)
    with open(f"{halves}/statements/{stem}.why", encoding="utf-8") as f:
        check("which names meter and time", "meter it: its time from" in (text := f.read()) and "folded already" in text, text)
    check("and is in the log", "folded already" in log.stderr, log.stderr[-400:])
    run("verify", "--store", halves)
    # and the doctor lists it, until somebody has cleared it away
    def doctor():
        p = subprocess.run([puectl, "doctor", "--state", halves, "--json"], capture_output=True, text=True, timeout=60)
        return next(f for f in json.loads(p.stdout) if f["check"] == "statements")
    told = doctor()
    check("the doctor lists it", told["result"] == "WRONG" and f"{stem}.refused" in told["text"] and "folded already" in told["text"] and ".refused" in told["fix"], told)
    os.remove(f"{halves}/statements/{stem}.refused")
    check("until it is cleared away", doctor()["result"] == "ok", doctor())

for w in wrong:
    print(w)
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
