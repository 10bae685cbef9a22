#!/usr/bin/python3
"""Before and after a retrofit, worked out apart from the program: baseline.py PUECTL.

Registers are written down, sums over the wholly known quarters are taken in exact fractions, U by the GUM from classes alone; what is printed must be
those figures, rounded once.  delta = T1/I1 - T0/I0; saved = I1 x T0/I0 - T1; coal = saved x factor; U of the difference is the root of both U squared."""
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from decimal import Decimal as D, getcontext
from fractions import Fraction as F

getcontext().prec = 40
puectl, wrong = sys.argv[1], []
BEFORE, AFTER = datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc)
QUARTERS = 96


def check(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, expected {expected}")


def run(*args, code=0):
    p = subprocess.run([puectl, *args], capture_output=True, text=True, timeout=60)
    if p.returncode != code:
        wrong.append(f"puectl {' '.join(args[:4])}: exit {p.returncode}, expected {code}: {p.stderr[:400]}")
    if p.returncode != code and code == 0:
        print(*wrong, sep="\n")
        sys.exit(1)
    return p.stdout if code == 0 else p.stdout + p.stderr


def site(boundary="SLD-1", simulated="true", point="ups_output", class_="0.5S", id_="retro", factor=None):
    b = f"\n  boundary: {boundary}" if boundary else ""
    return (f"version: 1\nsite:\n  id: {id_}\n  name: {{zh: 改造, en: Retrofit}}\n  timezone: UTC\n  simulated: {simulated}{b}\nmeters:\n"
            f"  - {{id: a, role: supply, class: {class_}, ct: 600/5, applied_by: meter, ct_class: 0.5S, count: 1 Wh, p_max: 5 MW, modulus: none, power: none}}\n"
            f"  - {{id: b, role: supply, class: {class_}, count: 10 Wh, p_max: 5 MW, modulus: none, power: none}}\n"
            f"  - {{id: it, role: it, point: {point}, class: 0.2S, count: 1 Wh, p_max: 5 MW, modulus: none, power: none}}\n"
            "devices:\n" + "".join(f"  - {{id: {m}, profile: acrel-adw300, endpoint: \"modbus+tcp://10.0.0.{i}/1\", poll: 900s}}\n" for i, m in enumerate("a b it".split(), 1)))


def recording(start, steps, skip=()):
    """Each quarter: a counts steps[0] + k % 7, b steps[1], it steps[2] + k % 5.  skip: (meter, read) that never came, at the end of the day: nothing is known
    from there on."""
    lines, at = [], {"a": 999_000, "b": 17, "it": 5}
    for k in range(QUARTERS + 1):
        for m in at:
            if (m, k) not in skip:
                lines.append(f"{(start + timedelta(minutes=15 * k)).strftime('%Y-%m-%dT%H:%M:%SZ')} {m}/total.energy {at[m]}")
        at["a"] += steps[0] + k % 7
        at["b"] += steps[1]
        at["it"] += steps[2] + k % 5
    return "\n".join(lines) + "\n"


def sums(steps, known=QUARTERS):
    """(E_T, E_IT) in mW.h, and each meter's energy over the whole window, of the quarters in which all is known."""
    a = sum(steps[0] + k % 7 for k in range(known)) * 1000
    b = steps[1] * known * 10_000
    return a + b, sum(steps[2] + k % 5 for k in range(known)) * 1000


def u_of(total, it, a, b):
    """U (k = 2) in 1e-6, for correlation 0 and 1: classes and two reads of each register (uniform), mains method."""
    def chain(energy, count, *limits):
        return (sum((D(x) / 100 * energy) ** 2 / 3 for x in limits) + D(count) ** 2 / 6).sqrt()
    ua, ub, ui = chain(D(a), 1000, "0.5", "0.5"), chain(D(b), 10_000, "0.5"), chain(D(it), 1000, "0.2")
    out = []
    for ut in ((ua ** 2 + ub ** 2).sqrt(), ua + ub):
        u = D(total) / it * ((ut / total) ** 2 + (ui / it) ** 2).sqrt()
        out.append(int((2 * u * 1_000_000).to_integral_value("ROUND_CEILING")))
    return out


def root(a, b):
    return int((D(a) ** 2 + D(b) ** 2).sqrt().to_integral_value("ROUND_CEILING"))


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


# name, steps before, steps after, coal factor, quarters known after
ROWS = [
    ("better", (400_000, 40_000, 560_000), (380_000, 32_000, 560_000), "0.1229", QUARTERS),
    ("more IT, better", (400_000, 40_000, 560_000), (600_003, 40_001, 800_007), "0.1229", QUARTERS),
    ("worse: nothing is saved, and it says so", (400_000, 40_000, 600_000), (420_000, 44_000, 600_000), "0.404", QUARTERS),
    ("the same to the count", (400_000, 40_000, 600_000), (400_000, 40_000, 600_000), "0.1229", QUARTERS),
    ("a part of the after is not known", (400_000, 40_000, 560_000), (380_000, 32_000, 560_000), "0.3", 90),
    ("large sums", (40_000_0, 90_000, 700_000), (399_999, 89_999, 700_001), "0.100001", QUARTERS),
]

with tempfile.TemporaryDirectory() as d:
    keys = f"{d}/keys"
    run("keys", "generate", "--dir", keys, "--site", "retro", "--simulated", "--from", "2020-01-01T00:00:00Z")
    trust = f"{keys}/trust.json"
    config = write(f"{d}/site.yaml", site())
    for i, (name, then, now, coal, known) in enumerate(ROWS):
        frozen = f"{d}/base-{i}.json"
        before = write(f"{d}/before-{i}.txt", recording(BEFORE, then))
        dead = [("it", k) for k in range(known + 1, QUARTERS + 1)] if known < QUARTERS else []
        after = write(f"{d}/after-{i}.txt", recording(AFTER, now, dead))
        day = ("--from", "2026-03-01", "--to", "2026-03-01"), ("--from", "2026-04-01", "--to", "2026-04-01")
        run("pue", "--config", config, "--recording", before, *day[0], "--freeze", frozen, "--keys", keys, "--made", "2026-03-05T00:00:00Z")
        r = json.loads(run("pue", "--config", config, "--recording", after, *day[1], "--baseline", frozen, "--trust", trust, "--kgce-per-kwh", coal, "--json"))
        t0, i0 = sums(then)
        t1, i1 = sums(now, known)
        check(f"{name}: sums", (r["kpi"]["total_mwh"], r["kpi"]["it_mwh"]), (t1, i1))
        got, saved = r["retrofit"], F(i1) * F(t0, i0) - t1
        check(f"{name}: delta", got["delta_micro"], round((F(t1, i1) - F(t0, i0)) * 1_000_000))
        check(f"{name}: saved", got["saved_mwh"], round(saved))
        check(f"{name}: coal", got["saved_gce"], round(F(round(saved)) * F(coal) * 1_000_000 / 10 ** 9))
        # U: the chains are those of each meter's own energy in the window
        def parts(steps, n):
            return sum(steps[0] + k % 7 for k in range(n)) * 1000, steps[1] * n * 10_000
        u = [u_of(t0, i0, *parts(then, QUARTERS)), u_of(t1, i1, *parts(now, known))] if known == QUARTERS else None
        if u:
            check(f"{name}: U of the window", (r["kpi"]["u_ppm_rho0"], r["kpi"]["u_ppm_rho1"]), tuple(u[1]))
            check(f"{name}: U of the difference", (got["u_ppm_rho0"], got["u_ppm_rho1"]), (root(u[0][0], u[1][0]), root(u[0][1], u[1][1])))
        check(f"{name}: a day is no year", got["seasons_differ"], True)
        check(f"{name}: nothing in the way", got["why_not"], None)
    # ---- what is not the same thing is not compared: a sentence and no number
    frozen, after = f"{d}/base-0.json", f"{d}/after-0.txt"
    for name, changes, says in (
            ("another boundary", {"boundary": "SLD-2"}, "the boundary differs (SLD-1, now SLD-2)"), ("no boundary", {"boundary": None}, "now not stated"),
            ("another category", {"point": "pdu_output"}, "the baseline is of category 1, the window of category 2"),
            ("a real one with a simulated one", {"simulated": "false"}, "the baseline is simulated, the window is not")):
        other = write(f"{d}/other.yaml", site(**changes))
        r = json.loads(run("pue", "--config", other, "--recording", after, "--from", "2026-04-01", "--to", "2026-04-01", "--baseline", frozen, "--trust", trust, "--kgce-per-kwh", "0.1", "--json"))["retrofit"]
        check(f"{name}: no number", [r[k] for k in ("delta_micro", "saved_mwh", "saved_gce", "u_ppm_rho0", "pue_then")], [None] * 5)
        check(f"{name}: the sentence ({r['why_not']})", says in (r["why_not"] or ""), True)
    r = json.loads(run("pue", "--config", config, "--recording", f"{d}/before-0.txt", "--from", "2026-03-01", "--to", "2026-03-01", "--baseline", frozen, "--trust", trust, "--json"))["retrofit"]
    check(f"the same window: ({r['why_not']})", "ends after the window begins" in (r["why_not"] or "") and r["delta_micro"] is None, True)

for w in wrong:
    print(w)
print(f"{len(wrong)} differences")
sys.exit(1 if wrong else 0)
