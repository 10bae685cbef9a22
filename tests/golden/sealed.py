"""What is sealed, decoded from docs/evidence-format.md alone: columns, range coded numbers, stamps, blocks, quarters of an hour."""
MASK = (1 << 64) - 1


class Damaged(Exception):
    """Bytes that the format does not allow."""


def signed(value):
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        if self.at >= len(self.data):
            raise Damaged("too short")
        self.at += 1
        return self.data[self.at - 1]

    def take(self, n):
        if n > len(self.data) - self.at:
            raise Damaged("too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if value > MASK or (byte == 0 and shift > 7):
                    raise Damaged("an integer not in its shortest form")
                return value
            if shift > 63:
                raise Damaged("an integer too long")

    def z(self):
        v = self.u()
        return (v >> 1) ^ -(v & 1)

    def end(self):
        if self.at != len(self.data):
            raise Damaged("bytes behind the end")


class Range:
    """The adaptive binary range coder."""

    def __init__(self, data):
        self.data, self.at, self.code, self.range = data, 0, 0, (1 << 32) - 1
        for _ in range(4):
            self.code = self.code << 8 | self.next()
        self.seen = {}                       # which probability -> [p, times]
        self.before = (0, 0)

    def next(self):
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def refill(self):
        while self.range < 1 << 24:
            self.code = (self.code << 8 | self.next()) & 0xFFFFFFFF
            self.range <<= 8

    def bit(self, which):
        state = self.seen.setdefault(which, [16384, 0])
        bound = (self.range >> 15) * state[0]
        bit = self.code >= bound
        if bit:
            self.code -= bound
            self.range -= bound
        else:
            self.range = bound
        target = 32 if bit else 32736
        state[0] += (target - state[0]) * (131072 // (2 * state[1] + 3)) >> 16
        state[1] = min(state[1] + 1, 127)
        self.refill()
        return int(bit)

    def raw(self, bits):
        value = 0
        while bits:
            k = min(bits, 8)
            bits -= k
            self.range >>= k
            digit = min(self.code // self.range, (1 << k) - 1)
            self.code -= digit * self.range
            value = value << k | digit
            self.refill()
        return value

    def tree(self, name, bits):
        node = 1
        for _ in range(bits):
            node = node << 1 | self.bit((*name, node))
        return node - (1 << bits)

    def number(self):
        context, width, u = self.before, 0, 0
        if self.bit(("zero", context)):
            below = self.tree(("width", context), 6)
            learning = min(below, 3)
            width, u = below + 1, 1 << learning | self.tree(("below", below), learning)
            u = u << below - learning | self.raw(below - learning)
        self.before = (min(width, 2), context[0])
        return u


def residuals(data, packing, m):
    if packing == 1:
        coded = data.take(data.u())
        coder = Range(coded)
        numbers = [coder.number() for _ in range(m)]
        if coder.at < len(coded):
            raise Damaged("range coded bytes are left over")
        return numbers
    numbers = []
    while len(numbers) < m:
        k, width = min(64, m - len(numbers)), data.byte()
        if width > 64:
            raise Damaged("width")
        bits = int.from_bytes(data.take((k * width + 7) // 8), "little")
        numbers += [bits >> i * width & (1 << width) - 1 for i in range(k)]
    return numbers


def zag(u):
    return (u >> 1) ^ -(u & 1)


def by_mean(first, rest, k):
    values, mean = [first], signed(first << 8)
    for u in rest:
        values.append(signed((signed(mean + 128) >> 8) + zag(u)))
        mean = signed(mean + (signed((values[-1] << 8) - mean) >> k))
    return values


def by_difference(first, rest):
    values = [first]
    for u in rest:
        values.append(signed(values[-1] + zag(u)))
    return values


def column(data, n):
    how = data.byte()
    model, packing, scaled = how & 15, how >> 4 & 7, how >> 7
    if model > 6 or packing > 1:
        raise Damaged("model or packing")
    if n == 0:
        if packing or scaled:
            raise Damaged("an empty column")
        return []
    minimum, g = (data.z(), data.u()) if scaled else (0, 1)
    if scaled and g < 2:
        raise Damaged("scale")
    first = data.z()
    step = data.z() if model == 3 or (model == 2 and n > 1) else 0
    rest = residuals(data, packing, n if model in (0, 3) else max(n - 2, 0) if model == 2 else n - 1)
    if model in (0, 3):
        values = [signed(first + step * i + u) for i, u in enumerate(rest)]
    elif model == 1:
        values = by_difference(first, rest)
    elif model == 2:
        values = [first]
        for i in range(1, n):
            step = signed(step + zag(rest[i - 2])) if i > 1 else step
            values.append(signed(values[-1] + step))
    else:
        values = by_mean(first, rest, 2 * (model - 3))
    return [signed(minimum + v * g) for v in values] if scaled else values


def stamps(body):
    """[(wall milliseconds, boot milliseconds, session, synced)]"""
    data = Bytes(body)
    if data.byte() != 1:
        raise Damaged("version")
    n = data.u()
    walls, boots, sessions = (column(data, n) for _ in range(3))
    data.end()
    if any(not 0 <= s >> 1 < 1 << 32 for s in sessions):
        raise Damaged("session")
    return [(w, signed(w + b), s >> 1, s & 1) for w, b, s in zip(walls, boots, sessions)]


def summary(data):
    low, high, last, sum_low, sum_high = data.z(), data.z(), data.z(), data.u(), data.z()
    return low, high, last, sum_high << 64 | sum_low


def block(body):
    """Number of its stamps, and [(quality, reason, value or None)]; what its header says of the values is checked."""
    data = Bytes(body)
    if data.byte() != 1:
        raise Damaged("version")
    number, n, m = data.u(), data.u(), data.u()
    said = summary(data) if m else None
    qualities = []
    for _ in range(data.u()):
        length, byte = data.u(), data.byte()
        if not 0 < length <= n - len(qualities) or byte & 7 > 4:
            raise Damaged("qualities")
        qualities += [(byte & 7, byte >> 3)] * length
    if len(qualities) != n or sum(q <= 2 for q, _ in qualities) != m:
        raise Damaged("qualities")
    values = column(data, m)
    data.end()
    if values and said != (min(values), max(values), values[-1], sum(values)):
        raise Damaged("the header is not that of the values")
    rest = iter(values)
    return number, [(q, r, next(rest) if q <= 2 else None) for q, r in qualities]


def quarters(body):
    """[(number, n, not good, minimum, maximum, last, sum)]; the days ahead of them are checked."""
    data = Bytes(body)
    if data.byte() != 1:
        raise Damaged("version")
    n, days, day = data.u(), [], 0
    for _ in range(data.u()):
        day = signed(day + data.z())
        count, values, not_good = data.u(), data.u(), data.u()
        days.append((day, count, values, not_good, summary(data) if values else None))
    columns = [column(data, n) for _ in range(8)]
    data.end()
    rows = []
    for at, values, not_good, low, high, last, sum_low, sum_high in zip(*columns):
        rows.append((at, values, not_good, *((low, high, last, sum_high << 64 | sum_low & MASK) if values else (0, 0, 0, 0))))
    if days != list(days_of(rows)):
        raise Damaged("the days are not those of the quarters")
    return rows


def days_of(rows):
    """Runs of one UTC day: number, quarters, n, not good, (minimum, maximum, last, sum)."""
    i = 0
    while i < len(rows):
        day, group = rows[i][0] // 96, []
        while i < len(rows) and rows[i][0] // 96 == day:
            group.append(rows[i])
            i += 1
        said = [r for r in group if r[1]]
        whole = (min(r[3] for r in said), max(r[4] for r in said), said[-1][5], sum(r[6] for r in said)) if said else None
        yield day, len(group), sum(r[1] for r in group), sum(r[2] for r in group), whole


def quarters_of(at, samples):
    """The same from readings: at[i] are stamps, samples[i] what block() gives."""
    rows = []
    for (wall, *_), (quality, _, value) in zip(at, samples):
        number = wall // 900000
        if not rows or rows[-1][0] != number:
            rows.append([number, 0, 0, 0, 0, 0, 0])
        row = rows[-1]
        row[2] += quality != 0
        if value is not None:
            row[3] = value if row[1] == 0 else min(row[3], value)
            row[4] = value if row[1] == 0 else max(row[4], value)
            row[1], row[5], row[6] = row[1] + 1, value, row[6] + value
    return [tuple(row) for row in rows]
