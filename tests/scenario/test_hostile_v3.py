"""F-dev-23: an SNMPv3 agent that answers everything with Reports: another engine each time, a clock that runs away, floods of both.

Each request ends as an error within its deadline, after two resynchronisations at most; the agent's own good answer is still taken afterwards.

usage: test_hostile_v3.py SNMP_CLIENT
"""
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks  # noqa: E402

client = sys.argv[1]
check = Checks()
DEADLINE = 3.0
REPORTS = {"engine": "1.3.6.1.6.3.15.1.1.4.0", "window": "1.3.6.1.6.3.15.1.1.2.0", "user": "1.3.6.1.6.3.15.1.1.3.0", "digest": "1.3.6.1.6.3.15.1.1.5.0"}


def tlv(tag, body):
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + size + body


def integer(v, tag=2):
    return tlv(tag, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def oid(text):
    ids = [int(x) for x in text.split(".")]
    out = bytes([ids[0] * 40 + ids[1]])
    for i in ids[2:]:
        part = bytes([i & 127])
        while i := i >> 7:
            part = bytes([i & 127 | 128]) + part
        out += part
    return tlv(6, out)


def read(data, at=0):
    """(tag, body, next)"""
    n, head = data[at + 1], 2
    if n & 128:
        k = n & 127
        n, head = int.from_bytes(data[at + 2:at + 2 + k], "big"), 2 + k
    return data[at], data[at + head:at + head + n], at + head + n


def message_id(packet):
    _, body, _ = read(packet)
    _, _, at = read(body)
    _, header, _ = read(body, at)
    return int.from_bytes(read(header)[1], "big")


def message(msg_id, engine, boots, clock, user, pdu):
    header = tlv(0x30, integer(msg_id) + integer(65507) + tlv(4, b"\0") + integer(3))
    usm = tlv(0x30, tlv(4, engine) + integer(boots) + integer(clock) + tlv(4, user) + tlv(4, b"") + tlv(4, b""))
    return tlv(0x30, integer(3) + header + tlv(4, usm) + tlv(0x30, tlv(4, engine) + tlv(4, b"") + pdu))


def report(msg_id, kind, engine, boots, clock):
    bind = tlv(0x30, oid(REPORTS[kind]) + integer(7, 0x41))
    return message(msg_id, engine, boots, clock, b"", tlv(0xA8, integer(0) + integer(0) + integer(0) + tlv(0x30, bind)))


class Agent(threading.Thread):
    """behave(agent, packet) -> datagrams to send back"""

    def __init__(self, behave):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.behave, self.n, self.ended = behave, 0, False
        self.start()

    def run(self):
        while not self.ended:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            packet, who = self.socket.recvfrom(65535)
            self.n += 1
            for answer in self.behave(self, packet):
                self.socket.sendto(answer, who)

    def stop(self):
        self.ended = True
        self.join()
        self.socket.close()


ENGINE = bytes.fromhex("80001f888047110b005cd10001")


def another_engine(agent, packet):
    return [report(message_id(packet), "engine", ENGINE[:-4] + agent.n.to_bytes(4, "big"), 1, 1)]


def runaway_clock(agent, packet):
    kind = "engine" if agent.n == 1 else "window"
    return [report(message_id(packet), kind, ENGINE, 50 + agent.n, 1000 * agent.n)]


def clock_goes_back(agent, packet):
    kind = "engine" if agent.n == 1 else "window"
    return [report(message_id(packet), kind, ENGINE, max(0, 50 - agent.n), 1)]


def both_in_turn(agent, packet):
    return [report(message_id(packet), "engine" if agent.n % 2 else "window", ENGINE[:-1] + bytes([agent.n & 255]), agent.n, agent.n)]


def flood(agent, packet):
    m = message_id(packet)
    return [report(m, "window" if i % 2 else "engine", ENGINE[:-1] + bytes([i]), i, i) for i in range(200)]


def unknown_user(agent, packet):
    return [report(message_id(packet), "engine" if agent.n == 1 else "user", ENGINE, 50, 1000)]


def foreign_ids(agent, packet):
    return [report(message_id(packet) + 1 + i, "engine", ENGINE, 50, 1000) for i in range(50)]


MODES = [another_engine, runaway_clock, clock_goes_back, both_in_turn, flood, unknown_user, foreign_ids]
with tempfile.TemporaryDirectory() as state:
    os.makedirs(os.path.join(state, "credentials"))
    path = os.path.join(state, "credentials/v3")
    with open(path, "w") as f:
        f.write("an authentication phrase\na privacy phrase\n")
    os.chmod(path, 0o600)
    for mode in MODES:
        for security in ("", "?auth=sha256&priv=aes128&credential=v3"):
            name = mode.__name__ + (", sealed" if security else ", open")
            agent = Agent(mode)
            asking = subprocess.Popen([client, "snmpv3://u@127.0.0.1:%d%s" % (agent.port, security), state], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
            for turn in range(2):
                before, begin = agent.n, time.monotonic()
                asking.stdin.write("?\n")
                asking.stdin.flush()
                said = asking.stdout.readline().strip()
                took = time.monotonic() - begin
                check("get of 1 object: " in said, "%s: an error with what was asked: %r" % (name, said))
                check(took <= DEADLINE * 1.1 + 0.5, "%s: ends within its deadline: %.2f s" % (name, took))
                # five reports end it; the library answers a clock's report by sending again, too.  What ends so is silence to the breaker: after
                # three cycles the agent is tried once a minute
                check(agent.n - before <= 10, "%s, turn %d: %d datagrams for one request" % (name, turn, agent.n - before))
            asking.stdin.close()
            check(asking.wait(timeout=10) == 0, "%s: the client ends cleanly: %s" % (name, asking.stderr.read()[-300:]))
            asking.stdout.close()
            asking.stderr.close()
            agent.stop()
check.done()
