"""What the scripts of this folder share: start a server, wait for its readiness line, stop it by its own id."""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

from peers import without_serial_ports

SKIP = 77


def skip(sentence):
    print("skipped:", sentence)
    sys.exit(SKIP)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def shared():
    root = os.environ.get("PUED_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
    return root if os.path.isdir(os.path.join(root, "recordings")) else None


def wait(seconds, fn):
    """The first true value of fn, asked again and again for so many seconds at most; None when there was none."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = fn()
        if value:
            return value
        time.sleep(0.05)
    return None


class Server:
    """A process that prints one line when it is ready; `ready` is that line."""

    def __init__(self, *args, bound=30):
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.ready = self.line(bound)
        if self.ready is None:
            self.stop()
            raise SystemExit("%s: not ready" % " ".join(args[:3]))

    def line(self, bound=60):
        """The next line it prints; None when it ends or says nothing."""
        text, end = b"", time.monotonic() + bound
        while not text.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return None
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                return None
            text += part
        return text.decode().strip()

    def say(self, line):
        """A line to its standard input; what it answers."""
        os.write(self.process.stdin.fileno(), line.encode() + b"\n")
        return self.line()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stdin.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Checks:
    def __init__(self):
        self.n = self.failed = 0

    def __call__(self, good, sentence):
        self.n += 1
        if not good:
            self.failed += 1
            print("FAILED:", sentence)

    def done(self):
        print("%d checks, %d failed" % (self.n, self.failed))
        sys.exit(1 if self.failed or not self.n else 0)


def run(*args, env=None):
    done = subprocess.run(args, capture_output=True, env=env)
    return done.returncode, done.stdout, done.stderr


SNMP_ENV = dict(os.environ, MIBS="", SNMPCONFPATH="/nonexistent")
SNMP_OPTIONS = ["-On", "-Ox", "-Oe", "-Ot", "-t", "5", "-r", "1"]


def snmp(tool, version, where, *rest, community="public", options=()):
    code, out, err = run(tool, "-v" + version, "-c", community, *SNMP_OPTIONS, *options, where, *rest, env=SNMP_ENV)
    return code, out.decode("latin-1"), err.decode("latin-1")


def snmp_rows(text):
    """[(oid, type, value)] of what snmpget/snmpwalk print; strings as bytes, numbers as int."""
    rows = []
    joined = []
    for line in text.splitlines():
        if line.startswith(".1.") and " = " in line:
            joined.append(line)
        elif joined and line != "End of MIB":
            joined[-1] += " " + line
    for line in joined:
        oid, value = line.split(" = ", 1)
        kind, _, rest = value.partition(": ")
        if value.strip() == '""':
            rows.append((oid[1:], "STRING", b""))
        elif kind == "Hex-STRING":
            rows.append((oid[1:], "STRING", bytes.fromhex(rest)))
        elif kind in ("INTEGER", "Gauge32", "Counter32", "Counter64", "Timeticks"):
            rows.append((oid[1:], kind, int(rest.split()[0].strip("()"))))
        elif not rest:
            rows.append((oid[1:], "Timeticks" if value.strip().isdigit() else value.strip(), int(value) if value.strip().isdigit() else None))
        else:
            rows.append((oid[1:], kind, rest.strip().lstrip(".")))
    return rows


def parse_time(text):
    import datetime
    return datetime.datetime.fromisoformat(text).timestamp()


def modbus_client():
    without_serial_ports()
    from pymodbus.client.tcp import ModbusTcpClient
    return ModbusTcpClient


class Site(Server):
    """A running pued-sim on free ports, its clock at START when it began."""
    START = "2026-01-01T00:14:30+08:00"

    def __init__(self, pued_sim, *args, start=START, bound=60):
        self.dir = tempfile.TemporaryDirectory()
        ports = os.path.join(self.dir.name, "ports.json")
        self.log = os.path.join(self.dir.name, "log")
        self.offset = int(parse_time(start) - time.time())
        super().__init__(pued_sim, "run", "--site-clock-offset", str(self.offset), "--port-base", "0", "--ports-file", ports,
                         "--log", self.log, *args, bound=bound)
        self.ports = json.load(open(ports))
        self.modbus, self.snmp = self.ports["modbus"], self.ports["snmp"]

    def __exit__(self, kind, *_):
        code = self.stop()
        if code and not kind:
            raise SystemExit("pued-sim ended with %d" % code)

    def now(self):
        """Site time as text, RFC 3339 in UTC, and in seconds."""
        seconds = time.time() + self.offset
        return rfc3339(seconds), seconds

    def fault(self, spec):
        """From now on; answers when it holds."""
        answer = self.say("fault " + spec)
        if answer != "ok":
            raise SystemExit("fault %s: %s" % (spec, answer))

    def clear(self, pattern):
        return self.say("clear " + pattern)

    def connect(self, address, timeout=10):
        s = socket.create_connection((address, self.modbus), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s


def rfc3339(seconds):
    whole = int(seconds // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + ".%03dZ" % int((seconds - whole) * 1000)


def request(transaction, unit, function, address, count):
    return struct.pack(">HHHBBHH", transaction, 0, 6, unit, function, address, count)


def read_exactly(s, n):
    """n bytes, or fewer when the peer closes or is silent."""
    out = b""
    try:
        while len(out) < n:
            part = s.recv(n - len(out))
            if not part:
                break
            out += part
    except (socket.timeout, ConnectionResetError):
        pass
    return out


def frame(s):
    """One Modbus/TCP answer by its header's length, or what came of it."""
    head = read_exactly(s, 7)
    return head + (read_exactly(s, struct.unpack(">H", head[4:6])[0] - 1) if len(head) == 7 else b"")
