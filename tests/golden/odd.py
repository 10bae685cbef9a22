#!/usr/bin/python3
"""Odd recordings, written from docs/formats-recording.md and the rules of domain and ledger page alone, their figures from a calculation of its own:
odd.py PUECTL.

Each case writes what the registers showed; expected are the sums (E_DC, E_IT) that a person would take from the registers' differences, the shares of local
days, and the events."""
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from fractions import Fraction as F
from zoneinfo import ZoneInfo

puectl, wrong = sys.argv[1], []
UTC = timezone.utc
KWH = 1_000_000


def check(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, expected {expected}")


def site(meters, zone="UTC"):
    """[(id, 'role: ..., ...')], every register of acrel-adw300's form."""
    text = f"version: 1\nsite: {{id: odd, name: {{zh: 奇, en: Odd}}, timezone: {zone}, simulated: true}}\nmeters:\n"
    text += "".join(f"  - {{id: {m}, class: 0.5S, power: none, {rest}}}\n" if "role: bus" not in rest else f"  - {{id: {m}, {rest}}}\n" for m, rest in meters)
    return text + "devices:\n" + "".join(f"  - {{id: {m}, profile: acrel-adw300, endpoint: \"modbus+tcp://10.0.0.{i}/1\", poll: 900s}}\n"
                                          for i, (m, rest) in enumerate(meters, 1) if "role: bus" not in rest)


def replay(name, config, lines, *more):
    with tempfile.TemporaryDirectory() as d:
        for path, text in ((f"{d}/s.yaml", config), (f"{d}/r.txt", "\n".join(lines) + "\n")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        p = subprocess.run([puectl, "replay", "--config", f"{d}/s.yaml", f"{d}/r.txt", "--json", *more], capture_output=True, text=True, timeout=120)
        if p.returncode:
            wrong.append(f"{name}: exit {p.returncode}: {p.stderr[:500]}")
            return None
        return json.loads(p.stdout)


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S") + (f".{t.microsecond // 1000:03d}" if t.microsecond else "") + "Z"


def line(t, meter, value, *more):
    return " ".join([stamp(t), f"{meter}/total.energy", str(value), *map(str, more)])


def quarters(begin, n):
    return [begin + timedelta(minutes=15 * k) for k in range(n)]


FEED, IT = "role: supply, count: 1 kWh, p_max: 20 MW, modulus: none", "role: it, parent: feed, point: ups_output, count: 1 kWh, p_max: 20 MW, modulus: none"
PAIR = [("feed", FEED), ("it", IT)]


def sums(name, r, total, it, kind="iPUE"):
    if r:
        check(f"{name}: sums", (r["kpi"]["total_mwh"], r["kpi"]["it_mwh"], r["kpi"]["kind"]), (total, it, kind))


def kinds(r, but=()):
    return sorted(e["kind"] for e in r["events"] if e["kind"] not in but)


def daylight():
    """Days of 23 and 25 hours in Berlin: each day's energy is its hours'."""
    for begin, days in ((datetime(2026, 3, 28, tzinfo=ZoneInfo("Europe/Berlin")), [24, 23, 24]), (datetime(2026, 10, 24, tzinfo=ZoneInfo("Europe/Berlin")), [24, 25, 24])):
        start = begin.astimezone(UTC)
        n = sum(days) * 4
        r = replay("daylight", site(PAIR, "Europe/Berlin"), [line(t, m, s * k) for k, t in enumerate(quarters(start, n + 1)) for m, s in (("feed", 120), ("it", 100))], "--by", "day")
        if r:
            check(f"local days from {begin:%Y-%m-%d}", [(p["known_total_mwh"], p["known_it_mwh"], p["intervals"]) for p in r["periods"]], [(h * 480 * KWH, h * 400 * KWH, h * 4) for h in days])
            check("nothing happened", r["events"], [])


def end_of_signed_time():
    """19 January 2038, 03:14:07 UTC: nothing is special about it."""
    ts = quarters(datetime(2038, 1, 19, 2, 0, tzinfo=UTC), 9)
    r = replay("2038", site(PAIR), [line(t, m, s * k) for k, t in enumerate(ts) for m, s in (("feed", 120), ("it", 100))])
    sums("2038", r, 8 * 120 * KWH, 8 * 100 * KWH)
    if r:
        check("2038: intervals", (r["intervals"][0]["from"], r["intervals"][-1]["to"], r["events"]), ("2038-01-19T02:00:00Z", "2038-01-19T04:00:00Z", []))


def leap_second():
    """A second 60 is the next second; the boot clock counts one second more than the wall: no step (5 s), no energy lost."""
    begin = datetime(2016, 12, 31, 23, 0, tzinfo=UTC)
    lines = []
    for k, t in enumerate(quarters(begin, 9)):
        at = "2016-12-31T23:59:60Z" if k == 4 else stamp(t)
        for m, s in (("feed", 120), ("it", 100)):
            lines.append(f"{at} {m}/total.energy {s * k} good {k * 900_000 + (1000 if k > 4 else 0)}")
    r = replay("leap second", site(PAIR), lines)
    sums("leap second", r, 8 * 120 * KWH, 8 * 100 * KWH)
    if r:
        check("leap second: events", r["events"], [])


def paused_machine():
    """The machine stood for two hours, its boot clock too, and the wall clock was set when it went on: a clock step; what was counted is more than the circuit
    carries in the quarter that the boot clock saw (6 MW: 1500 kW.h and one), and in the next three, so it is missing, not guessed.  A circuit of 20 MW may
    have carried it by the third reading after: then that is its energy, by the same rule."""
    begin, lines = datetime(2026, 5, 1, tzinfo=UTC), []
    for k in range(17):
        gone = 7 if k > 8 else 0
        t = begin + timedelta(minutes=15 * (k + gone))
        for m, s in (("feed", 1200), ("it", 1000)):
            lines.append(line(t, m, s * (k + gone), "good", 900_000 * k))
    r = replay("paused, a large circuit", site(PAIR), lines)
    sums("paused, a large circuit", r, 23 * 1200 * KWH, 23 * 1000 * KWH)
    r = replay("paused", site([(m, rest.replace("20 MW", "6 MW")) for m, rest in PAIR]), lines)
    sums("paused", r, 15 * 1200 * KWH, 15 * 1000 * KWH)
    if r:
        check("paused: events", kinds(r), ["clock_step", "implausible", "implausible"])


def tree():
    """Two supplies on a bus, a generator by its output, PV, export, other tenants, a UPS-fed pump: E_T = 2 supplies + generator + PV - export - other; E_IT = UPS
    output less the pump."""
    rows = {"bus": "role: bus", "a": "role: supply, parent: bus, p_max: 9 MW, modulus: none, count: 0.1 kWh", "b": "role: supply, parent: bus, p_max: 9 MW, modulus: none, count: 1 kWh",
            "gen": "role: generator, parent: bus, p_max: 9 MW, modulus: none, count: 1 kWh", "sun": "role: pv, parent: bus, p_max: 9 MW, modulus: none, count: 10 Wh",
            "out": "role: export, parent: bus, p_max: 9 MW, modulus: none, count: 1 kWh", "shop": "role: other_use, parent: bus, p_max: 9 MW, modulus: none, count: 1 kWh",
            "ups": "role: it, parent: bus, point: ups_output, p_max: 9 MW, modulus: none, count: 1 Wh, factor: {value: 1000/985, source: data sheet}",
            "pump": "role: non_it, parent: ups, p_max: 9 MW, modulus: none, count: 1 kWh"}
    step = {"a": (3001, F(1, 10)), "b": (411, F(1)), "gen": (17, F(1)), "sun": (6123, F(1, 100)), "out": (31, F(1)), "shop": (53, F(1)), "ups": (410_777, F(1000, 985) / 1000), "pump": (7, F(1))}
    sign = {"a": 1, "b": 1, "gen": 1, "sun": 1, "out": -1, "shop": -1}
    ts = quarters(datetime(2026, 7, 1, tzinfo=UTC), 13)
    r = replay("tree", site(list(rows.items())), [line(t, m, 5 + s * k) for k, t in enumerate(ts) for m, (s, _) in step.items()])
    whole = {m: round(12 * s * w * KWH) for m, (s, w) in step.items()}
    sums("tree", r, sum(sign[m] * whole[m] for m in sign), whole["ups"] - whole["pump"])


def decimal_wrap():
    """A six-digit register in 0.1 kW.h goes round at 100000.0: modulus 1000000 counts."""
    ts = quarters(datetime(2026, 8, 1, tzinfo=UTC), 9)
    meters = [("feed", "role: supply, count: 0.1 kWh, p_max: 20 MW, modulus: 1000000"), ("it", IT)]
    r = replay("wrap", site(meters), [x for k, t in enumerate(ts) for x in (line(t, "feed", (998_000 + 1200 * k) % 1_000_000), line(t, "it", 100 * k))])
    sums("wrap", r, 8 * 120 * KWH, 8 * 100 * KWH)
    if r:
        check("wrap: events", kinds(r), ["wrap"])


def transformer_changed():
    """300/5 becomes 600/5 at 01:07:30, in the middle of a quarter, the register (secondary) read at that moment on both sides: sums are registers' differences, each with its
    own ratio; the straight line of the first part is not stretched over the change."""
    begin = datetime(2026, 9, 1, tzinfo=UTC)
    change = begin + timedelta(minutes=67, seconds=30)
    meters = [("feed", f"role: supply, count: 0.1 kWh, applied_by: pued, p_max: 20 MW, modulus: none, epochs: [{{ct: 300/5, to: {stamp(change)}, last: 954}}, {{ct: 600/5, from: {stamp(change)}, "
               "first: 954}]"), ("it", IT)]
    lines = [line(t, "it", 50 * k) for k, t in enumerate(quarters(begin, 9))]
    value = lambda k: 204 * k if k < 5 else 954 + 102 * (k - 4) - 51      # half a quarter after the change
    lines += [line(t, "feed", value(k)) for k, t in enumerate(quarters(begin, 9))]
    r = replay("transformer", site(meters), sorted(lines, key=lambda x: x.split()[0]))
    total = (954 * 60 + (value(8) - 954) * 120) * KWH // 10
    sums("transformer", r, total, 8 * 50 * KWH)
    if r:
        row = next(m for i in r["intervals"] if i["from"].startswith("2026-09-01T01:00") for m in i["meters"] if m["id"] == "feed")
        check("transformer: its quarter", (row["energy_mwh"], row["missing_ms"], kinds(r)), (((954 - 816) * 60 + (value(5) - 954) * 120) * KWH // 10, 0, ["epoch"]))


def decimals():
    """A register that shows kW.h with three decimals, read off the quarters."""
    begin = datetime(2026, 10, 1, 0, 4, 13, 250_000, tzinfo=UTC)
    meters = [("feed", "role: supply, count: 1 kWh, p_max: 20 MW, modulus: none, energy: shown"), ("it", IT)]
    ts = [begin + timedelta(minutes=15 * k) for k in range(9)]
    step = 120_457          # Wh
    r = replay("decimals", site(meters), [x for k, t in enumerate(ts) for x in (f"{stamp(t)} feed/shown {(999_123 + step * k) // 1000}.{(999_123 + step * k) % 1000:03d}", line(t, "it", 100 * k))])
    # first and last quarter lack a part: 7 whole ones; boundaries lie 646.75 s after a reading
    share = F(646_750, 900_000)
    level = lambda k: round((k + share) * step * 1000)
    level_it = lambda k: round((k + share) * 100 * KWH)
    sums("decimals", r, level(7) - level(0), level_it(7) - level_it(0))


def order_and_doubles():
    """The lines of 'tree' shape, later ones first inside a quarter of an hour, every one twice, in two files' worth of sessions: the same as in order."""
    ts = quarters(datetime(2026, 11, 1, tzinfo=UTC), 9)
    lines = [line(t, m, s * k, "good", 900_000 * k) for k, t in enumerate(ts) for m, s in (("feed", 120), ("it", 100))]
    straight = replay("straight", site(PAIR), lines)
    mixed = replay("mixed", site(PAIR), [x for k in range(0, len(lines), 4) for x in (*lines[k:k + 4][::-1], *lines[k:k + 4])])
    if straight and mixed:
        check("order and doubles", (mixed["intervals"], mixed["events"], mixed["kpi"]), (straight["intervals"], [], straight["kpi"]))


def scaled():
    """All energies times the same: the PUE stays, to the last digit."""
    ts = quarters(datetime(2026, 11, 1, tzinfo=UTC), 9)
    for count in ("1 Wh", "1 kWh", "7 kWh", "1/3 kWh"):
        meters = [(m, rest.replace("count: 1 kWh", f"count: {count}").replace("20 MW", "9000 MW")) for m, rest in PAIR]
        r = replay("scaled", site(meters) + "pack: baoding-2024-clause2\n", [line(t, m, s * k) for k, t in enumerate(ts) for m, s in (("feed", 124_999), ("it", 100_000))])
        if r:
            check(f"scaled by {count}", F(r["kpi"]["total_mwh"], r["kpi"]["it_mwh"]).limit_denominator(10 ** 6), F(124_999, 100_000))
            check(f"scaled by {count}: digits stay below the pack's limit", r["kpi"]["pue"], "1.2499")


for case in (daylight, end_of_signed_time, leap_second, paused_machine, tree, decimal_wrap, transformer_changed, decimals, order_and_doubles, scaled):
    case()
for w in wrong:
    print(w[:700])
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
