#!/usr/bin/python3
"""What people state and what leaves the house, walked as applicant and authority: each statement is a sentence and a leaf, changes the verdict as
it should, and can be taken back; certificates are numbered, superseded and revoked.

test_papers.py PUED PUECTL"""
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks  # noqa: E402

pued, puectl = sys.argv[1:3]
check = Checks()
BASE = datetime(2026, 2, 28, 16, tzinfo=timezone.utc)      # a local month begins
MONTH = 31 * 24
RACKS = "racks:\n" + "".join(f"  - {{id: r{k}, hall: h1, function: compute, rated: 4 kW}}\n" for k in range(1000))
SITE = """version: 1
site: {id: papers, name: {zh: 文书, en: papers}, timezone: Asia/Shanghai, simulated: true, operation_start: 2016-05-01, retrofit_completed: 2026-02-27, jurisdiction: city_district}
meters:
  - {id: feed, role: supply, p_max: 3 MW, modulus: none, class: 0.2S, count: 10 Wh, power: none}
  - {id: it, role: it, point: pdu_output, parent: feed, p_max: 3 MW, modulus: none, class: 0.2S, count: 10 Wh, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.1:502/1", poll: 900s}
  - {id: it, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.2:502/1", poll: 900s}
pack: baoding-2024-clause2
""" + RACKS


def at(hours):
    return (BASE + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def lines(begin, end):
    for k in range(begin * 4, end * 4):
        yield f"{at(k / 4)} feed/total.energy {6000 * k} good {k * 900000}\n{at(k / 4)} it/total.energy {5000 * k} good {k * 900000}\n"


def call(*words, code=0, program=None):
    p = subprocess.run([program or puectl, *words], capture_output=True, text=True, timeout=120)
    check(p.returncode == code, f"{' '.join(words[:8])}: exit {p.returncode}, expected {code}: {p.stderr}{p.stdout[-600:]}")
    return p.stdout + p.stderr


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


with tempfile.TemporaryDirectory() as temp:
    def here(name):
        return os.path.join(temp, name)

    state, config = here("state"), write(here("site.yaml"), SITE)
    trust, keys = f"{state}/keys/trust.json", f"{state}/keys"
    os.makedirs(state, mode=0o700)
    store = ["--config", config, "--state", state]
    hours = MONTH + 2
    call("keys", "generate", "--dir", keys, "--site", "papers", "--simulated", "--from", "2020-01-01T00:00:00Z")
    call(*store, "--import", write(here("month.txt"), "".join(lines(0, hours))), "--import-step", "15m", "--import-only", program=pued)

    def taken_in():
        """pued runs a while: what waits becomes evidence."""
        global hours
        call(*store, "--import", write(here("more.txt"), "".join(lines(hours, hours + 1))), "--import-step", "15m", "--import-only", program=pued)
        hours += 1

    def judged(code, *words):
        return call("eligibility", *store, "--why", "--date", "2026-04-02", *words, code=code)

    def state_it(*words, said=(), zh=None):
        """Signed, with its id in front and a sentence behind, in both languages; returns the id."""
        out = call(*words, *store, "--issued", at(hours - 1))
        check(re.fullmatch(r"[0-9a-f]{16} \S+\.json\n  .+\. Signed; .+\n", out), f"an id, a file and a sentence: {out}")
        check(all(s in out for s in said), f"the sentence says {said}: {out}")
        if zh:
            again = call(*words, *store, "--issued", at(hours - 1), "--lang", "zh")
            check(zh in again and "已签署" in again and again.split()[0] == out.split()[0], f"in Chinese {zh}: {again}")
        return out.split()[0]

    # ---- what would count for nothing is not signed: rows: name, exit code, words of the command, the sentence holds
    BAD = [
        ("a role nobody has", 64, ["attest", "retrofit", "yes", "--by", "p", "--role", "king"], "applicant, operator, tester, authority"),
        ("the wrong one", 64, ["attest", "operator", "yes", "--by", "p"], "--role operator"),
        ("a name that the pack does not ask for", 64, ["attest", "luck", "yes", "--by", "p"], "cloud_center"),
        ("a day where yes or no is asked", 64, ["attest", "retrofit", "2026-01-01", "--by", "p"], "yes or no"),
        ("yes where a day is asked", 64, ["attest", "applied", "yes", "--by", "p"], "a day"),
        ("no such day", 64, ["attest", "applied", "2026-02-30", "--by", "p"], "2026-02-30"),
        ("nobody says so", 64, ["attest", "retrofit", "yes"], "--by"),
        ("a rate above the bound", 65, ["attest", "approved_rate", "1000.01 yuan", "--by", "p", "--role", "authority"], "1000 yuan"),
        ("a rate of nothing", 65, ["attest", "approved_rate", "0 yuan", "--by", "p", "--role", "authority"], "above 0"),
        ("a rate in another unit", 65, ["attest", "approved_rate", "800 kW.h", "--by", "p", "--role", "authority"], "in yuan"),
        ("a revocation of nothing", 65, ["attest", "--revoke", "0123456789abcdef", "--by", "p"], "no statement with this id"),
        ("a merger with itself", 64, ["claim", "--merged-from", "papers", "--by", "p"], "this site itself"),
        ("an amount in another unit", 64, ["claim", "--policy", "x", "--amount", "5 kW.h", "--by", "p"], "yuan"),
        ("two things at once", 64, ["claim", "--policy", "x", "--merged-from", "y", "--by", "p"], "one of"),
    ]
    for name, code, words, holds in BAD:
        out = call(*words, *store, code=code)
        check(holds in out, f"{name}: {out}")
    check(not os.path.exists(f"{state}/statements") or not os.listdir(f"{state}/statements"), "nothing of that was left for pued")

    # ---- the applicant: INCOMPLETE names what is missing and what to do; then the iPUE of the month
    out = judged(11)
    check(out.startswith("INCOMPLETE") and "puectl attest cloud_center yes" in out and "nobody has stated it" in out, out)
    state_it("attest", "retrofit", "yes", "--by", "张三", said=["张三 (applicant): retrofit: yes"], zh="张三(申报单位):retrofit:是")
    cloud = state_it("attest", "cloud_center", "yes", "--by", "张三")
    state_it("attest", "operator", "yes", "--by", "李四", "--role", "operator", said=["李四 (operator)"], zh="李四(运维方)")
    state_it("attest", "applied", "2026-04-01", "--by", "张三", said=["applied: 2026-04-01"])
    check("4 signed statements" in judged(11), "what waits is told and not counted")
    taken_in()
    out = judged(11)
    check(out.startswith("ELIGIBLE_UNDER") and "[period]" in out and f"statement {cloud}" in out and "by 张三 (applicant)" in out, f"who said what, and where it stands: {out}")
    check(re.search(r"evidence: tree of epoch \d+, \d+ leaves, root [0-9a-f]{64}", out), f"the evidence: {out}")
    # a word by another role takes nothing away, though a key of role agent may sign for all
    call("attest", "cloud_center", "no", "--by", "x", "--role", "tester", *store, code=64)
    # taken back, and stated again
    out = call("attest", "--revoke", cloud, "--by", "张三", *store, "--issued", at(hours))
    check("cloud_center: yes" in out, f"what is taken back is said: {out}")
    taken_in()
    out = judged(11)
    check(out.startswith("INCOMPLETE") and "does not count: revoked" in out, out)
    check("已撤回" in judged(11, "--lang", "zh"), "in Chinese")
    state_it("attest", "cloud_center", "yes", "--by", "王五")
    # ---- the rate of the authority, pending and overlapping claims, other levels
    state_it("attest", "approved_rate", "800 yuan", "--by", "工信局", "--role", "authority", said=["(authority): approved_rate: 800 yuan"], zh="工信局(主管部门)")
    state_it("claim", "--policy", "baoding-2024-clause2", "--pending", "--amount", "800000 yuan", "--by", "张三", said=["asked for, pending", "800000.00 yuan"], zh="待定")
    state_it("claim", "--policy", "baoding-vouchers-2025", "--level", "city", "--amount", "300000 yuan", "--by", "张三", said=["given", "300000.00 yuan"])
    state_it("claim", "--policy", "henan-2023-green-dc", "--level", "province", "--amount", "100000 yuan", "--by", "张三")
    taken_in()
    out = judged(11)
    check("800000.00 yuan" in out and "the city: 400000.00" in out and "the district: 400000.00" in out, f"800 yuan x 1000 racks, halves: {out}")
    check("is pending" in out and "at most 500000.00 yuan more; if exclusive, nothing more" in out, f"a pending claim is named, an overlap is both readings: {out}")
    check("policy henan-2023-green-dc: if" not in out, "a grant of another level is no overlap")
    zh = judged(11, "--lang", "zh")
    check("另有待定申请" in zh and "至多再付 500000.00 元" in zh and "yuan" not in zh, f"in Chinese: {zh}")
    # ---- a grant of a predecessor counts after a merger, whatever the company's code; a merger stated by mistake is taken back
    grant = state_it("claim", "--policy", "baoding-2024-clause2", "--of", "old-dc7", "--company", "91130600XXXXXXXX7P", "--amount", "1000000 yuan", "--date", "2025-06-01", "--by", "李四")
    taken_in()
    check(judged(11).startswith("ELIGIBLE_UNDER"), "another site's grant is nothing to this one")
    merger = state_it("claim", "--merged-from", "old-dc7", "--by", "张三", said=["merged from old-dc7"], zh="由 old-dc7 等合并而来")
    taken_in()
    out = judged(10)
    check(out.startswith("ALREADY_CLAIMED") and f"claim:{grant}" in out and "site old-dc7 has had a grant of this policy, 2025-06-01, 1000000.00 yuan" in out, out)
    check("场所 old-dc7 已获本政策补贴,2025-06-01,1000000.00 元" in judged(10, "--lang", "zh"), "in Chinese")
    call("claim", "--revoke", merger, "--by", "张三", *store, "--issued", at(hours))
    taken_in()
    check(judged(11).startswith("ELIGIBLE_UNDER"), "a merger taken back")

    # ---- certificates: one number one paper, a second one only supersedes, and revocation
    def certify(number, *words, code=0):
        return call("certificate", *store, "--out", here(number), "--number", number, "--issued", at(MONTH + 60), "--date", "2026-04-02", "--no-pdf", *words, code=code)

    certify("C-1")
    certify("C-1")                                             # the same again is the same
    check("is another one" in call("certificate", *store, "--out", here("x"), "--number", "C-1", "--issued", at(MONTH + 61), "--date", "2026-04-02", "--no-pdf", code=64), "one number, one paper")
    check("there are: C-1" in certify("C-2", "--supersedes", "C-9", code=64), "only what was issued is superseded")
    check(not os.path.exists(here("C-2.json")), "a refused certificate is not written")
    certify("../C-3", code=64)
    certify("C-2", "--supersedes", "C-1")
    check("superseded by C-2" in certify("C-3", "--supersedes", "C-1", code=64), "once")
    check("VALID: " in call("verify", here("C-2.json"), "--trust", trust), "it verifies")
    check("superseded by C-2" in call("verify", here("C-1.json"), "--trust", trust, "--seen", here("C-2.json"), code=23), "the old one is known by the new")
    revoke = ["revoke", "C-2", "--reason", "CT ratio found wrong", "--site", "papers", "--keys", keys, "--out", here("revoked.json"), "--state", state, "--issued", at(MONTH + 70)]
    check("nothing was written" in call(*revoke, code=12), "a revocation nobody would believe is not written")
    out = call(*revoke, "--simulated")
    check("certificate C-2 (site papers) is taken back: CT ratio found wrong" in out, out)
    check("证书 C-2(场所 papers)撤销" in call(*revoke[:-4], "--issued", at(MONTH + 70), "--simulated", "--lang", "zh"), "in Chinese")
    check("CT ratio found wrong" in call("verify", here("C-2.json"), "--trust", trust, "--revoked", here("revoked.json"), code=24), "a revoked certificate")
    check("no certificate C-7 was issued" in call("revoke", "C-7", *revoke[2:], "--simulated", code=64), "a number that was never issued")
    certify("C-4")                                             # after a revocation
    view = json.load(open(here("C-4.json"), encoding="utf-8"))["view"]
    people = [leaf for leaf in view["evidence"]["leaves"] if leaf["why"] == "statement"]
    check(len(people) >= 12, f"every statement and revocation is a leaf of the certificate: {len(people)}")
    check(len(view["facts"]["claims"]) == 4 and view["facts"]["lineage"] == ["papers"], f"claims and lineage: {view['facts']['claims']} {view['facts']['lineage']}")

check.done()
sys.exit(1 if check.failed else 0)
