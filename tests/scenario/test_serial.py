"""A serial line whole: a pseudo-terminal is the adapter, a link in a folder is /dev/serial/by-id.  Echo, noise, foreign and broken frames; the
adapter pulled out and back under another name (F-net-6, R31).

usage: test_serial.py WIRE_CLIENT PUECTL SOURCE_ROOT
"""
import json
import os
import pathlib
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Server, wait  # noqa: E402

client, puectl, root = sys.argv[1:4]
check = Checks()
DEADLINE = 400
NONE, TIMEOUT = 0, 1


def crc(data):
    c = 0xFFFF
    for b in data:
        c ^= b
        for _ in range(8):
            c = c >> 1 ^ 0xA001 if c & 1 else c >> 1
    return data + struct.pack("<H", c)


class Adapter:
    """A meter at unit 5 behind an adapter: register N holds base + N.  `before`: bytes sent ahead of each answer, made from the request."""

    def __init__(self, base):
        self.base, self.before, self.broken, self.asked = base, lambda request: b"", False, 0
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        self.slave = slave          # held, so that the line does not hang up between two openings
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        data = b""
        while not self.stop.is_set():
            if not select.select([self.master], [], [], 0.05)[0]:
                data = b""
                continue
            data += os.read(self.master, 256)
            if len(data) < 8:
                continue
            request, data = data[:8], b""
            if request != crc(request[:6]) or request[0] != 5:
                continue
            self.asked += 1
            _, function, address, count = struct.unpack(">BBHH", request[:6])
            words = struct.pack(">%dH" % count, *((self.base + address + i) & 0xFFFF for i in range(count)))
            answer = crc(bytes([5, function, len(words)]) + words)
            if self.broken:
                answer = answer[:4] + bytes([answer[4] ^ 1]) + answer[5:]
            os.write(self.master, self.before(request) + answer)

    def pull(self):
        self.stop.set()
        self.thread.join(10)
        os.close(self.slave)
        os.close(self.master)


class Client(Server):
    def __init__(self, endpoint):
        self.process = subprocess.Popen([client, endpoint, str(DEADLINE)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)

    def ask(self):
        """(reason, milliseconds, text)"""
        line = self.say("3 10 2")
        if line is None:
            return -1, 0, "the client ended"
        reason, ms, text = (line.split(" ", 2) + [""])[:3]
        return int(reason), int(ms), text


def plug(folder, adapter):
    link = pathlib.Path(folder, "usb-ACME_RS485-port0")
    link.unlink(missing_ok=True)
    if adapter:
        link.symlink_to(adapter.name)
    return str(link)


def answered(c):
    """Until it answers, as long as a step of the back-off takes."""
    return wait(8, lambda: (lambda a: a if a[0] == NONE else None)(c.ask()))


FOREIGN = crc(bytes([6, 3, 4, 0, 1, 0, 2]))
NOISE = b"\x00\xff\x05\x03\xfe\x05"


def on_the_line(c, adapter):
    rows = [("a plain answer", lambda q: b""), ("two wires echo the request", lambda q: q), ("a foreign frame first", lambda q: FOREIGN),
            ("noise first", lambda q: NOISE), ("echo, noise and a foreign frame", lambda q: q + NOISE + FOREIGN)]
    for name, before in rows:
        adapter.before = before
        for _ in range(3):
            reason, ms, text = c.ask()
            check(reason == NONE and text == "1010 1011", "%s: %s %s" % (name, reason, text))
    adapter.before, adapter.broken = lambda q: b"", True
    reason, ms, text = c.ask()
    check(reason == TIMEOUT and ms <= DEADLINE * 1.1 + 300, "a broken frame is no answer: %s %s ms %s" % (reason, ms, text))
    adapter.broken = False
    check(answered(c) is not None, "and the line is good again")


def pulled_out(c, folder, first):
    plug(folder, None)
    first.pull()
    for _ in range(3):
        reason, ms, text = c.ask()
        check(reason not in (NONE, -1), "nothing is there: %s %s" % (reason, text))
        check(ms <= DEADLINE * 1.1 + 300, "and that is said in time: %s ms" % ms)
    told = wait(8, lambda: (lambda a: a[2] if "plugged in" in a[2] else None)(c.ask()))
    check(told and "usb-ACME_RS485-port0" in told, "the sentence asks for the adapter: %s" % told)
    other = [os.openpty(), os.openpty()]           # takes the old name, so that the adapter comes back under another one
    second = Adapter(2000)
    check(second.name != first.name, "another name: %s, was %s" % (second.name, first.name))
    begun = time.monotonic()
    plug(folder, second)
    back = answered(c)
    check(back and back[2] == "2010 2011", "found again under another name: %s" % (back,))
    check(time.monotonic() - begun < 8, "within a step of the back-off")
    for pair in other:
        for fd in pair:
            os.close(fd)
    return second


def probed(endpoint, folder):
    profile = pathlib.Path(folder, "trial.yaml")
    profile.write_text("profile: trial\nrevision: 1\nsource: invented\npoints:\n  - {name: total.voltage, quantity: voltage, unit: V, at: holding 10}\n")
    p = subprocess.run([puectl, "probe", endpoint, "--profile", str(profile), "--json"], capture_output=True, text=True, env=dict(os.environ, PUED_DATA=root), timeout=60)
    check(p.returncode == 0 and json.loads(p.stdout)["points"][0]["value"] == 2010, "probe of a serial line: %d %s%s" % (p.returncode, p.stdout, p.stderr))


with tempfile.TemporaryDirectory() as folder:
    adapter = Adapter(1000)
    endpoint = "modbus+rtu://%s/5?baud=9600&parity=none" % plug(folder, adapter)
    c = Client(endpoint)
    on_the_line(c, adapter)
    adapter = pulled_out(c, folder, adapter)
    c.stop()
    probed(endpoint, folder)
    adapter.pull()
check.done()
