#!/usr/bin/python3
"""puectl replay against a second model: second.py PUECTL.

Written from docs/ledger.md and nothing else, by someone who had not read core/ nor model.py: where both models and the program agree, the page says enough.
Readings in, curves, intervals, events, sums and partial sums out, in exact fractions.  Times are whole milliseconds (UTC), energies mW.h, powers mW."""
import collections
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction as F

HOUR = 3_600_000
WATERMARK = 900_000
MWH = 3_600_000          # mW x ms in one mW.h


@dataclass
class Epoch:
    count: F                     # mW.h of one count
    modulus: int = None
    start: int = None
    end: int = None
    first: int = None
    last: int = None


@dataclass
class Meter:
    id: str
    role: str = "supply"
    epochs: list = None
    p_max: int = None
    poll: int = WATERMARK
    net: bool = False
    factor: F = F(1)


@dataclass
class Reading:
    at: int
    value: F
    boot: int = None
    session: int = 0


@dataclass
class Step:
    start: int
    end: int
    energy: F
    known: bool
    gap: bool


@dataclass
class Curve:
    steps: list = field(default_factory=list)
    events: list = field(default_factory=list)       # (kind, meter, from, to, energy)


def elapsed(a, b):
    if a.boot is None or b.boot is None:
        return b.at - a.at
    if a.session == b.session:
        return b.boot - a.boot
    return max(b.at - a.at, b.boot - a.boot)


def arrive(lines):
    """Lines in the order of arrival -> {meter: readings in order of stamps}, events."""
    newest, seen, out, events = None, {}, {}, []
    for meter, r in lines:
        newest = r.at if newest is None else max(newest, r.at)
        if r.at < newest - WATERMARK:
            events.append(("late", meter, r.at, r.at, 0))
            continue
        if (meter, r.at) in seen:
            if seen[meter, r.at] != r.value:
                events.append(("conflict", meter, r.at, r.at, 0))
            continue
        seen[meter, r.at] = r.value
        out.setdefault(meter, []).append(r)
    for readings in out.values():
        readings.sort(key=lambda r: r.at)
    return out, events


class Fold:
    def __init__(self, meter, epoch, curve):
        self.m, self.e, self.curve = meter, epoch, curve

    def cap(self, a, b):
        if self.m.p_max is None:
            return None
        return F(self.m.p_max * elapsed(a, b), MWH) // self.e.count + 1

    def fits(self, a, b):
        d, cap = b.value - a.value, self.cap(a, b)
        low = 0 if not self.m.net else (None if cap is None else -cap)
        return (low is None or d >= low) and (cap is None or d <= cap)

    def step(self, a, b, counts, known, event=None, named=False):
        energy = counts * self.e.count * self.m.factor if known else F(0)
        gap = elapsed(a, b) * 2 > self.m.poll * 3
        self.curve.steps.append(Step(a.at, b.at, energy, known, gap))
        if gap and not named:
            self.curve.events.append(("gap", self.m.id, a.at, b.at, energy))
        if event:
            self.curve.events.append((event, self.m.id, a.at, b.at, energy))

    def run(self, rs):
        prev, j, stood = rs[0], 1, [rs[0]]
        while j < len(rs):
            cur = rs[j]
            d, cap, mod = cur.value - prev.value, self.cap(prev, cur), self.e.modulus
            if cap is not None and mod and cap >= mod:
                self.step(prev, cur, 0, False, "ambiguous")
            elif self.fits(prev, cur):
                self.step(prev, cur, d, True)
            elif d < 0 and mod and cap is not None and prev.value >= mod - cap and d + mod <= cap:
                self.step(prev, cur, d + mod, True, "wrap")
            elif d > 0 and len(stood) >= 3 and d <= self.cap(stood[0], cur):
                while self.curve.steps and self.curve.steps[-1].start >= stood[0].at:
                    self.curve.steps.pop()
                self.step(stood[0], cur, d, True, "frozen", named=True)
                self.curve.steps[-1].gap = True
            else:
                back = next((k for k in range(j + 1, min(j + 4, len(rs))) if self.fits(prev, rs[k])), None)
                if back is not None:
                    self.curve.events.append(("spike" if d > 0 else "drop_return", self.m.id, prev.at, rs[back].at, 0))
                    j, cur = back, rs[back]
                    self.step(prev, cur, cur.value - prev.value, True, named=True)
                else:
                    self.step(prev, cur, 0, False, "implausible" if d > 0 else "reset")
            stood = stood + [cur] if stood[-1].value == cur.value else [cur]
            prev = cur
            j += 1


def fold(meter, readings):
    curve = Curve()
    for i, e in enumerate(meter.epochs):
        rs = [r for r in readings if (e.start is None or r.at >= e.start) and (e.end is None or r.at <= e.end)]
        if e.first is not None:
            rs = [Reading(e.start, F(e.first))] + [r for r in rs if r.at > e.start]
        if e.last is not None:
            rs = [r for r in rs if r.at < e.end] + [Reading(e.end, F(e.last))]
        if i:
            curve.events.append(("epoch", meter.id, None, None, 0))
        if rs:
            Fold(meter, e, curve).run(rs)
    return curve


def cumulative(curve, t):
    sum_ = F(0)
    for s in curve.steps:
        if s.known and s.start < t:
            part = F(min(t, s.end) - s.start, s.end - s.start) if s.end > s.start else F(1)
            sum_ += s.energy * part
    return round(sum_)          # half to even


def covered(curve, a, b):
    return sum(max(0, min(b, s.end) - max(a, s.start)) for s in curve.steps if s.known)


def holes(curve, a, b):
    """Parts of [a, b) that are not known."""
    at, out = a, []
    for s in sorted((s for s in curve.steps if s.known), key=lambda s: s.start):
        if s.end <= at or s.start >= b:
            continue
        if s.start > at:
            out.append((at, s.start))
        at = max(at, s.end)
    if at < b:
        out.append((at, b))
    return out


def union(parts):
    total, at = 0, None
    for a, b in sorted(parts):
        a = a if at is None else max(a, at)
        if b > a:
            total += b - a
            at = b
    return total


def distributed(curve, a, b):
    return any(s.known and s.gap and any(s.start < x < s.end for x in (a, b)) and s.start < b and s.end > a for s in curve.steps)


SIGN_TOTAL = {"supply": 1, "pv": 1, "generator": 1, "fuel": 1, "heat": 1, "export": -1, "other_use": -1}


def site(meters, it_terms, lines, length=WATERMARK):
    """it_terms: {meter: +1 | -1}.  -> intervals, events"""
    by, events = arrive(lines)
    curves = {m.id: fold(m, by.get(m.id, [])) for m in meters}
    for c in curves.values():
        events += c.events
    stamps = [r.at for _, r in lines]
    start, stop = min(stamps) // length * length, -(-max(stamps) // length) * length
    sums = {"total": {m.id: SIGN_TOTAL[m.role] for m in meters if m.role in SIGN_TOTAL}, "it": it_terms}
    out = []
    for a in range(start, stop, length):
        b = a + length
        row = {"from": a, "meters": {}}
        for m in meters:
            c = curves[m.id]
            missing = length - covered(c, a, b)
            klass = "-" if missing == length else "D" if distributed(c, a, b) else "R"
            row["meters"][m.id] = (cumulative(c, b) - cumulative(c, a), cumulative(c, b), missing, klass)
        for name, terms in sums.items():
            lost = union([h for t in terms for h in holes(curves[t], a, b)])
            row[name] = (sum(s * row["meters"][t][0] for t, s in terms.items()),
                         sum(s * row["meters"][t][1] for t, s in terms.items()), lost)
        out.append(row)
    return out, events


# ---- what puectl says ---------------------------------------------------------------------------------------------------------------

KWH = 1_000_000
UTC = datetime.timezone.utc
BASE = 1_740_960_000_000          # 2025-03-03T00:00:00Z
puectl, wrong = sys.argv[1], []


def iso(at):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=at)).isoformat(timespec="milliseconds") + "Z"


def ms(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def recording(lines, poll=WATERMARK):
    out, session = [f"# poll {poll // 1000}s"], 0
    for meter, r in lines:
        out += ["# session"] if r.session != session else []
        session = r.session
        out.append(f"{iso(r.at)} {meter}/total.energy {int(r.value)} good" + ("" if r.boot is None else f" {r.boot}"))
    return "\n".join(out) + "\n"


def replay(meters, lines, interval="15m", extra=None, verb=("replay", "--config"), more=("--json",)):
    devices = [{"id": m["id"], "profile": "acrel-adw300", "endpoint": f"modbus+tcp://10.0.0.1/{i + 1}", "poll": "15m"} for i, m in enumerate(meters) if m["role"] != "bus"]
    site = {"version": 1, "site": {"id": "second", "name": "Second", "timezone": "Asia/Shanghai", "simulated": True, "interval": interval},
            "meters": [{**m, **({} if m["role"] == "bus" else {"power": "none"})} for m in meters], "devices": devices, **(extra or {})}
    with tempfile.TemporaryDirectory() as d:
        paths = os.path.join(d, "site.yaml"), os.path.join(d, "readings.txt")
        with open(paths[0], "w", encoding="utf-8") as f:
            json.dump(site, f)
        with open(paths[1], "w", encoding="utf-8") as f:
            f.write(recording(lines))
        p = subprocess.run([puectl, verb[0], "--config", paths[0], *verb[2:], paths[1], *more], capture_output=True, text=True, timeout=120)
    if p.returncode:
        wrong.append(f"puectl replay: exit {p.returncode}: {p.stderr[:600]}")
        return None
    return json.loads(p.stdout) if more == ("--json",) else p.stdout


def same(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, the second model {expected}")


# Of the site, or of many readings in one; corrections and findings have their own tests.
APART = ("correction", "finding", "session", "clock_step", "late")


def compare(name, got, intervals, events, times=True):
    same(f"{name}: intervals", [ms(i["from"]) for i in got["intervals"]], [i["from"] for i in intervals])
    for g, w in zip(got["intervals"], intervals):
        for m in g["meters"]:
            if m["id"] in w["meters"]:
                same(f"{name}: {g['from']} {m['id']}", (m["energy_mwh"], m["cumulative_mwh"], m["missing_ms"], m["class"]), w["meters"][m["id"]])
        for s in ("total", "it"):
            same(f"{name}: {g['from']} {s}", (g[s + "_mwh"], g[s + "_cumulative_mwh"], g[s + "_missing_ms"]), w[s])
    key = (lambda e: tuple(e[:4])) if times else (lambda e: tuple(e[:2]))
    said = collections.Counter(key((e["kind"], e["meter"], ms(e["from"]), ms(e["to"]))) for e in got["events"] if e["kind"] not in APART)
    same(f"{name}: events", said, collections.Counter(key(e) for e in events if e[0] not in APART))


IT = {"id": "it", "role": "it", "point": "ups_output", "parent": "main", "p_max": "100 kW", "count": "0.001 kW.h", "modulus": "none", "class": 1}
OFF = [BASE + i * WATERMARK + 137_000 for i in range(13)]


def ramp(n, step):
    return [i * step for i in range(n)]


def one(name, values, modulus=None, p_max=100, count="1 kW.h", count_mwh=F(KWH), stamps=None, boot=True, net=False, interval="15m", length=WATERMARK, arrival=None, session_at=None, step=None):
    """A supply with these register values, None where there is no reading, and an IT meter beside it."""
    main = {"id": "main", "role": "supply", "count": count, "class": "0.5S", "modulus": modulus or "none"}
    main |= ({"p_max": f"{p_max} kW"} if p_max else {}) | ({"direction": "net"} if net else {})
    stamps = stamps or [BASE + i * WATERMARK for i in range(len(values))]
    lines = []
    for i, (at, v) in enumerate(zip(stamps, values)):
        session = 1 if session_at and i >= session_at else 0
        ticks = at - stamps[session_at if session else 0] + 5000 if boot else None
        if step and i >= step[0]:
            at += step[1]
        lines += [("main", Reading(at, F(v), ticks, session))] if v is not None else []
        lines += [("it", Reading(at, F(1000 * i), ticks, session))]
    for a, b in arrival or ():
        lines.insert(b, lines.pop(a) if a > b else lines[a])
    meters = [Meter("main", "supply", [Epoch(count_mwh, modulus)], p_max and p_max * KWH, WATERMARK, net), Meter("it", "it", [Epoch(F(1000))], 100 * KWH)]
    got = replay([main, IT], lines, interval)
    if got:
        compare(name, got, *site(meters, {"it": 1}, lines, length))


SINGLE = [
    ("plain", ramp(12, 20)), ("a wrap, decimal", [(999_950 + 20 * i) % 10**6 for i in range(12)], 10**6), ("a wrap, binary", [(2**32 - 40 + 20 * i) % 2**32 for i in range(12)], 2**32),
    ("a wrap to zero itself", [(10**6 - 60 + 20 * i) % 10**6 for i in range(12)], 10**6), ("a wrap without P_max", [(999_950 + 20 * i) % 10**6 for i in range(12)], 10**6, None),
    ("as much as a wrap may bring", [999_973, 999_974, 0, 26], 10**6), ("the lowest value before a wrap", [10**6 - 31, 10**6 - 26, 0, 10], 10**6),
    ("one below it", [10**6 - 32, 10**6 - 27, 0, 10], 10**6), ("a reset", [500, 520, 540, 5, 25, 45, 65, 85, 105], 10**6), ("a reset, no modulus", [500, 520, 540, 5, 25, 45, 65, 85, 105]),
    ("one reading down", [500, 520, 0, 560, 580, 600], 10**6), ("three readings down", [500, 520, 0, 0, 0, 600, 620], 10**6), ("four readings down", [500, 520, 0, 0, 0, 0, 620, 640], 10**6),
    ("a spike", [500, 520, 99_999, 560, 580], 10**6), ("a spike of three", [500, 520, 99_999, 99_999, 99_998, 600, 620], 10**6), ("implausible", [500, 520, 9999, 10_019, 10_039, 10_059, 10_079], 10**6),
    ("one more than the circuit carries", [0, 26, 52, 79, 80]), ("turns too often", [10, 20, 30, 40, 50, 60, 70, 80], 20), ("may have turned in the gap", [90, 10, 30, None, None, None, None, 50, 70], 100),
    ("frozen for three", [500, 520, 520, 520, 590, 610], 10**6), ("equal twice only", [500, 520, 520, 590, 610], 10**6), ("frozen for long", [500, 520] + [520] * 8 + [700, 720, 740], 10**6),
    ("frozen, then too much", [500, 520] + [520] * 3 + [700, 720, 740, 760, 780], 10**6), ("a short gap", [500, 520, None, 560, 580], 10**6),
    ("a long gap", [500, 520] + [None] * 8 + [700, 720, 740], 10**6), ("silent at the end", [500, 520, 540] + [None] * 3, 10**6), ("silent at first", [None, None, 500, 520, 540], 10**6),
    ("a wrap in a gap", [999_950, 999_990] + [None] * 3 + [70, 90], 10**6), ("a reset in a gap", [999_000, 999_020] + [None] * 3 + [70, 90, 110, 130], 10**6),
    ("one reading", [100]), ("three readings", ramp(3, 20)),
]
MORE = [
    ("off the quarter", ramp(12, 17), dict(stamps=OFF)), ("a count of a third", ramp(12, 17), dict(count="1/3 kW.h", count_mwh=F(KWH, 3), stamps=OFF)),
    ("half to even", ramp(12, 1), dict(count="0.000001 kW.h", count_mwh=F(1), stamps=[BASE + i * WATERMARK + 450_000 for i in range(12)])),
    ("net", [100, 90, 80, 100, 120, 90], dict(net=True)), ("net, too fast", [100, 90, 80, 200, 220, 210, 200, 190], dict(net=True)),
    ("net without P_max", [100, 90, 80, 200, 2200, 210], dict(net=True, p_max=None)), ("net, a wrap", [999_990, 5, 999_995, 10, 20], dict(net=True, modulus=10**6)),
    ("30 minutes", ramp(12, 17), dict(stamps=OFF, interval="30m", length=2 * WATERMARK)), ("60 minutes", ramp(13, 17), dict(stamps=OFF, interval="60m", length=4 * WATERMARK)),
    ("2038", ramp(12, 17), dict(stamps=[ms("2038-01-19T02:00:00Z") + i * WATERMARK for i in range(12)])), ("2106", ramp(12, 17), dict(stamps=[ms("2106-02-07T05:28:00Z") + i * WATERMARK for i in range(12)])),
    ("the year's end", ramp(12, 17), dict(stamps=[ms("2024-12-31T15:00:01.500Z") + i * WATERMARK for i in range(12)])), ("no boot clock, a gap", [500, 520, None, None, 560, 580], dict(boot=False)),
    ("each reading twice", ramp(8, 20), dict(arrival=[(i, i + 1) for i in range(0, 30, 2)])), ("two in the wrong order", ramp(12, 20), dict(arrival=[(8, 6), (15, 14)])),
    ("a late one", ramp(12, 20), dict(arrival=[(4, 4), (9, 16)])), ("a new session", ramp(16, 20), dict(session_at=6)), ("a new session after a gap", ramp(5, 20) + [None] * 4 + [180, 200, 220], dict(session_at=8)),
    ("clock forward by 90 s", ramp(20, 20), dict(step=(7, 90_000))), ("clock back by 90 s", ramp(20, 20), dict(step=(7, -90_000))), ("clock forward by an hour", ramp(20, 20), dict(step=(7, 3_600_000))),
    ("a machine that was paused for two hours", [20 * i + (160 if i >= 7 else 0) for i in range(20)], dict(step=(7, 7_200_000))),
]


def partial(boundary, curves_rows):
    """boundary: (sub terms, IT terms) -> sums over the intervals in which none of them lacks anything."""
    sub, it = boundary
    good = [r for r in curves_rows if not any(r["meters"][m][2] for m in {**sub, **it})]
    return tuple(sum(s * r["meters"][m][0] for r in good for m, s in t.items()) for t in (sub, it)) + (len(good),)


def rich(seed, faults, length=WATERMARK, interval="15m", n=40):
    """Three supplies (one exchanged, one with another CT from a day on, one behind a transformer), PV, generators by output and by fuel, district heat, export, a shop,
    two halls, a pump on the UPS with another pump below."""
    chance = random.Random(seed)
    name = f"site {seed}{', faults' if faults else ''}, {interval}"
    exchanged, again, ct_at = BASE + 10 * WATERMARK + 123_000, BASE + 12 * WATERMARK + 123_000, BASE + 20 * WATERMARK + 77_000
    tenth = F(100_000)
    rows = [   # id, role, parent, P_max kW, count, mean kW, more
        ("fa", "supply", "bus", 400, tenth, 150, {"modulus": 10**6}), ("fb", "supply", "bus", 400, F(1000), 120, {"pt": "10000/100", "pt_class": "0.2", "ct_class": "0.5S", "applied_by": "pued"}),
        ("lv", "supply", "bus", 400, tenth, 100, {"factor": {"value": "1000/985", "source": "sheet", "uncertainty": "0.5 %"}}), ("pv", "pv", "bus", 100, F(10_000), 30, {}),
        ("g1", "generator", "bus", 400, F(10_000), 5, {}), ("g2f", "fuel", None, 4000, tenth, 10, {"factor": {"value": "0.30", "source": "s", "uncertainty": "5 %"}}),
        ("heat", "heat", None, 400, tenth, 12, {"factor": {"value": "0.31", "source": "s", "uncertainty": "5 %"}}), ("ex", "export", "bus", 400, tenth, 8, {}), ("shop", "other_use", "bus", 400, tenth, 20, {}),
        ("cool", "cooling", "bus", 400, tenth, 50, {}), ("ups", "ups_input", "bus", 600, tenth, 300, {"losses": "1.5 %"}),
        ("i1", "it", "ups", 400, tenth, 150, {"point": "ups_output", "hall": "h1"}), ("i2", "it", "ups", 400, tenth, 130, {"point": "row_cabinet", "hall": "h2"}),
        ("pump", "non_it", "i1", 50, F(10_000), 9, {}), ("pump2", "non_it", "pump", 50, F(10_000), 3, {}), ("ren", "renewable", None, 400, tenth, 60, {})]
    factors = {"lv": F(1000, 985), "g2f": F(3, 10), "heat": F(31, 100)}
    config, meters = [{"id": "bus", "role": "bus"}], {}
    for id_, role, parent, p_max, count, _, more in rows:
        config.append({"id": id_, "role": role, "modulus": "none", "class": "0.5S", "p_max": f"{p_max} kW", "count": f"{count / KWH} kW.h", **({"parent": parent} if parent else {}), **more})
        meters[id_] = Meter(id_, role, [Epoch(count, more.get("modulus"))], p_max * KWH, factor=factors.get(id_, F(1)))
    meters["fa"].epochs = [Epoch(tenth, 10**6, None, exchanged), Epoch(tenth, 10**6, again, None, 7)]
    meters["fb"].epochs = [Epoch(F(1000 * 100 * 40), None, None, ct_at), Epoch(F(1000 * 100 * 80), None, ct_at)]
    count_up, lines, new = {m: F(chance.randrange(1000, 100_000)) for m in meters}, [], False
    for i in range(n):
        for id_, _, _, _, _, mean, _ in rows:
            m, at = meters[id_], BASE + i * WATERMARK + chance.randrange(20_000)
            e = m.epochs[0 if len(m.epochs) == 1 or at <= m.epochs[0].end else 1]
            count_up[id_] += F(int(mean * KWH * chance.uniform(.5, 1.3) / 4)) / e.count
            if id_ == "fa" and at > again and not new:
                new, count_up[id_] = True, F(20)
            if not faults or chance.random() >= .03:
                lines.append((id_, Reading(at, F(int(count_up[id_]) % (e.modulus or 10**12)), at - BASE + 50_000)))
    last = int([r.value for m, r in lines if m == "fa" and r.at <= exchanged][-1]) + 60
    meters["fa"].epochs[0].last = last
    config[1]["epochs"] = [{"serial": "A", "to": iso(exchanged), "last": last, "reason": "worn", "by": "Li"}, {"serial": "B", "from": iso(again), "first": 7}]
    config[2]["epochs"] = [{"serial": "A", "ct": "200/5", "to": iso(ct_at)}, {"serial": "A", "ct": "400/5", "from": iso(ct_at)}]
    lines.sort(key=lambda x: x[1].at)
    got, terms = replay(config, lines, interval), {"i1": 1, "i2": 1, "pump": -1}
    if not got:
        return
    if seed == 3:
        chinese(replay(config, lines, verb=("pue", "--config", "--recording"), more=("--explain", "--lang", "zh")), set(meters) | {"bus", "worn"})
    intervals, events = site(list(meters.values()), terms, lines, length)
    compare(name, got, intervals, events, times=False)
    same(f"{name}: why the meter was exchanged", [e["reason"] for e in got["events"] if e["kind"] == "epoch" and e["meter"] == "fa"], ["meter A -> B: worn"])
    sums(name, got["kpi"], meters, terms, intervals, length)
    for side in ("total", "it"):
        of, beside = terms if side == "it" else {m.id for m in meters.values() if m.role in SIGN_TOTAL}, collections.Counter()
        for i in got["intervals"]:
            for m in i["meters"]:
                if m["id"] in of and m.get("substituted_mwh"):
                    beside[m["substitute_class"]] += abs(m["substituted_mwh"])
        same(f"{name}: substituted, {side}", {c["class"]: c["substituted_mwh"] for c in got["classes"] if c["sum"] == side and c["substituted_mwh"]}, dict(beside))
    halls = {"h1": ({"i1": 1}, {"i1": 1, "pump": -1}), "h2": ({"i2": 1}, {"i2": 1}), "ups": ({"ups": 1}, terms)}
    same(f"{name}: partial sums", {p["name"]: (p["sub_mwh"], p["it_mwh"], p["intervals"]) for p in got["partials"]}, {k: partial(b, intervals) for k, b in halls.items()})
    same(f"{name}: an IT meter with a pump is no finding", [b["finding"] for b in got["balance"] if b["node"] == "i1"], ["closes"])


def chinese(text, names):
    """--explain in Chinese is Chinese: no English sentence is left, only names, units, standards and kinds."""
    ours = {"iPUE", "pPUE", "SIMULATED", "E_DC", "E_IT", "factors"} | names
    for line in (text or "").splitlines():
        same(f"Chinese: {line}", [w for w in re.findall(r"[A-Za-z_]{4,}", line) if w not in ours], [])
    same("Chinese: all of it", all(x in (text or "") for x in ("数据缺口", "更换", "完整率", "流入多于下级", "没有读数")), True)


def sums(name, kpi, meters, terms, intervals, length):
    window, both = len(intervals) * length, [i for i in intervals if not i["total"][2] and not i["it"][2]]
    expected = {"intervals": len(intervals), "intervals_known": len(both)}
    for s, of in (("total", {m.id: SIGN_TOTAL[m.role] for m in meters.values() if m.role in SIGN_TOTAL}), ("it", terms)):
        known = missing = F(0)
        for m in of:
            energy, lacks = sum(i["meters"][m][0] for i in intervals), sum(i["meters"][m][2] for i in intervals)
            known += energy
            missing += F(energy * lacks, window - lacks) if window > lacks else F(meters[m].p_max * window, MWH)
        expected |= {f"{s}_mwh": sum(i[s][0] for i in both), f"known_{s}_mwh": sum(i[s][0] for i in intervals),
                     f"complete_time_{s}_ppm": 10**6 * (window - sum(i[s][2] for i in intervals)) // window, f"complete_energy_{s}_ppm": int(10**6 * known / (known + missing))}
    same(f"{name}: sums", {k: kpi[k] for k in expected}, expected)


def main():
    for name, *rest in SINGLE:
        one(name, *rest)
    for name, values, more in MORE:
        one(name, values, **more)
    for seed in range(1, 7):
        rich(seed, seed > 2)
    rich(7, True, 2 * WATERMARK, "30m")
    rich(8, True, 4 * WATERMARK, "60m")
    for w in wrong[:40]:
        print(w)
    print(f"second model: {len(SINGLE) + len(MORE)} registers and 8 sites; {len(wrong)} differ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
