"""What a hostile device costs: at most 5 % of a core and two requests a second above plan, and the good device beside it is not late.

Each peer does its worst for some seconds, one after the other; its cost is pued's processor time less that of the seconds before, when the same
devices had nobody at their ports."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Site, free_port, wait  # noqa: E402

pued, puectl, pued_sim = sys.argv[1:4]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-hostile-")
config, state, log = (os.path.join(work, n) for n in ("site.yaml", "state", "log"))
SECONDS, SHARE, REQUESTS = 8, 0.05, 2
tick = os.sysconf("SC_CLK_TCK")


class Peer:
    """Counts what it is asked; the rest is the row's."""

    def __init__(self, port, kind):
        self.n, self.ended = 0, False
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        if kind == socket.SOCK_STREAM:
            self.socket.listen(8)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            try:
                self.serve()
            except (socket.timeout, ConnectionError, BrokenPipeError):
                continue

    def stop(self):
        self.ended = True
        self.thread.join()
        self.socket.close()


class Tcp(Peer):
    def __init__(self, port):
        super().__init__(port, socket.SOCK_STREAM)

    def serve(self):
        c, _ = self.socket.accept()
        with c:
            c.settimeout(0.2)
            while not self.ended:
                try:
                    request = c.recv(260)
                except socket.timeout:
                    continue
                if not request:
                    return
                self.n += 1
                self.answer(c, request)


class Flood(Tcp):
    """Whole frames of other transactions, as fast as they are taken."""

    def answer(self, c, request):
        frame = struct.pack(">HHHBBB", struct.unpack(">H", request[:2])[0] ^ 0x5555, 0, 5, request[6], 3, 2) + b"\0\1"
        while not self.ended:
            c.sendall(frame * 100)


class Drip(Tcp):
    """The right answer's beginning, a byte each 5 ms, for ever."""

    def answer(self, c, request):
        c.sendall(request[:4] + b"\0\xff" + request[6:8] + b"\xfc")
        while not self.ended:
            c.sendall(b"\0")
            time.sleep(0.005)


class Garbage(Peer):
    """300 datagrams that are no answer, for each question."""

    def __init__(self, port):
        super().__init__(port, socket.SOCK_DGRAM)

    def serve(self):
        packet, who = self.socket.recvfrom(65535)
        self.n += 1
        for i in range(300):
            self.socket.sendto(packet[:i % len(packet)] + os.urandom(8), who)


ports = {"flood": free_port(), "drip": free_port(), "garbage": free_port()}
rows = [("flood", "endless foreign frames", Flood), ("drip", "a byte at a time", Drip), ("garbage", "datagrams that are no answer", Garbage)]

with Site(pued_sim, "--racks-polled", "32") as sim:
    os.makedirs(state, mode=0o700)
    with open(config, "w") as f:
        f.write("version: 1\nsite:\n  id: hostile\n  name: {zh: 恶意, en: Hostile}\n  timezone: Asia/Shanghai\n  simulated: true\n"
                "meters:\n  - {id: good, role: supply, device: good, p_max: 5 MW, class: 0.5S}\n"
                "devices:\n  - {id: good, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.1:%d/1\", poll: 1s, deadline: 500ms}\n"
                "  - {id: flood, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.0.0.1:%d/1\", poll: 1s, deadline: 500ms}\n"
                "  - {id: drip, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.0.0.1:%d/1\", poll: 1s, deadline: 500ms}\n"
                "  - {id: garbage, profile: ups-rfc1628, endpoint: \"snmp://public@127.0.0.1:%d\", poll: 1s, deadline: 500ms}\n"
                % (sim.modbus, ports["flood"], ports["drip"], ports["garbage"]))
    subprocess.run([puectl, "keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "hostile", "--simulated", "--from", "2020-01-01T00:00:00Z"],
                   check=True, stdout=subprocess.DEVNULL)

    def asked_good():
        with open(sim.log) as f:
            return [int(line.split()[0]) / 1e6 for line in f if line.split()[1] == "utility-a" and " answered" not in line]

    def start():
        return subprocess.Popen([pued, "--config", config, "--state", state, "--http-port", "0", "--clock-offset", str(sim.offset)], stderr=open(log, "a"))

    def cost(process):
        """Share of a core over the next seconds."""
        def used():
            fields = open("/proc/%d/stat" % process.pid).read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / tick
        before, begun = used(), time.monotonic()
        wait(SECONDS, lambda: False)
        return (used() - before) / (time.monotonic() - begun)

    try:
        process = start()
        before = len(asked_good())
        check(wait(30, lambda: len(asked_good()) > before + 2), "the good device is polled: %s" % open(log).read()[-300:])
        alone = cost(process)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)
        for name, what, peer in rows:
            # a new process: the breaker of the last one is open already
            p, begun = peer(ports[name]), time.monotonic()
            process = start()
            check(wait(30, lambda: p.n > 0), "%s: was asked" % what)
            n = len(asked_good())
            share = cost(process)
            took, good = time.monotonic() - begun, asked_good()[n:]
            check(share - alone <= SHARE, "%s: costs %.1f %% of a core more than the %.1f %% alone" % (what, (share - alone) * 100, alone * 100))
            check(p.n <= took * (1 + REQUESTS) + 3, "%s: %d requests in %.0f s" % (what, p.n, took))
            check(len(good) >= SECONDS - 2, "%s: the good device was asked %d times in %d s" % (what, len(good), SECONDS))
            process.send_signal(signal.SIGTERM)
            check(process.wait(timeout=40) == 0, "%s: ends cleanly" % what)
            p.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(work)
check.done()
