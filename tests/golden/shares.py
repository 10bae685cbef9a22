#!/usr/bin/python3
"""Racks and compute share C1, C2, C3, C5 against their definitions in exact fractions: shares.py PUECTL.

By hand where a bound matters (0.70 exactly, nothing at all, a rating that lacks, meters one below the other), and seeded sites against a model that
is written from the definitions: racks of unknown function are none or all computing; network and empty racks are in or out; C3 is energy over E_IT,
from meters that feed only computing racks to meters that feed any that computes or may."""
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction as F

puectl, wrong = sys.argv[1], []
IDS = {"C1": "C1 racks", "C2": "C2 rated power", "C3": "C3 measured energy", "C5": "C5 nominal power"}


def check(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, expected {expected}")


def flow(d):
    return "{" + ", ".join(f"{k}: {'[' + ', '.join(v) + ']' if isinstance(v, list) else v}" for k, v in d.items()) + "}"


def ask(racks, meters):
    """meters: {id: (role, parent, kW.h in the hour, missing end)}; the window is the recording's hour."""
    text = "version: 1\nsite: {id: s, name: {zh: 甲, en: A}, timezone: UTC, simulated: true}\nmeters:\n  - {id: feed, role: supply, count: 1 kW.h, p_max: 90 MW, modulus: none, power: none}\n"
    lines = []
    for id_, (role, parent, kwh, dead) in {"feed": ("supply", None, 100_000, False), **meters}.items():
        if id_ != "feed":
            point = {"it": "pdu_output", "rack": "rack_inlet"}.get(role)
            text += "  - " + flow({"id": id_, "role": role, "parent": parent, "count": "1 kW.h", "p_max": "50 MW", "modulus": "none", "power": "none", **({"point": point} if point else {})}) + "\n"
        for k in range(5):
            if not (dead and k > 2):
                lines.append(f"2026-03-01T{k // 4:02d}:{k % 4 * 15:02d}:00Z {id_}/total.energy {1000 + kwh * k // 4}")
    text += "devices:\n" + "".join(f"  - {{id: {m}, profile: acrel-adw300, endpoint: \"modbus+tcp://10.0.{i // 250}.{i % 250 + 1}/1\", poll: 900s}}\n" for i, m in enumerate(["feed", *meters]))
    text += "racks:\n" + "".join("  - " + flow(r) + "\n" for r in racks) if racks else ""
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("s.yaml", text), ("r.txt", "\n".join(sorted(lines)) + "\n")):
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(data)
        p = subprocess.run([puectl, "replay", "--config", os.path.join(d, "s.yaml"), "--json", os.path.join(d, "r.txt")], capture_output=True, text=True, timeout=60)
        if p.returncode:
            wrong.append(f"exit {p.returncode}: {p.stderr[:300]}")
            return None
        return json.loads(p.stdout)


def shares(report):
    out = {}
    for s in report["shares"]:
        key = (next(k for k, v in IDS.items() if v == s["definition"]), s["network_racks_in"], s["empty_racks_in"])
        out[key] = None if s["share"] is None else (F(s["lo_num"], s["lo_den"]), F(s["hi_num"], s["hi_den"]))
    return out


# ---- the definitions ------------------------------------------------------------------------------------------------------------------------

def computing(r):
    """(the part that computes, may it be anything?)"""
    if r["function"] == "empty":
        return F(0), False
    if "compute" in r:
        return F(int(r["compute"][:-1]), 100), False
    return F(r["function"] == "compute"), r["function"] == "unknown"


def weighed(racks, weight):
    weights = [weight(r) for r in racks]
    if None in weights or not sum(weights):
        return None
    parts = [computing(r) for r in racks]
    return (sum(w * p for w, (p, _) in zip(weights, parts)) / sum(weights), sum(w * (F(1) if u else p) for w, (p, u) in zip(weights, parts)) / sum(weights))


def by_energy(racks, meters):
    it = sum(kwh for role, _, kwh, _ in meters.values() if role == "it") - sum(kwh for role, parent, kwh, _ in meters.values() if role == "non_it")
    feeds = {}
    for r in racks:
        part, unknown = computing(r)
        if (part or unknown) and not r.get("feeds"):
            return None
        for f in r.get("feeds", []):
            feeds.setdefault(f, set()).add("maybe" if unknown or 0 < part < 1 else "yes" if part else "no")
    if any(meters[m][3] for m in meters if m in feeds or meters[m][0] in ("it", "non_it")) or it <= 0:
        return None
    lo, hi = (sum(meters[m][2] for m, kinds in feeds.items() if choose(kinds)) for choose in (lambda k: k == {"yes"}, lambda k: k & {"yes", "maybe"}))
    return (F(lo, it), min(F(hi, it), F(1))) if hi else None


def expected(racks, meters):
    out = {}
    for network, empty in itertools.product((False, True), repeat=2):
        def chosen(with_empty, network=network):
            return [r for r in racks if (r["function"] != "network" or network) and (r["function"] != "empty" or with_empty)]
        rated = lambda r: F(r["rated"].split()[0]) if "rated" in r else None
        out["C1", network, empty] = weighed(chosen(empty), lambda r: 1)
        out["C2", network, empty] = weighed(chosen(empty), rated)
        out["C5", network, empty] = weighed(chosen(False), rated)
        out["C3", network, empty] = by_energy(racks, meters)
    return out


# ---- by hand --------------------------------------------------------------------------------------------------------------------------------

def rack(id_, function, rated=4, feeds=(), **more):
    return {"id": id_, "function": function, **({"rated": f"{rated} kW"} if rated else {}), **({"feeds": list(feeds)} if feeds else {}), **more}


def row(kwh, dead=False):
    return {"row": ("it", "feed", kwh, dead)}


def pdu(kwh, dead=False):
    return ("rack", "row", kwh, dead)


def many(n, function, **more):
    return [rack(f"{function}{i}", function, **more) for i in range(n)]


# name, racks, meters below feed, {definition: (lo, hi) or None}; the first of network and empty out unless said
HAND = [
    ("no racks", [], row(100), {"C1": None, "C2": None, "C3": None, "C5": None}),
    ("only empty ones", many(3, "empty"), row(100), {"C1": None, "C2": None, ("C1", 0, 1): (F(0), F(0)), ("C5", 0, 1): None}),
    ("only network racks", many(3, "network"), row(100), {"C1": None, ("C1", 1, 0): (F(0), F(0))}),
    ("seventy of a hundred is 0.70 and not more", many(70, "compute") + many(30, "storage"), row(100), {"C1": (F(7, 10), F(7, 10)), "C2": (F(7, 10), F(7, 10))}),
    ("the upper bound touches 0.70", many(60, "compute") + many(30, "storage") + many(10, "unknown"), row(100), {"C1": (F(6, 10), F(7, 10))}),
    ("the lower bound touches 0.70", many(70, "compute") + many(20, "storage") + many(10, "unknown"), row(100), {"C1": (F(7, 10), F(8, 10))}),
    ("all unknown", many(5, "unknown"), row(100), {"C1": (F(0), F(1)), "C2": (F(0), F(1)), "C5": (F(0), F(1))}),
    ("dense racks weigh", [rack("a", "compute", 40), rack("b", "storage", 4), rack("c", "storage", 6)], row(100), {"C1": (F(1, 3), F(1, 3)), "C2": (F(4, 5), F(4, 5))}),
    ("a rating lacks", [rack("a", "compute", 40), rack("b", "storage", None)], row(100), {"C1": (F(1, 2), F(1, 2)), "C2": None, "C5": None}),
    ("a rating lacks where the rack is out", [rack("a", "compute"), rack("n", "network", None)], row(100), {"C2": (F(1), F(1)), ("C2", 1, 0): None}),
    ("a mixed rack computes in part, whatever its function", [rack("a", "unknown", compute="60%"), rack("b", "storage")], row(100), {"C1": (F(3, 10), F(3, 10))}),
    ("other is IT", many(1, "compute") + many(1, "other"), row(100), {"C1": (F(1, 2), F(1, 2))}),
    ("energy of the racks", [rack("a", "compute", feeds=["a"]), rack("b", "storage", feeds=["b"])], {**row(1000), "a": pdu(700), "b": pdu(200)}, {"C3": (F(7, 10), F(7, 10))}),
    ("energy with an unknown one", [rack("a", "compute", feeds=["a"]), rack("b", "unknown", feeds=["b"]), rack("c", "storage", feeds=["c"])],
     {**row(1000), "a": pdu(600), "b": pdu(100), "c": pdu(300)}, {"C3": (F(6, 10), F(7, 10))}),
    ("one meter for two racks", [rack("a", "compute", feeds=["a"]), rack("b", "storage", feeds=["a"])], {**row(1000), "a": ("distribution", "row", 900, False)}, {"C3": (F(0), F(9, 10))}),
    ("a computing rack without a meter is in no bound", [rack("a", "compute", feeds=["a"]), rack("b", "compute"), rack("c", "storage")], {**row(1000), "a": pdu(600)}, {"C3": None}),
    ("an unknown one without a meter neither", [rack("a", "compute", feeds=["a"]), rack("b", "unknown")], {**row(1000), "a": pdu(600)}, {"C3": None}),
    ("storage without a meter changes nothing", [rack("a", "compute", feeds=["a"]), rack("b", "storage")], {**row(1000), "a": pdu(600)}, {"C3": (F(6, 10), F(6, 10))}),
    ("a meter lacks a part", [rack("a", "compute", feeds=["a"])], {**row(1000), "a": pdu(600, True)}, {"C3": None}),
    ("the row lacks a part", [rack("a", "compute", feeds=["a"])], {**row(1000, True), "a": pdu(600)}, {"C3": None}),
    ("no IT energy", [rack("a", "compute", feeds=["a"])], {**row(0), "a": pdu(0)}, {"C3": None}),
    ("more than the IT is no share", [rack("a", "compute", feeds=["a"])], {**row(400), "a": pdu(600)}, {"C3": None}),
    ("a storage rack further down the same meter", [rack("a", "compute", feeds=["a"]), rack("b", "storage", feeds=["b"])], {**row(1000), "a": pdu(900), "b": ("rack", "a", 300, False)},
     {"C3": (F(0), F(9, 10))}),
    ("computing racks one below the other count once", [rack("a", "compute", feeds=["a"]), rack("b", "compute", feeds=["b"])], {**row(1000), "a": pdu(900), "b": ("rack", "a", 300, False)},
     {"C3": (F(9, 10), F(9, 10))}),
    ("a pump on the row is no computing", [rack("a", "compute", feeds=["row"])], {**row(1000), "pump": ("non_it", "row", 200, False)}, {"C3": (F(1), F(1))}),
    ("a meter that is not of the IT", [rack("a", "compute", feeds=["x"])], {**row(1000), "x": ("distribution", "feed", 500, False)}, {"C3": None}),
    ("a rack that was removed", [rack("a", "compute", removed="2026-02-01T00:00:00Z"), rack("b", "storage")], row(100), {"C1": (F(0), F(0))}),
    ("one that comes later", [rack("a", "compute", installed="2026-04-01T00:00:00Z"), rack("b", "storage")], row(100), {"C1": (F(0), F(0))}),
]


def by_hand():
    for name, racks, meters, rows in HAND:
        report = ask(racks, meters)
        if not report:
            continue
        got = shares(report)
        for key, value in rows.items():
            k = (key, False, False) if isinstance(key, str) else (key[0], bool(key[1]), bool(key[2]))
            check(f"{name}: {k}", got[k], value)


def by_chance(seed, n):
    rng = random.Random(seed)
    for case in range(n):
        racks, meters = [], {}
        for i in range(rng.randint(1, 14)):
            r = rack(f"r{i}", rng.choice(["compute", "compute", "storage", "network", "other", "empty", "unknown"]), rng.choice([2, 4, 8, 40, None] if rng.random() < 0.1 else [2, 4, 8, 40]))
            if rng.random() < 0.2:
                r["compute"] = f"{rng.randint(0, 100)}%"
            if rng.random() < 0.97:
                own = rng.random() < 0.85
                r["feeds"] = [f"m{i}"] if own else [rng.choice(["cab1", "cab2"])]
                kwh = rng.choice([0, 100, 1000, rng.randint(1, 5000)])
                meters.setdefault(r["feeds"][0], ("rack" if own else "distribution", "row", kwh, rng.random() < 0.01))
            racks.append(r)
        total = sum(m[2] for m in meters.values())
        all_ = {**row(total + rng.randint(0, 300)), **meters}
        if rng.random() < 0.3:
            all_["pump"] = ("non_it", "row", rng.randint(0, max(all_["row"][2] - total, 0)), False)
        report = ask(racks, all_)
        if report:
            for key, value in expected(racks, all_).items():
                check(f"seed {seed}, case {case}: {key} of {racks} with {all_}", shares(report)[key], value)
            check(f"seed {seed}, case {case}: unknown", report["racks"]["unknown"], sum(computing(r)[1] for r in racks))
            check(f"seed {seed}, case {case}: standard racks", report["racks"]["standard_milli"], sum(int(r.get("rated", "0 kW").split()[0]) for r in racks) * 400)


by_hand()
by_chance(41, int(os.environ.get("PUED_ROUNDS", "60")))
for w in wrong[:20]:
    print(w)
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
