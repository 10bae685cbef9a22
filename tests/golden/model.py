"""An independent model of the ledger, in exact fractions, written from the rules (docs/ledger.md), not from the C code.

It sees a whole recording at once, where the ledger sees one reading after the other: a meter's readings are put in order, the
decision table makes them a curve of straight pieces, and every interval is read off the curve."""
from fractions import Fraction as F
from bisect import bisect_right

WATERMARK = 900_000
LOOK_AHEAD = 3


def half_even(x):
    return round(x)                 # Python rounds a Fraction half to even


class Read:
    __slots__ = ("wall", "boot", "session", "value", "synced")

    def __init__(self, wall, value, boot=None, session=1, synced=True):
        self.wall, self.value, self.session, self.synced = wall, value, session, synced
        self.boot = wall if boot is None else boot

    def order(self):
        return (self.session, self.boot, self.wall)


def elapsed(a, b):
    if a.session is None or b.session is None:
        return b.wall - a.wall
    if a.session == b.session:
        return b.boot - a.boot
    return max(b.boot - a.boot, b.wall - a.wall)


class Epoch:
    def __init__(self, count, modulus=None, start=None, end=None, first=None, last=None):
        self.count, self.modulus, self.start, self.end, self.first, self.last = F(count), modulus, start, end, first, last


class Curve:
    """Straight pieces (t0, e0, t1, e1, spread) in order of time; what lies between two pieces is missing."""

    def __init__(self):
        self.pieces, self.level, self.events, self.epoch_marks = [], F(0), [], []

    def add(self, t0, t1, energy, spread):
        self.pieces.append((t0, self.level, t1, self.level + energy, spread))
        self.level += energy

    def at(self, t):
        """Known cumulative energy at t, exact."""
        i = bisect_right(self.starts, t) - 1
        if i < 0:
            return F(0)
        t0, e0, t1, e1, _ = self.pieces[i]
        if t >= t1:
            return e1
        return e0 + (e1 - e0) * (t - t0) / (t1 - t0)

    def spread_at(self, t):
        i = bisect_right(self.starts, t) - 1
        return i >= 0 and self.pieces[i][4] and self.pieces[i][0] < t < self.pieces[i][2]

    def known(self, a, b):
        return sum(max(0, min(b, p[2]) - max(a, p[0])) for p in self.pieces[max(0, bisect_right(self.starts, a) - 1):bisect_right(self.starts, b)])

    def missing_parts(self, a, b):
        at, parts = a, []
        for p in self.pieces[max(0, bisect_right(self.starts, a) - 1):bisect_right(self.starts, b)]:
            if p[0] > at:
                parts.append((at, min(p[0], b)))
            at = max(at, min(p[2], b))
        if at < b:
            parts.append((at, b))
        return [(x, y) for x, y in parts if y > x]

    def close(self):
        self.starts = [p[0] for p in self.pieces]


class Meter:
    def __init__(self, name, epochs, p_max=None, poll=900_000, net=False, factor=F(1)):
        self.name, self.epochs, self.p_max, self.poll, self.net, self.factor = name, epochs, p_max, poll, net, F(factor)

    def cap(self, dt, epoch):
        if self.p_max is None:
            return None
        return (F(self.p_max) * max(dt, 0) / 3_600_000 / epoch.count).__floor__() + 1

    def judge(self, prev, cur, epoch):
        """(verdict, counts) after rule 4."""
        d, cap = cur.value - prev.value, self.cap(elapsed(prev, cur), epoch)
        if cap is not None and epoch.modulus and cap >= epoch.modulus:
            return "ambiguous", None
        if self.net:
            return ("ok", d) if cap is None or abs(d) <= cap else ("high" if d > 0 else "low", d)
        if d >= 0:
            return ("ok", d) if cap is None or d <= cap else ("high", d)
        if cap is not None and epoch.modulus and prev.value >= epoch.modulus - cap and 0 <= d + epoch.modulus <= cap:
            return "wrap", d + epoch.modulus
        return "low", None

    def gap(self, a, b):
        return 2 * elapsed(a, b) > 3 * self.poll

    def epoch_curve(self, reads, epoch, curve):
        """Takes the readings of one epoch, in order."""
        worth = epoch.count * self.factor
        prev, run, change = None, 0, None
        i = 0

        def event(kind, a, b):
            curve.events.append((kind, a.wall, b.wall))

        while i < len(reads):
            cur = reads[i]
            if prev is None:
                prev, run, change = cur, 1, cur
                i += 1
                continue
            verdict, d = self.judge(prev, cur, epoch)
            if verdict == "high" and run >= 3 and d is not None and d <= self.cap(elapsed(change, cur), epoch):
                # rule 5: what was flat since the last change becomes one line
                event("frozen", change, cur)
                while curve.pieces and curve.pieces[-1][0] >= change.wall:
                    curve.pieces.pop()
                curve.add(change.wall, cur.wall, d * worth, True)
                prev, run, change = cur, 1, cur
                i += 1
                continue
            if verdict in ("high", "low"):
                back = next((k for k in range(i + 1, min(i + 1 + LOOK_AHEAD, len(reads))) if self.judge(prev, reads[k], epoch)[0] == "ok"), None)
                if back is not None:
                    r = reads[back]
                    event("spike" if verdict == "high" else "drop_return", prev, r)
                    _, d = self.judge(prev, r, epoch)
                    curve.add(prev.wall, r.wall, d * worth, self.gap(prev, r))
                    run, change = (run + 1, change) if d == 0 else (1, r)
                    prev = r
                    i = back + 1
                    continue
                event("implausible" if verdict == "high" else "reset", prev, cur)
            elif verdict == "ambiguous":
                event("ambiguous", prev, cur)
            else:
                if verdict == "wrap":
                    event("wrap", prev, cur)
                if self.gap(prev, cur):
                    event("gap", prev, cur)
                curve.add(prev.wall, cur.wall, d * worth, self.gap(prev, cur))
                run, change = (run + 1, change) if d == 0 else (1, cur)
                prev = cur
                i += 1
                continue
            if self.gap(prev, cur):
                event("gap", prev, cur)
            prev, run, change = cur, 1, cur
            i += 1

    def curve(self, reads, begin):
        """`reads`: in order, without duplicates, without late ones."""
        curve, done = Curve(), None
        good = []
        for r in reads:                         # rule 3: stamped inside what is covered
            if done is None or r.wall > done:
                good.append(r)
                done = r.wall
        for k, e in enumerate(self.epochs):
            part = [r for r in good if (e.start is None or r.wall >= e.start) and (e.end is None or r.wall < e.end)]
            if e.first is not None and e.start >= begin:
                part.insert(0, Read(e.start, e.first, session=None))
            if e.last is not None and part:
                part.append(Read(e.end, e.last, session=None))
            self.epoch_curve(part, e, curve)
            if k and e.start is not None and e.start >= begin:
                curve.events.append(("epoch", self.epochs[k - 1].end, e.start))
        curve.close()
        return curve


def sort_arrivals(arrivals):
    """Rule 2 on (meter, Read or None, wall) in order of arrival: per meter the readings in order; late and conflicting ones apart."""
    newest, kept, late, conflicts = None, {}, set(), set()
    for name, read, wall in arrivals:
        newest = wall if newest is None else max(newest, wall)
        if read is None:
            continue
        mine = kept.setdefault(name, {})
        if wall < newest - WATERMARK:
            seen = mine.get(read.order())
            if seen is None or seen.value != read.value:
                late.add(name)
            continue
        seen = mine.setdefault(read.order(), read)
        if seen.value != read.value:
            conflicts.add((name, wall))
    return {name: [mine[k] for k in sorted(mine)] for name, mine in kept.items()}, late, conflicts


def union(parts):
    total, covered = 0, None
    for a, b in sorted(parts):
        if covered is None or b > covered:
            total += b - (a if covered is None else max(a, covered))
            covered = b
    return total


class Site:
    """meters: {name: Meter}; total, it: {name: sign}."""

    def __init__(self, meters, total, it, interval=900_000):
        self.meters, self.total, self.it, self.interval = meters, total, it, interval

    def fold(self, arrivals):
        reads, late, conflicts = sort_arrivals(arrivals)
        begin, newest = min(a[2] for a in arrivals), max(a[2] for a in arrivals)
        first, last = begin // self.interval, (newest - 1) // self.interval
        curves = {n: m.curve(reads.get(n, []), begin) for n, m in self.meters.items()}
        events = {(kind, n, a, b) for n, c in curves.items() for kind, a, b in c.events}
        events |= {("conflict", n, t, t) for n, t in conflicts}
        intervals = [self.one(curves, k * self.interval) for k in range(first, last + 1)]
        return {"intervals": intervals, "events": events, "late": late, "kpi": self.kpi(intervals)}

    def one(self, curves, a):
        b, rows = a + self.interval, {}
        for n, c in curves.items():
            missing = self.interval - c.known(a, b)
            spread = c.spread_at(a) or c.spread_at(b)
            rows[n] = {"energy": half_even(c.at(b)) - half_even(c.at(a)), "cumulative": half_even(c.at(b)), "missing": missing,
                       "class": "-" if missing == self.interval else "D" if spread else "R"}
        out = {"from": a, "to": b, "rows": rows}
        for side, terms in (("total", self.total), ("it", self.it)):
            out[side] = sum(s * rows[n]["energy"] for n, s in terms.items())
            out[side + "_known"] = bool(terms) and not any(rows[n]["missing"] for n in terms)
            out[side + "_missing"] = union([p for n in terms for p in curves[n].missing_parts(a, b)])
        return out

    def kpi(self, intervals):
        known = [i for i in intervals if i["total_known"] and i["it_known"]]
        span = self.interval * len(intervals)
        k = {"total": sum(i["total"] for i in known), "it": sum(i["it"] for i in known), "known": len(known),
             "known_total": sum(i["total"] for i in intervals), "known_it": sum(i["it"] for i in intervals)}
        for side, terms in (("total", self.total), ("it", self.it)):
            k["time_" + side] = F(span - sum(i[side + "_missing"] for i in intervals), span)
            have = lack = F(0)
            for n in terms:
                e = abs(sum(i["rows"][n]["energy"] for i in intervals))
                t = span - sum(i["rows"][n]["missing"] for i in intervals)
                have += e
                lack += F(e) * (span - t) / t if t else F(self.meters[n].p_max or 0) * span / 3_600_000
            k["energy_" + side] = have / (have + lack) if have + lack else F(0)
        return k
