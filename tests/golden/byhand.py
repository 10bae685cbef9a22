#!/usr/bin/python3
"""puectl replay of small recordings whose result was worked out by hand: byhand.py PUECTL.

A row says what the recording holds and which straight pieces of energy a person with a pencil gets out of it (domain.md 2.2, 2.3, 2.7); every interval of
every meter is compared with the pieces, to the mW.h, in exact fractions."""
import datetime
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction as F

puectl, wrong = sys.argv[1], []
UTC = datetime.timezone.utc
BASE = datetime.datetime(2026, 3, 1, tzinfo=UTC)
KWH = 1_000_000


def check(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, by hand {expected}")


def t(minute, base=BASE):
    return (base + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def ms(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def line(minute, value, *more, meter="feed", base=BASE):
    return " ".join([t(minute, base), f"{meter}/total.energy", str(value), *map(str, more)])


def steady(meter, minutes, start, step, boot=None, base=BASE):
    """A register that counts `step` from one of the minutes to the next."""
    return [line(m, start + k * step, *([] if boot is None else ["good", boot + m * 60_000]), meter=meter, base=base) for k, m in enumerate(minutes)]


def feed(**more):
    return {"id": "feed", "role": "supply", "class": "0.5S", "count": "1 kW.h", "p_max": "600 kW", "modulus": "none", "power": "none", **more}


def it(**more):
    return {"id": "it", "role": "it", "point": "ups_output", "class": "0.5S", "count": "1 kW.h", "p_max": "600 kW", "modulus": "none", "power": "none", **more}


def site(meters, zone="Asia/Shanghai", interval=None):
    text = [f"version: 1\nsite:\n  id: by-hand\n  name: {{zh: 手算, en: By hand}}\n  timezone: {zone}\n  simulated: true"]
    text += [f"  interval: {interval}"] if interval else []
    text += ["meters:"] + ["  - {" + ", ".join(f"{k}: {v}" for k, v in m.items()) + "}" for m in meters]
    text += ["devices:"] + [f'  - {{id: {m["id"]}, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.{i + 1}/1", poll: 900s}}' for i, m in enumerate(meters)]
    return "\n".join(text) + "\n"


def replay(name, config, recording, *options, code=0):
    with tempfile.TemporaryDirectory() as d:
        paths = os.path.join(d, "site.yaml"), os.path.join(d, "readings.txt")
        for path, data in zip(paths, (config.encode(), recording if isinstance(recording, bytes) else ("\n".join(recording) + "\n").encode())):
            with open(path, "wb") as f:
                f.write(data)
        p = subprocess.run([puectl, "replay", "--config", *paths, "--json", *options], capture_output=True, text=True, timeout=120)
        if p.returncode != code:
            wrong.append(f"{name}: exit {p.returncode}, expected {code}: {p.stderr}")
            return {}
        return json.loads(p.stdout) if code == 0 else p.stderr.replace(d + "/", "")


def interval(pieces, a, b):
    """(energy, missing ms, class) of [a, b), minutes, from (begin, end, mW.h[, spread]) in order."""
    def level(x):
        return sum((F(p[2]) * min(max(F(x) - p[0], 0), p[1] - p[0]) / (p[1] - p[0]) for p in pieces), F(0))
    known = sum(max(F(0), min(F(b), p[1]) - max(F(a), p[0])) for p in pieces)
    spread = any(len(p) > 3 and (p[0] < a < p[1] or p[0] < b < p[1]) for p in pieces)
    return round(level(b)) - round(level(a)), (b - a) * 60_000 - known * 60_000, "-" if not known else "D" if spread else "R"


def compare(name, got, curves, events, base=BASE):
    for row in got.get("intervals", []):
        a, b = ((ms(row[k]) - ms(t(0, base))) // 60_000 for k in ("from", "to"))
        for m in row["meters"]:
            check(f"{name}: {m['id']} from minute {a}", (m["energy_mwh"], m["missing_ms"], m["class"]), interval(curves[m["id"]], a, b))
    if got:
        # a correction says how what was said before changes; the intervals printed have it in them
        check(f"{name}: events", sorted((e["kind"], e["meter"] or "") for e in got["events"] if e["kind"] != "correction"), sorted(events))
        known = {m: round(sum(F(p[2]) for p in c)) for m, c in curves.items()}
        last = {m["id"]: m["cumulative_mwh"] for m in got["intervals"][-1]["meters"]}
        check(f"{name}: all energy", last, known)


QUARTERS = list(range(0, 181, 15))
FLAT = {"it": [(0, 180, 12 * 50 * KWH)]}
IT = steady("it", QUARTERS, 100, 50)


def whole(a, b, kwh, *more):
    return (a, b, F(kwh) * KWH, *more)


# name, meters, lines of the feed (sorted in by time), pieces of the feed, events
ROWS = [
    ("plain", feed(), steady("feed", QUARTERS, 7, 60), [whole(0, 180, 720)], []),
    # 600 kW x 15 min = 150 counts: 999950 -> 40 is 90 on
    ("wrap at a declared modulus", feed(modulus=1_000_000), [line(15 * k, (999_700 + 60 * k + (30 if k > 4 else 0)) % 1_000_000) for k in range(13)],
     [whole(0, 60, 240), whole(60, 75, 90), whole(75, 180, 420)], [("wrap", "feed")]),
    ("the same without a modulus is a reset", feed(), [line(15 * k, (999_700 + 60 * k) % 1_000_000) for k in range(13)],
     [whole(0, 60, 240), whole(75, 180, 420)], [("reset", "feed")]),
    ("too far from the end for a wrap", feed(modulus=1_000_000), [line(15 * k, 500_000 + 60 * k if k < 5 else 60 * (k - 5)) for k in range(13)],
     [whole(0, 60, 240), whole(75, 180, 420)], [("reset", "feed")]),
    # 600 kW x 15 min at 1 kW.h: 151 counts are possible, a register of 100 may have gone round
    ("a register too short for its poll", feed(modulus=100), [line(15 * k, 60 * k % 100) for k in range(13)], [], [("ambiguous", "feed")] * 12),
    ("as much as the circuit carries, and one more", feed(), [line(15 * k, v) for k, v in enumerate([0, 151, 302, 454, 605, 756, 907, 1058, 1209, 1360, 1511, 1662, 1813])],
     [whole(0, 30, 302), whole(45, 180, 1359)], [("implausible", "feed")]),
    ("read between the quarters", feed(), steady("feed", range(7, 175, 15), 0, 61), [whole(7, 172, 671)], []),
    ("a gap with both ends", feed(), [line(0, 0), line(15, 60), line(127, 503), line(142, 560), line(157, 620), line(180, 712)],
     [whole(0, 15, 60), whole(15, 127, 443, True), whole(127, 142, 57), whole(142, 157, 60), whole(157, 180, 92, True)], [("gap", "feed"), ("gap", "feed")]),
    ("a gap without an end", feed(), steady("feed", range(0, 61, 15), 0, 60), [whole(0, 60, 240)], []),
    ("a spike", feed(), [line(15 * k, 60 * k if k != 5 else 99_000) for k in range(13)], [whole(0, 60, 240), whole(60, 90, 120, True), whole(90, 180, 360)], [("spike", "feed")]),
    ("a drop that returns after three readings", feed(), [line(15 * k, 60 * k if not 4 < k < 8 else k) for k in range(13)],
     [whole(0, 60, 240), whole(60, 120, 240, True), whole(120, 180, 240)], [("drop_return", "feed")]),
    ("one reading too many for a return", feed(), [line(15 * k, 60 * k if not 4 < k < 9 else k) for k in range(13)],
     # the drop is a reset; what is on top of 8 counts at minute 135 is 532 in 15 min, too much
     [whole(0, 60, 240), whole(75, 120, 3), whole(135, 180, 180)], [("reset", "feed"), ("implausible", "feed")]),
    ("frozen for four readings", feed(), [line(15 * k, 60 * min(k, 4) if k < 8 else 60 * k) for k in range(13)],
     [whole(0, 60, 240), whole(60, 120, 240, True), whole(120, 180, 240)], [("frozen", "feed")]),
    ("a net register goes down and up", feed(direction="net"), [line(15 * k, v) for k, v in enumerate([500, 560, 530, 380, 380, 440, 590, 650, 600, 660, 700, 760, 800])],
     [whole(15 * k, 15 * k + 15, d) for k, d in enumerate([60, -30, -150, 0, 60, 150, 60, -50, 60, 40, 60, 40])], []),
    ("stale, bad and missing readings are no energy", feed(), [line(15 * k, *{3: ("180", "STALE"), 4: ("9999999", "Bad"), 5: ("-",), 6: ("-", "Missing")}.get(k, (60 * k,))) for k in range(13)],
     [whole(0, 30, 120), whole(30, 105, 300, True), whole(105, 180, 300)], [("gap", "feed")]),
    ("duplicates, one that contradicts, order within the watermark", feed(),
     [x for k in range(13) for x in [line(15 * k, 60 * k), *([line(15 * k, 60 * k)] if k % 2 else []), *([line(15 * k, 60 * k + 5)] if k == 6 else [])]],
     [whole(0, 180, 720)], [("conflict", "feed")]),
    ("ratios, and a stated factor", feed(count="0.1 kW.h", ct="300/5", pt="10000/100", applied_by="pued", p_max="5 MW", factor="{value: 1000/985, source: data sheet}"),
     steady("feed", QUARTERS, 3, 1), [(0, 180, F(12 * 100_000 * 60 * 100) * F(1000, 985))], []),
    ("a decimal register without a profile", feed(energy="import"), [line(15 * k, f"{(100_000 + 12_125 * k) // 1000}.{12_125 * k % 1000:03d}").replace("total.energy", "import")
                                                                     for k in range(13)], [(0, 180, F(12 * 12_125_000))], []),
    ("a meter is exchanged, both readings known", feed(epochs="[{serial: A, to: 2026-03-01T01:05:00Z, last: 262}, "
      "{serial: B, from: 2026-03-01T01:10:00Z, first: 5000, count: 0.1 kW.h, reason: exchange}]"),
     [line(15 * k, 60 * k if k < 5 else 5000 + (15 * k - 70) * 40) for k in range(13)], [whole(0, 60, 240), whole(60, 65, 22), whole(70, 180, 440)], [("epoch", "feed")]),
    ("a meter is exchanged, nothing known", feed(epochs="[{serial: A, to: 2026-03-01T01:05:00Z}, {serial: B, from: 2026-03-01T01:10:00Z, count: 0.1 kW.h, reason: exchange}]"),
     [line(15 * k, 60 * k if k < 5 else 5000 + (15 * k - 70) * 40) for k in range(13)], [whole(0, 60, 240), whole(75, 180, 420)], [("epoch", "feed")]),
]


def by_table():
    for name, meter, lines, pieces, events in ROWS:
        compare(name, replay(name, site([meter, it()]), sorted(lines + IT, key=lambda x: x.split()[0])), {"feed": pieces, **FLAT}, events)


def clocks():
    """Lines in the order given: both clocks, sessions, late ones."""
    name, boot = "a restart is seen from the monotonic time", 10**9
    lines = steady("it", range(0, 61, 15), 100, 50, boot) + steady("feed", range(0, 61, 15), 0, 60, boot)
    # an hour off, then a boot clock of 20 s; 90 min since the last reading is what P_max is held against
    late = line(61, 244, "good", boot + 61 * 60_000)
    for k, m in enumerate(range(150, 181, 15)):
        lines += [line(m, 240 + 360 + 60 * k, "good", 20_000 + 15 * 60_000 * k), *([late] if not k else []), line(m, 300 + 300 + 50 * k, "good", 20_000 + 15 * 60_000 * k, meter="it")]
    got = replay(name, site([feed(), it()]), sorted(lines[:10]) + lines[10:])
    compare(name, got, {"feed": [whole(0, 60, 240), whole(60, 150, 360, True), whole(150, 180, 120)], "it": [whole(0, 60, 200), whole(60, 150, 300, True), whole(150, 180, 100)]},
            [("gap", "feed"), ("gap", "it"), ("session", ""), ("late", "feed")])
    explicit = replay(name, site([feed(), it()]), sorted(lines[:10]) + ["# session"] + [x for x in lines[10:] if x != late])
    check(name + ", as if it had been said", explicit["intervals"], got["intervals"])

    # a machine that slept an hour: its boot clock did not see it, and the circuit cannot carry an hour's energy in a quarter
    name = "a paused machine"
    lines = [line(m + (60 if m > 60 else 0), 60 * (m // 15) + (240 if m > 60 else 0), "good", boot + m * 60_000) for m in range(0, 121, 15)]
    lines += [line(m + (60 if m > 60 else 0), 100 + 3 * (m // 15), "good", boot + m * 60_000, meter="it") for m in range(0, 121, 15)]
    got = replay(name, site([feed(p_max="300 kW"), it()]), sorted(lines, key=lambda x: int(x.split()[-1])))
    compare(name, got, {"feed": [whole(0, 60, 240), whole(135, 180, 180)], "it": [whole(0, 60, 12), whole(60, 135, 3), whole(135, 180, 9)]},
            [("clock_step", ""), ("implausible", "feed")])
    check(name + ": the intervals around it are flagged", [(ms(i["from"]) - ms(t(0))) // 60_000 for i in got["intervals"] if "clock_step" in i["flags"]], [60, 75, 90, 105, 120, 135])

    # 20 min back: what is stamped inside what is covered is dropped, the energy is not
    name = "a step back"
    lines = [line(m - (20 if m > 60 else 0), 60 * (m // 15), "good", boot + m * 60_000) for m in range(0, 181, 15)]
    lines += [line(m - (20 if m > 60 else 0), 100 + 50 * (m // 15), "good", boot + m * 60_000, meter="it") for m in range(0, 181, 15)]
    got = replay(name, site([feed(), it()]), sorted(lines, key=lambda x: int(x.split()[-1])))
    # 75 -> 55 is inside; 90 -> 70 is 30 min of boot time after 60, a gap of 10 min of the wall's
    compare(name, got, {"feed": [whole(0, 60, 240), whole(60, 70, 120, True), whole(70, 160, 360)], "it": [whole(0, 60, 200), whole(60, 70, 100, True), whole(70, 160, 300)]},
            [("clock_step", ""), ("gap", "feed"), ("gap", "it")])


def calendars():
    """Local days of 23 and 25 hours, years that end in the site's zone, the second that is too many, and 2038."""
    def hours(base, n):
        lines = []
        for k in range(4 * n + 1):
            lines += [line(15 * k, 60 * k, base=base), line(15 * k, 50 * k, meter="it", base=base)]
        return lines
    for name, zone, begin, n, spans in (
            ("spring in Berlin", "Europe/Berlin", (2026, 3, 27, 23), 24 + 23 + 24, (24, 23, 24)),
            ("autumn in Berlin", "Europe/Berlin", (2026, 10, 23, 22), 24 + 25 + 24, (24, 25, 24)),
            ("spring in New York", "America/New_York", (2026, 3, 7, 5), 24 + 23 + 24, (24, 23, 24)),
            ("Shanghai has none", "Asia/Shanghai", (2026, 3, 27, 16), 72, (24, 24, 24))):
        base = datetime.datetime(*begin, tzinfo=UTC)
        got = replay(name, site([feed(), it()], zone), hours(base, n), "--by", "day")
        check(name, [(round((ms(p["to"]) - ms(p["from"])) / 3_600_000), p["total_mwh"], p["it_mwh"], p["pue"], p["intervals"]) for p in got["periods"]],
              [(h, h * 240 * KWH, h * 200 * KWH, "1.200", 4 * h) for h in spans])
    base = datetime.datetime(2037, 12, 30, 16, tzinfo=UTC)
    got = replay("year end", site([feed(), it()]), hours(base, 48), "--by", "year")
    check("a year ends in the site's zone", [(p["from"], p["to"], p["total_mwh"]) for p in got["periods"]],
          [("2036-12-31T16:00:00Z", "2037-12-31T16:00:00Z", 24 * 240 * KWH), ("2037-12-31T16:00:00Z", "2038-12-31T16:00:00Z", 24 * 240 * KWH)])
    base = datetime.datetime(2038, 1, 19, 2, tzinfo=UTC)
    got = replay("2038", site([feed(), it()]), hours(base, 3))
    compare("2^31 s", got, {"feed": [whole(0, 180, 720)], "it": [whole(0, 180, 600)]}, [], base)
    # 23:59:60 is the end of the second before midnight; the quarter has 1 ms of the next second less
    base = datetime.datetime(2016, 12, 31, 23, tzinfo=UTC)
    lines = [x for x in hours(base, 2) if "2017-01-01T00:00:00" not in x] + [f"2016-12-31T23:59:60Z {m}/total.energy {v}" for m, v in (("feed", 240), ("it", 200))]
    got = replay("leap second", site([feed(), it()]), sorted(lines))
    edge = 60 - F(1, 60_000)
    compare("leap second", got, {m: [whole(0, 45, 3 * c), (45, edge, F(c * KWH)), (edge, 75, F(c * KWH)), whole(75, 120, 3 * c)] for m, c in (("feed", 60), ("it", 50))}, [], base)


def intervals():
    """30 and 60 minutes: the same pieces."""
    lines = sorted(steady("feed", range(7, 235, 15), 0, 61) + steady("it", range(0, 241, 15), 0, 50))
    for length, n in (("15m", 16), ("30m", 8), ("60m", 4)):
        got = replay(length, site([feed(), it()], interval=length), lines)
        check(f"{length}: how many", len(got["intervals"]), n)
        compare(length, got, {"feed": [whole(7, 232, 15 * 61)], "it": [whole(0, 240, 800)]}, [])


def files():
    """What other hands write into a file, and what is refused with its place."""
    plain = sorted(steady("feed", QUARTERS, 0, 60) + IT)
    config = site([feed(), it()])
    expected = replay("plain file", config, plain)["intervals"]
    strange = [f"{t(0)} ups/state \"on battery\" good", f"{t(0)} feed/model ADW300", f"{t(0)} feed/serial 99999999999999999999999", f"{t(0)} x/y -", f"{t(0)} x/y 5 fine"]
    forms = {"CRLF": "\r\n".join(plain).encode(), "BOM": b"\xef\xbb\xbf" + "\n".join(plain).encode(), "commas": "\n".join(x.replace(" ", ",") for x in plain).encode(),
             "tabs and blanks": "\n".join("  " + x.replace(" ", " \t ") + "  " for x in plain).encode(), "GOOD": "\n".join(x + " GOOD # seen" for x in plain).encode(),
             "remarks and blank lines": "\n\n# a remark\n  # another\n".join(plain).encode(), "text of points that no meter uses": "\n".join(strange + plain).encode(),
             "offsets": "\n".join(x.replace("Z ", "+00:00 ") for x in plain).encode(), "no newline at the end": "\n".join(plain).encode()}
    for name, data in forms.items():
        check(f"written with {name}", replay(name, config, data).get("intervals"), expected)
    check("nothing but remarks: no intervals, no failure", replay("remarks", config, ["# nothing"]).get("intervals"), [])
    for name, bad, column in (("a meter's value is text", f"{t(20)} feed/total.energy broken", 44), ("no time", "yesterday feed/total.energy 5", 1),
                              ("no offset", "2026-03-01T00:20:00 feed/total.energy 5", 1), ("no such quality", f"{t(20)} feed/total.energy 5 fine", 46),
                              ("too long a number", f"{t(20)} feed/total.energy 99999999999999999999", 44), ("a header", "time,point,value", 1),
                              ("half a line", f"{t(20)} feed/total.energy", 43), ("no point", f"{t(20)} feed 5", 26)):
        said = replay(name, config, plain[:5] + [bad] + plain[5:], code=65)
        check(f"{name}: says where", (f"readings.txt:6: column {column}" in said) or said, True)


def done():
    for w in wrong[:60]:
        print(w)
    print(f"{len(ROWS)} rows, {len(wrong)} differences")
    sys.exit(1 if wrong else 0)


by_table()
clocks()
calendars()
intervals()
files()
done()
