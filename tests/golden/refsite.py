"""Reference sites REF-1000, REF-EDGE and REF-BAD, generated from a seed: configuration, recording, and what the model must be told.

A load walks for every rack, pump and chiller; every meter above it shows the exact sum, times its own small error within its
class; registers count whole counts.  Faults are put in afterwards, each one named."""
import random
from fractions import Fraction as F

from model import Epoch, Meter, Read, Site

START = 1_767_139_200_000            # 2025-12-31T00:00:00Z: over the turn of the year
Q = 900_000


class Build:
    def __init__(self, seed, hours, poll):
        self.rng, self.poll, self.steps = random.Random(seed), poll, hours * 3_600_000 // poll
        self.rows, self.order, self.children, self.loads, self.flows = {}, [], {}, {}, {}

    def meter(self, name, role, parent=None, p_max_kw=100, count="10000", modulus=None, klass="0.5S", loss_ppm=0, **more):
        self.rows[name] = dict(name=name, role=role, parent=parent, p_max=p_max_kw * 1_000_000 if p_max_kw else None, count=F(count), modulus=modulus, klass=klass,
                               loss_ppm=loss_ppm, offset=self.rng.randrange(modulus or 500_000), gain=F(1_000_000 + self.rng.randint(-800, 800), 1_000_000),
                               epochs=None, **more)
        self.order.append(name)
        self.children.setdefault(parent, []).append(name)
        return name

    def walk(self, mean_kw):
        """mW by step: a slow walk around the mean."""
        out, x = [], 1.0
        for _ in range(self.steps):
            x = min(1.3, max(0.7, x + self.rng.uniform(-0.05, 0.05)))
            out.append(int(mean_kw * 1e6 * x))
        return out

    def load(self, name, mean_kw):
        self.loads[name] = self.walk(mean_kw)

    def power(self, name):
        """mW by step that flows through: own load and what lies below, plus losses."""
        if name not in self.flows:
            total = list(self.loads.get(name, [0] * self.steps))
            for c in self.children.get(name, []):
                if not self.rows[c].get("source"):
                    total = [a + p for a, p in zip(total, self.power(c))]
            loss = self.rows[name]["loss_ppm"]
            self.flows[name] = [p * 1_000_000 // (1_000_000 - loss) for p in total]
        return self.flows[name]

    def feed(self):
        """What the two feeds carry together is what the bus passes on."""
        self.flows.clear()
        both = self.power("bus")
        self.loads["feed-a"] = [p * 6 // 10 for p in both]
        self.loads["feed-b"] = [p - p * 6 // 10 for p in both]

    def registers(self, name):
        """Counts at each poll (steps + 1 of them), without modulus."""
        r, energy, out = self.rows[name], F(0), []
        worth = 3_600_000 * r["count"]
        for p in [0] + list(self.power(name)):
            energy += p * self.poll
            out.append(r["offset"] + int(energy * r["gain"] * r.get("wrong", 1) / worth))
        return out


def ref_1000(seed, hours, poll, scale=1):
    """4 halls, 2N UPS, water-cooled; `scale` leaves out racks, never kinds of meters."""
    b = Build(seed, hours, poll)
    b.meter("bus", "bus")
    b.meter("feed-a", "supply", "bus", 6000, "1000000", klass="0.2S", source=True)
    b.meter("feed-b", "supply", "bus", 6000, "1000000", klass="0.2S", source=True)
    for h in range(1, 5):
        b.meter(f"tr-{h}", "transformer", "bus", 2500, "100000", loss_ppm=0, hall=f"h{h}")
        for u in range(1, max(2, 4 // scale) + 1):
            ups_in = b.meter(f"ups-{h}{u}-in", "ups_input", f"tr-{h}", 600, "10000", 1_000_000, loss_ppm=50_000, hall=f"h{h}")
            out = b.meter(f"ups-{h}{u}", "distribution", ups_in, 600, "10000", 1_000_000, hall=f"h{h}")
            for c in range(1, 6):
                cab = b.meter(f"cab-{h}{u}{c}", "it", out, 120, "1000", 10_000_000, hall=f"h{h}", point="row_cabinet")
                for k in range(1, max(2, 25 // scale) + 1):
                    pdu = b.meter(f"pdu-{h}{u}{c}-{k}", "rack", cab, 8, "100", 100_000_000, "1 %", hall=f"h{h}", point="rack_inlet")
                    b.load(pdu, b.rng.uniform(0.4, 2.0))
    for k in range(1, 5):
        b.meter(f"chiller-{k}", "cooling", "bus", 500, "10000")
        b.load(f"chiller-{k}", 20 if scale > 1 else 90)
    for k in range(1, 5):
        b.meter(f"crah-{k}", "cooling", f"tr-{k}", 100, "10000")
        b.load(f"crah-{k}", 6)
    b.meter("lights", "lighting", "bus", 60, "1000")
    b.load("lights", 8)
    b.meter("pump-1", "non_it", "cab-111", 15, "1000")      # fed from a row cabinet, metered: taken off
    b.load("pump-1", 3)
    b.feed()
    return b


def ref_edge(seed, hours, poll):
    """50 racks, one UPS, no sub-meters: nothing measures what enters."""
    b = Build(seed, hours, poll)
    b.meter("ups-in", "ups_input", None, 300, "10000", 1_000_000, loss_ppm=60_000)
    b.meter("ups", "it", "ups-in", 300, "10000", 1_000_000, point="ups_output")
    b.load("ups", 120)
    return b


# ---- readings ------------------------------------------------------------------------------------------------------------------

def readings(b):
    """[arrival order of (name, Read)], all polls on a sweep of a few seconds."""
    out = []
    columns = {n: b.registers(n) for n in b.order if b.rows[n]["role"] != "bus"}
    skew = {n: b.rng.randrange(0, 9000, 250) for n in columns}
    for k in range(b.steps + 1):
        sweep = []
        for n, col in columns.items():
            wall = START + k * b.poll + (skew[n] if 0 < k < b.steps else 0)
            value = col[k] % b.rows[n]["modulus"] if b.rows[n]["modulus"] else col[k]
            sweep.append((n, Read(wall, value, boot=wall - START + 5_000_000)))
        sweep.sort(key=lambda x: x[1].wall)
        out += sweep
    return out


# ---- faults: each changes the list and notes what must be found ------------------------------------------------------------------

def cabs(b):
    return [n for n in b.order if b.rows[n]["role"] == "it"]


def pdus(b):
    return [n for n in b.order if b.rows[n]["role"] == "rack"]


def at(k, b):
    return START + k * b.poll


def edit(out, name, lo, hi, change):
    """Replaces the readings of a meter stamped in [lo, hi) by change(read) (None: gone)."""
    done = []
    for n, r in out:
        if n == name and lo <= r.wall < hi:
            r = change(r)
            if r is None:
                continue
        done.append((n, r))
    return done


def shifted(r, value):
    return Read(r.wall, value, r.boot, r.session, r.synced)


def link_loss(out, lost, lo):
    """Six hours without a link; the data come back-filled, too late."""
    hi = lo + 6 * 3_600_000
    back = [x for x in out if x[0] in lost and lo <= x[1].wall < hi]
    kept = [x for x in out if not (x[0] in lost and lo <= x[1].wall < hi)]
    ix = next(i for i, x in enumerate(kept) if x[1].wall >= hi)
    return kept[:ix] + back + kept[ix:]


def clock_step(out, when):
    """The clock steps by 90 s: all later walls are ahead of the boot clock."""
    return [(n, Read(r.wall + 90_000, r.value, r.boot, r.session) if r.wall >= when else r) for n, r in out]


def ref_bad(seed, hours, poll, scale):
    b = ref_1000(seed, hours, poll, scale)
    rng, expected = b.rng, []
    wrong, swapped = "cab-212", "ups-32"
    b.rows[wrong]["wrong"] = F(4, 5)             # 500/5 where 400/5 is configured
    b.rows[swapped]["wrong"] = F(1, 3)           # one CT the wrong way round
    expected += [("finding", "ups-21"), ("finding", "cab-212"), ("finding", "ups-32-in"), ("finding", "ups-32")]
    b.meter("pump-hidden", "non_it", "cab-421", 40, "1000")
    b.load("pump-hidden", 3)
    b.feed()
    b.order.remove("pump-hidden")                # nobody meters it
    b.rows.pop("pump-hidden")
    b.children["cab-421"].remove("pump-hidden")
    expected.append(("finding", "cab-421"))
    out = readings(b)
    third = b.steps // 3

    # resets: the register begins anew at zero
    for name, k in zip(rng.sample(cabs(b)[6:14], 3), (third, third + 5, third + 9)):
        base = next(r.value for n, r in out if n == name and r.wall >= at(k, b))
        out = edit(out, name, at(k, b), 1 << 60, lambda r: shifted(r, (r.value - base) % b.rows[name]["modulus"]))
        expected.append(("reset", name))
    # replacements: with and without readings at the exchange
    for name, k, stated in (("chiller-1", third, True), ("chiller-2", third + 3, False)):
        t0, t1 = at(k, b) + 300_000, at(k, b) + 600_000
        before = max((r for n, r in out if n == name and r.wall < t0), key=lambda r: r.wall)
        after = min((r for n, r in out if n == name and r.wall >= t1), key=lambda r: r.wall)
        delta = after.value - 17
        out = edit(out, name, t0, 1 << 60, lambda r: shifted(r, r.value - delta))
        b.rows[name]["epochs"] = [dict(serial=name + "-old", end=t0, last=before.value + 1 if stated else None),
                                  dict(serial=name + "-new", start=t1, first=12 if stated else None)]
        expected.append(("epoch", name))
    # one per cent of the devices lost for good
    for name in rng.sample(pdus(b), max(1, len(b.order) // 100)):
        out = edit(out, name, at(third + rng.randrange(10), b), 1 << 60, lambda r: None)
        expected.append(("missing", name))
    # a spike, a drop that returns, a frozen register, two wraps in one gap
    name = "crah-1"
    out = edit(out, name, at(third, b), at(third, b) + Q, lambda r: shifted(r, r.value + 9_000_000))
    expected.append(("spike", name))
    name = "crah-2"
    out = edit(out, name, at(third, b), at(third + 2, b), lambda r: shifted(r, 3))
    expected.append(("drop_return", name))
    name = "lights"
    held = next(r.value for n, r in out if n == name and r.wall >= at(third, b))
    out = edit(out, name, at(third, b), at(third + 9, b), lambda r: shifted(r, held))
    expected.append(("frozen", name))
    name = "ups-41-in"                           # 600 kW, 1,000,000 counts of 0.01 kW.h: round in 16.7 h
    out = edit(out, name, at(third, b) + 60_000, at(third, b) + 17 * 3_600_000, lambda r: None)
    expected.append(("ambiguous", name))
    lost = [n for n in b.order if n.startswith("ups-11")]
    out = link_loss(out, lost, at(2 * third, b))
    expected += [("late", n) for n in lost] + [("gap", n) for n in lost]
    out = clock_step(out, at(2 * third + 30, b) + 20_000)
    expected.append(("clock_step", None))
    # and what must not matter: duplicates, and order inside the watermark
    out = [y for x in out for y in ((x, x) if rng.random() < 0.01 else (x,))]
    out = disorder(out, rng)
    return b, out, expected


def disorder(out, rng):
    """Shuffles by up to a third of the watermark; a late reading stays where it is."""
    newest, keys = 0, []
    for i, (n, r) in enumerate(out):
        late = r.wall < newest - Q
        newest = max(newest, r.wall)
        keys.append((newest if late else r.wall + rng.randrange(0, 300_000), i))
    return [out[i] for _, i in sorted(keys)]


# ---- chaos: a small site on which everything happens at random ------------------------------------------------------------------

def chaos(seed, hours=30):
    b = Build(seed, hours, 300_000)
    rng = b.rng
    b.meter("feed", "supply", None, 12, "100", 100_000)
    b.meter("cool", "cooling", "feed", 5, "300", factor=F(1000, 985))
    b.meter("it-a", "it", "feed", 6, "7", 1_000_000, point="pdu_output")
    b.meter("it-b", "it", "feed", None, "100", point="pdu_output")
    b.meter("grid", "other_use", "feed", 6, "100", direction="net")
    b.meter("pump", "non_it", "it-a", 1, "1", 500_000)
    out, boot, session, t = [], rng.randrange(10**6, 10**9), 1, 0
    state = {n: dict(v=rng.randrange(40_000), frozen=0, dead=0, held=0) for n in b.order}
    rate = {n: {"feed": 2500, "cool": 500, "it-a": 60_000, "it-b": 900, "grid": 900, "pump": 9000}[n] for n in b.order}
    while t < hours * 3_600_000:
        if rng.random() < 0.02:
            session, boot = session + 1, rng.randrange(10**5)
            t += rng.choice([0, 0, 600_000, 2 * 3_600_000])
        for n in b.order:
            s, row = state[n], b.rows[n]
            step = int(rate[n] * rng.uniform(0.3, 1.0))
            s["v"] += step if n != "grid" or rng.random() < 0.6 else -step
            what = rng.random()
            if what < 0.01:
                s["v"] = rng.randrange(100) if n != "grid" else s["v"]
            elif what < 0.02:
                s["dead"] = rng.choice([1, 2, 5, 20, 60])
            elif what < 0.03:
                s["frozen"], s["held"] = rng.choice([2, 3, 4, 15, 40]), s["v"]
            value = s["held"] if s["frozen"] else s["v"]
            if rng.random() < 0.01:
                value = rng.randrange(10**6)
            value = value % row["modulus"] if row["modulus"] else value
            s["frozen"] = max(0, s["frozen"] - 1)
            if s["dead"]:
                s["dead"] -= 1
                continue
            wall = START + t + rng.randrange(0, 40_000)
            out.append((n, Read(wall, None if rng.random() < 0.01 else value, wall - START + boot, session)))
        t += 300_000
    # order inside the watermark, duplicates, and a few readings that are too late or contradict; a recording cannot go back to
    # an earlier session, so all of that inside each session
    return b, [x for k in range(1, session + 1) for x in trouble([y for y in out if y[1].session == k], rng)]


def year(seed, days, poll, interval):
    """The same small site through a year in virtual time: rarer faults, but all kinds of them, long ones too, and meters that are exchanged."""
    b = Build(seed, 1, poll)
    rng, b.interval = b.rng, interval
    b.meter("feed", "supply", None, 12, "100", 1_000_000)
    b.meter("cool", "cooling", "feed", 5, "300", factor=F(1000, 985))
    b.meter("it-a", "it", "feed", 6, "7", 10_000_000, point="pdu_output")
    b.meter("it-b", "it", "feed", None, "100", point="pdu_output")
    b.meter("pump", "non_it", "it-a", 1, "1", 5_000_000)
    most = {n: int(F(b.rows[n]["p_max"] or 9_000_000) * poll / 3_600_000 / b.rows[n]["count"]) for n in b.order}
    end, count = days * 86_400_000, {}
    for n in b.order:
        edges = sorted(rng.sample(range(end // 20, end * 19 // 20), rng.choice([0, 1, 1, 3])))
        b.rows[n]["epochs"] = []
        for k, t in enumerate([0] + edges):
            known, after = rng.random() < 0.6, t + rng.choice([0, 0, poll // 3, 5 * poll])
            if k:
                b.rows[n]["epochs"][-1].update(end=START + t)
            b.rows[n]["epochs"].append(dict(serial=f"{n}-{k}", count=b.rows[n]["count"] * rng.choice([1, 1, 2]) if k else b.rows[n]["count"],
                                            **({"start": START + after} if k else {}), known=known))
    out, boot, session, t, step = [], 10**8, 1, 0, 0
    state = {n: dict(v=rng.randrange(40_000), frozen=0, dead=0, held=0, epoch=0) for n in b.order}
    while t < end:
        if rng.random() < 12 * poll / 31_536_000_000:
            session, boot, t = session + 1, rng.randrange(10**5) - t, t + rng.choice([0, 0, 600_000, 2 * 3_600_000, 9 * 86_400_000])
        if rng.random() < 8 * poll / 31_536_000_000:
            step += rng.choice([-1, 1]) * rng.choice([6_000, 90_000, 400_000, poll + 60_000])
        for n in b.order:
            s, row = state[n], b.rows[n]
            e = row["epochs"][s["epoch"]]
            stamped = START + t + step
            s["v"] += int(most[n] * row["count"] / e["count"] * F(rng.randrange(20, 95), 100))
            if e.get("end") and stamped + 60_000 >= e["end"]:
                if e["known"]:
                    e["last"] = (s["v"] + 1) % row["modulus"] if row["modulus"] else s["v"] + 1
                s["epoch"] += 1
                s.update(v=rng.randrange(40_000), frozen=0)
                if e["known"]:
                    row["epochs"][s["epoch"]]["first"] = s["v"]
            if (row["epochs"][s["epoch"]].get("start") or 0) > stamped - 60_000:
                continue
            what = rng.random()
            if what < 0.0004:
                s["v"] = rng.randrange(100)
            elif what < 0.001:
                s["dead"] = rng.choice([1, 2, 5, 20, 300, 2000])
            elif what < 0.0015:
                s["frozen"], s["held"] = rng.choice([2, 3, 4, 15, 40]), s["v"]
            value = s["held"] if s["frozen"] else s["v"]
            if rng.random() < 0.0005:
                value = rng.randrange(10**6)
            s["frozen"] = max(0, s["frozen"] - 1)
            if s["dead"]:
                s["dead"] -= 1
                continue
            value = value % row["modulus"] if row["modulus"] else value
            skew = rng.randrange(0, 40_000)
            out.append((n, Read(stamped + skew, None if rng.random() < 0.001 else value, t + skew + boot, session)))
        t += poll
    for n in b.order:
        rows = b.rows[n]["epochs"]
        for k, e in enumerate(rows):
            for key in ("first", "last"):
                if e.get(key) is not None and not e["known"] and key == "last":
                    del e[key]
        if len(rows) == 1 and rows[0]["count"] == b.rows[n]["count"]:
            b.rows[n]["epochs"] = None
    return b, [x for k in range(1, session + 1) for x in trouble([y for y in out if y[1].session == k], rng)]


def trouble(out, rng):
    out = disorder(out, rng)
    for _ in range(2 if out else 0):
        k = rng.randrange(len(out))
        n, r = out.pop(k)
        out.insert(min(len(out), k + rng.randrange(1, 200)), (n, r))
        k = rng.randrange(len(out))
        n, r = out[k]
        if r.value is not None:
            out.insert(k + 1, (n, shifted(r, r.value + 1)))
    return [y for x in out for y in ((x, x) if rng.random() < 0.05 else (x,))]


# ---- what each side is given -------------------------------------------------------------------------------------------------------

def stamp(ms):
    import datetime
    t = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return t + (f".{ms % 1000:03d}" if ms % 1000 else "") + "Z"


def energy_text(count):
    from decimal import Decimal
    kwh = Decimal(count.numerator) / Decimal(count.denominator) / 1_000_000
    return f"{kwh:f} kW.h"


def yaml(b, site_id):
    lines = ["version: 1", "site:", f"  id: {site_id}", f"  name: {{zh: 参考机房, en: Reference site {site_id}}}", "  timezone: Asia/Shanghai", "  simulated: true",
             *([f"  interval: {b.interval // 60_000}m"] if getattr(b, "interval", Q) != Q else []), "meters:"]
    for n in b.order:
        r = b.rows[n]
        if r["role"] == "bus":
            lines.append(f"  - {{id: {n}, role: bus}}")
            continue
        more = "".join(f", {k}: {r[k]}" for k in ("parent", "point", "hall") if r.get(k))
        more += f", losses: {r['loss_ppm'] / 10000} %" if r["loss_ppm"] else ""
        more += f", modulus: {r['modulus']}" if r["modulus"] else ", modulus: none"
        more += f", p_max: {r['p_max']} mW" if r["p_max"] else ""
        more += f", factor: {{value: {r['factor'].numerator}/{r['factor'].denominator}, source: data sheet}}" if r.get("factor") else ""
        more += f", direction: {r['direction']}" if r.get("direction") else ""
        lines.append(f"  - {{id: {n}, role: {r['role']}{more}, class: {r['klass']}, count: {energy_text(r['count'])}, power: none" +
                     (f", epochs: [{', '.join(epoch_text(e) for e in r['epochs'])}]" if r["epochs"] else "") + "}")
    lines.append("devices:")
    for i, n in enumerate(x for x in b.order if b.rows[x]["role"] != "bus"):
        lines.append(f'  - {{id: {n}, profile: acrel-adw300, endpoint: "modbus+tcp://10.{i // 60000}.{i // 250 % 250}.{i % 250 + 1}/1", poll: {b.poll // 1000}s}}')
    return "\n".join(lines) + "\n"


def epoch_text(e):
    parts = [f"serial: {e['serial']}"]
    parts += [f"{k}: {stamp(e[v])}" for k, v in (("from", "start"), ("to", "end")) if e.get(v) is not None]
    parts += [f"{k}: {e[k]}" for k in ("first", "last") if e.get(k) is not None]
    parts += [f"count: {energy_text(e['count'])}"] if e.get("count") else []
    return "{" + ", ".join(parts) + ", reason: exchange}"


def recording(out):
    lines, session = [], 1
    for n, r in out:
        while session < r.session:
            lines.append("# session")
            session += 1
        lines.append(f"{stamp(r.wall)} {n}/total.energy {'-' if r.value is None else r.value} {'missing' if r.value is None else 'good'} {r.boot}")
    return "\n".join(lines) + "\n"


def model_site(b):
    meters, total, it = {}, {}, {}
    for n in b.order:
        r = b.rows[n]
        if r["role"] == "bus":
            continue
        epochs = [Epoch(e.get("count") or r["count"], r["modulus"], e.get("start"), e.get("end"), e.get("first"), e.get("last")) for e in r["epochs"]] if r["epochs"] \
            else [Epoch(r["count"], r["modulus"])]
        meters[n] = Meter(n, epochs, r["p_max"], b.poll, r.get("direction") == "net", r.get("factor", 1))
        if r["role"] in ("supply", "pv", "generator"):
            total[n] = 1
        if r["role"] in ("export", "other_use"):
            total[n] = -1
        if r["role"] == "it":
            it[n] = 1
        if r["role"] == "non_it":
            it[n] = -1
    return Site(meters, total, it, getattr(b, "interval", Q))
