"""A real pymodbus server as peer: every type in every word and byte order, from all four kinds of register, in one device.

The words are made by Python, independently of the program, and what `puectl probe` says must be the numbers that went in.

usage: test_pymodbus.py PUECTL SOURCE_ROOT
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from peers import pymodbus_missing, pymodbus_server  # noqa: E402
from simtest import Checks, skip  # noqa: E402

puectl, root = sys.argv[1:3]
if pymodbus_missing():
    skip("pymodbus: %s" % pymodbus_missing())
check = Checks()


def bcd(v, words):
    return bytes.fromhex(str(v).zfill(words * 4))


def mod10k(v, words):
    digits = str(v).zfill(words * 4)
    return b"".join(struct.pack(">H", int(digits[i:i + 4])) for i in range(0, words * 4, 4))


def sign_magnitude(v, size):
    return (abs(v) | (1 << (size * 8 - 1) if v < 0 else 0)).to_bytes(size, "big")


# type: [(value, big-endian bytes)]
VALUES = {
    "u16": [(v, v.to_bytes(2, "big")) for v in (0, 1, 0x1234, 65535)],
    "i16": [(v, v.to_bytes(2, "big", signed=True)) for v in (-1, -32768, 32767, -51)],
    "u32": [(v, v.to_bytes(4, "big")) for v in (1, 0x12345678, 4294967295)],
    "i32": [(v, v.to_bytes(4, "big", signed=True)) for v in (-1, -2147483648, 305419896)],
    "u48": [(v, v.to_bytes(6, "big")) for v in (1, 0x123456789ABC)],
    "i48": [(v, v.to_bytes(6, "big", signed=True)) for v in (-2, 0x123456789ABC, -140737488355328)],
    "u64": [(v, v.to_bytes(8, "big")) for v in (1, 0x0012345678ABCDEF)],
    "i64": [(v, v.to_bytes(8, "big", signed=True)) for v in (-3, 0x0012345678ABCDEF, -0x0012345678ABCDEF)],
    "f32": [(v, struct.pack(">f", v)) for v in (230.5, -0.125, 12345678.0)],
    "f64": [(v, struct.pack(">d", v)) for v in (230.5, -0.125, 123456789012.25)],
    "bcd16": [(v, bcd(v, 1)) for v in (0, 9999, 1234)],
    "bcd32": [(v, bcd(v, 2)) for v in (12345678, 99999999)],
    "bcd48": [(v, bcd(v, 3)) for v in (123456789012,)],
    "bcd64": [(v, bcd(v, 4)) for v in (1234567890123456,)],
    "mod10k32": [(v, mod10k(v, 2)) for v in (12345678, 10000)],
    "mod10k48": [(v, mod10k(v, 3)) for v in (123456789012,)],
    "mod10k64": [(v, mod10k(v, 4)) for v in (1234567890123456,)],
    "sm16": [(v, sign_magnitude(v, 2)) for v in (-1, 32767, -12345)],
    "sm32": [(v, sign_magnitude(v, 4)) for v in (-1, 305419896, -305419896)],
}
ORDERS = {"abcd": lambda w: w, "cdab": lambda w: w[::-1], "badc": lambda w: [x[::-1] for x in w], "dcba": lambda w: [x[::-1] for x in w[::-1]]}
BITS = [i % 3 == 0 or i % 7 == 1 for i in range(40)]

points, expected = [], {}
words = {"holding": [0] * 2000, "input": [0] * 2000}
for space in words:
    at = 3
    for kind, values in VALUES.items():
        for value, data in values:
            for order, arrange in ORDERS.items():
                name = "%s.n%d.count" % ("total", len(points))
                parts = arrange([data[i:i + 2] for i in range(0, len(data), 2)])
                # one register is left out now and then, so that requests have gaps; some values are asked alone
                for i, part in enumerate(parts):
                    words[space][at + i] = struct.unpack(">H", part)[0]
                order_word = order if len(parts) > 1 else {"abcd": "ab", "cdab": "ab", "badc": "ba", "dcba": "ba"}[order]
                what = "quantity: voltage, unit: V, range: [-1000000000000, 1000000000000]" if kind[0] == "f" else "quantity: count, unit: '1'"
                points.append("  - {name: %s, %s, at: %s %d, type: %s, order: %s}" % (name, what, space, at, kind, order_word))
                expected[name] = value
                at += len(parts) + len(points) % 2
for space, offset in (("coil", 0), ("discrete", 5)):
    for i in range(0, 30):
        name = "total.%s%d.state" % (space, i)
        points.append("  - {name: %s, at: %s %d, states: {0: 'off', 1: 'on'}}" % (name, space, i))
        expected[name] = "on" if BITS[i + offset] else "off"

registers = {"hr": words["holding"], "ir": words["input"], "co": [int(b) for b in BITS], "di": [int(b) for b in BITS[5:]] + [0] * 5}
identity = {0: "ACME Ltd", 1: "EVERYTHING-1", 2: "3.1.4", 4: "All of it"}
with tempfile.TemporaryDirectory() as data, pymodbus_server(17, registers, identity) as port:
    os.makedirs(os.path.join(data, "collectors/profiles"))
    with open(os.path.join(data, "collectors/profiles/everything.yaml"), "w") as f:
        f.write("profile: everything\nrevision: 1\ntitle: all types and orders\nsource: invented for this test\nidentify: {vendor: ACME*, product: EVERYTHING-?, version: 3.*}\npoints:\n" + "\n".join(points) + "\n")
    with open(os.path.join(data, "collectors/profiles/other.yaml"), "w") as f:
        f.write("profile: other\nrevision: 1\nsource: invented\nidentify: {server_id: '*NOBODY*'}\npoints:\n  - {name: total.voltage, quantity: voltage, unit: V, at: holding 3}\n")

    def probe(*args):
        return subprocess.run([puectl, "probe", "modbus+tcp://127.0.0.1:%d/17" % port, *args, "--json"], capture_output=True, text=True,
                              env=dict(os.environ, PUED_DATA=data), timeout=60)

    # function 43/14: recognised by what the server says of itself
    done = probe()
    told = json.loads(done.stdout) if done.returncode == 0 else {}
    check(told.get("profile") == "everything" and told["identity"]["vendor"] == "ACME Ltd" and told["identity"]["model"] == "EVERYTHING-1"
          and told["identity"]["firmware"] == "3.1.4", "function 43: %s %s" % (done.stderr[-300:], told.get("identity")))
    done = probe("--profile", "everything")
    check(done.returncode == 0, "probe: %s" % done.stderr[-600:])
    found = {p["name"]: p for p in json.loads(done.stdout)["points"]} if done.returncode == 0 else {}
wrong = [(n, expected[n], found.get(n, {}).get("value"), found.get(n, {}).get("source")) for n in expected
         if n not in found or (found[n]["value"] != expected[n] if isinstance(expected[n], (int, str)) else abs(found[n]["value"] - expected[n]) > 0.0005)]
check(found and not wrong, "%d of %d values differ: %s" % (len(wrong), len(expected), wrong[:5]))
check(len(expected) > 400, "%d values of %d types in 4 orders" % (len(expected), len(VALUES)))
check.done()
