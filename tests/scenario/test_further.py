#!/usr/bin/python3
"""A pack's further windows from a store: the month before, and the hours at a quarter of the racks' rated power.  Signed by a publisher, then
edited, signed by somebody else, unsigned, a draft: no verdict then.

test_further.py PUED PUECTL"""
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks  # noqa: E402

pued, puectl = sys.argv[1:3]
check = Checks()
BASE = datetime(2025, 12, 31, 16, tzinfo=timezone.utc)      # local midnight of 2026-01-01
RACKS = "".join(f"  - {{id: r{i}, hall: h1, function: compute, rated: 4 kW, feeds: [it]}}\n" for i in range(40))
SITE = """version: 1
site: {id: further, name: {zh: 窗口, en: windows}, timezone: Asia/Shanghai, simulated: true, operation_start: 2016-05-01}
meters:
  - {id: feed, role: supply, p_max: 3 MW, modulus: none, class: 0.5S, count: 0.1 kWh, power: none}
  - {id: it, role: it, point: pdu_output, parent: feed, p_max: 1 MW, modulus: none, class: 0.5S, count: 0.1 kWh, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.1:502/1", poll: 1h}
  - {id: it, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.2:502/1", poll: 1h}
"""
PACK = """format: 1
pack: further
version: 1.0.0
policy: further
level: city
title: {zh: 窗口, en: windows}
source: {name: 《示例》, status: S}
validity: {from: 2026-01-01, events: [judged]}
window: {kind: rolling, months: 1}
windows:
  - {name: before, kind: preceding, months: 1}
  - {name: quarter, kind: load_fraction, months: 1, load: 25 %, within: 1 %}
figures:
  - {id: fall, value: "0.05", source: 一, status: S, quote: 下降0.05以上}
  - {id: part, value: "1.4", source: 一, status: S, quote: PUE不高于1.4}
sufficiency:
  - {id: whole, title: {zh: 上月完整, en: the month before is whole}, test: {compare: before.complete.time.total, op: "=", limit: 100 %}}
criteria:
  - {id: fell, title: {zh: 下降, en: fell}, quote: 下降0.05以上, locator: 一, test: {compare: {sub: [before.pue, pue]}, op: ">=", word: 以上, limit: fall}}
  - {id: part, title: {zh: 部分负载, en: part load}, quote: PUE不高于1.4, locator: 一, test: {compare: quarter.pue, op: "<=", word: 不高于, limit: part}}
facts: {format: 1, site: {id: s}, judged: 2026-03-01}
vectors: [{name: nothing is known, verdict: INSUFFICIENT_DATA, reasons: [whole]}]
"""


def power(hour, quarter_kw):
    """(total, IT) in kW: January 130/100; February 56/40 for 14 days, then 144/120."""
    day = hour // 24
    return (130, 100) if day < 31 else (56, quarter_kw) if day < 45 else (144, 120)


def readings(quarter_kw=40, first=0):
    total = it = 0
    for h in range(24 * 59 + 2):
        t = (BASE + timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if h >= first:
            yield f"{t} feed/total.energy {total} good {h * 3600000}\n{t} it/total.energy {it} good {h * 3600000}\n"
        p = power(h, quarter_kw)
        total, it = total + 10 * p[0], it + 10 * p[1]


def run(*words, code=0, program=None):
    p = subprocess.run([program or puectl, *words], capture_output=True, text=True, timeout=120)
    check(p.returncode == code, f"{' '.join(words[:8])}: exit {p.returncode}, expected {code}: {p.stderr}{p.stdout[-600:]}")
    return p.stdout if code == 0 else p.stdout + p.stderr


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


with tempfile.TemporaryDirectory() as temp:
    def here(name):
        return os.path.join(temp, name)

    def store(name, lines, racks=RACKS):
        state, config = here(name), write(here(f"{name}.yaml"), SITE + ("racks:\n" + racks if racks else ""))
        os.makedirs(state, mode=0o700)
        run("keys", "generate", "--dir", f"{state}/keys", "--site", "further", "--simulated", "--from", "2020-01-01T00:00:00Z")
        words = ["--config", config, "--state", state]
        run(*words, "--import", write(here(f"{name}.txt"), "".join(lines)), "--import-step", "1h", "--import-only", program=pued)
        return words

    pack = write(here("further.yaml"), PACK)
    run("keys", "generate", "--dir", here("city"), "--role", "publisher", "--from", "2020-01-01T00:00:00Z")
    run("pack", "sign", pack, "--keys", here("city"))

    def judged(words, code, pack=pack, keys="city", date="2026-03-01"):
        return run("eligibility", *words, "--pack", pack, "--trust", here(f"{keys}/trust.json"), "--date", date, "--why", "--json", code=code)

    def row(text, key):
        return next(c for c in json.loads(text)["criteria"] if c["id"] == key)

    # ---- decided, exactly: 1.3 - 1.25 is 0.05, 56/40 is 1.4
    whole = store("whole", readings())
    said = judged(whole, 0)
    check(row(said, "fell")["result"] == "yes" and row(said, "part")["result"] == "yes", said)
    said = judged(store("more", readings(quarter_kw=39.9)), 10)
    check(row(said, "part")["result"] == "no" and row(said, "fell")["result"] == "no", said)

    # ---- not decidable, and why
    said = judged(store("none", readings(), racks=None), 11)
    check("rated power is not stated" in said and "未说明机架额定功率" in said, said)
    said = judged(store("other", readings(quarter_kw=45)), 11)
    check("in no interval was the load what the rule asks for" in said, said)
    said = judged(store("late", readings(first=24 * 20)), 11)
    check(json.loads(said)["kind"] == "INSUFFICIENT_DATA" and json.loads(said)["reasons"] == ["whole"], said)
    said = judged(store("young", readings(first=24 * 31)), 11)
    check("2026-01-01..2026-01-31" in said and "no records" in said, said)

    # ---- the publisher's signature
    edited = write(here("edited.yaml"), PACK.replace('"0.05", source', '"0.04", source'))
    check("is not signed" in judged(whole, 12, pack=edited), "an unsigned pack bears no verdict")
    os.rename(here("further.yaml.jws"), here("edited.yaml.jws"))
    check("was changed after it was signed" in judged(whole, 12, pack=edited), "an edited pack bears no verdict")
    run("keys", "generate", "--dir", here("nobody"), "--role", "publisher", "--from", "2020-01-01T00:00:00Z")
    run("pack", "sign", pack, "--keys", here("nobody"))
    judged(whole, 12)
    run("pack", "sign", edited, "--keys", here("city"))
    judged(whole, 0, pack=edited)
    draft = write(here("draft.yaml"), PACK.replace('value: "1.4", source: 一, status: S', 'value: "1.4", source: 一, status: m?'))
    check("draft" in judged(whole, 78, pack=draft), "nor unsigned")
    run("pack", "sign", draft, "--keys", here("city"))
    check("draft" in judged(whole, 78, pack=draft), "a draft bears no verdict, signed or not")

check.done()
sys.exit(1 if check.failed else 0)
