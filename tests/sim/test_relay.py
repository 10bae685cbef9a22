"""The relay does to a wire what its rules say: bytes and datagrams counted at both ends, rules changed by the test and not by the clock."""
import os
import socket
import subprocess
import sys
import time
import simtest

RELAY = sys.argv[1]
check = simtest.Checks()


class Relay(simtest.Server):
    def __init__(self, to, *args):
        super().__init__(RELAY, "--to", to, *args)
        self.port = int(self.ready.rsplit(":", 1)[1])

    def rules(self, *rules):
        return self.say(" ".join(rules))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.last = self.line()
        return super().stop()


class Pair:
    """A server socket of the test behind a relay, and a client's connection through it."""

    def __init__(self, *rules):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.relay = Relay("127.0.0.1:%d" % self.listener.getsockname()[1], "--rules", " ".join(rules))
        self.client, self.server = self.connect()

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.relay.port), 10)
        server, _ = self.listener.accept()
        server.settimeout(10)
        return client, server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in (self.client, self.server, self.listener):
            s.close()
        check(self.relay.stop() == 0, "the relay ends cleanly")


def silent(s, seconds=0.2):
    s.settimeout(seconds)
    try:
        return s.recv(1) is None
    except socket.timeout:
        return True
    finally:
        s.settimeout(10)


def ended(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return "reset"


def streams():
    with Pair() as p:
        block = os.urandom(1 << 20)
        import threading
        sender = threading.Thread(target=lambda: (p.client.sendall(block), p.client.shutdown(socket.SHUT_WR)))
        sender.start()
        check(simtest.read_exactly(p.server, len(block)) == block, "a MiB passes as it is")
        check(ended(p.server) is True, "and its end")
        sender.join()
        p.server.sendall(b"still")
        check(simtest.read_exactly(p.client, 5) == b"still", "the other way is open yet")
    for n in range(0, 12):
        with Pair("down:cut=%d" % n) as p:
            p.server.sendall(b"0123456789ab")
            check(simtest.read_exactly(p.client, 99) == b"0123456789ab"[:n], "cut at %d" % n)
    with Pair("down:reset=4#2") as p:
        p.server.sendall(b"0123456789")
        check(simtest.read_exactly(p.client, 10) == b"0123456789", "the first connection is whole")
        client, server = p.connect()
        server.sendall(b"0123456789")
        got = b""
        try:
            while True:
                part = client.recv(100)
                if not part:
                    break
                got += part
        except ConnectionResetError:
            got += b"!"
        check(got.endswith(b"!") and got[:-1] == b"0123"[:len(got) - 1], "the second is reset: %r" % got)
        client.close()
        server.close()
    with Pair("up:stall=3") as p:
        p.client.sendall(b"abcdef")
        check(simtest.read_exactly(p.server, 3) == b"abc" and silent(p.server), "stalls after 3 bytes")
        p.server.sendall(b"x")
        check(simtest.read_exactly(p.client, 1) == b"x", "the other way passes")
    with Pair("down:drip=20") as p:
        begin = time.monotonic()
        p.server.sendall(b"0123456789")
        check(simtest.read_exactly(p.client, 10) == b"0123456789" and time.monotonic() - begin >= 0.18, "drips 20 ms a byte")
    with Pair("down:delay=150+50") as p:
        begin = time.monotonic()
        for i in range(10):
            p.server.sendall(b"%d" % i)
        check(simtest.read_exactly(p.client, 10) == b"0123456789" and time.monotonic() - begin >= 0.15, "late, and in order")
    with Pair("up:inject=ff00") as p:
        p.client.sendall(b"a")
        check(simtest.read_exactly(p.server, 3) == b"\xff\x00a", "injected bytes come first")
    with Pair("up:garble=100") as p:
        p.client.sendall(b"\0" * 50)
        check(sum(bin(b).count("1") for b in simtest.read_exactly(p.server, 50)) == 1, "one bit is turned")


def windows():
    with Pair() as p:
        check(p.relay.rules("both:partition") == "ok", "a partition")
        p.client.sendall(b"waits")
        check(silent(p.server), "nothing passes")
        check(p.relay.rules() == "ok", "no rules")
        check(simtest.read_exactly(p.server, 5) == b"waits", "what waited comes")
        text = bytes(i % 251 for i in range(20000))
        check(p.relay.rules("both:partition") == "ok", "a partition again")
        for at in range(0, 10000, 100):
            p.client.sendall(text[at:at + 100])
        check(silent(p.server, 0.05) and p.relay.rules("up:delay=1+3") == "ok", "which ends")
        for at in range(10000, 20000, 100):
            p.client.sendall(text[at:at + 100])
        check(simtest.read_exactly(p.server, len(text)) == text, "bytes keep their order")
        check(p.relay.rules("both:partition@..0.3s") == "ok", "a window")
        begin = time.monotonic()
        p.client.sendall(b"later")
        check(simtest.read_exactly(p.server, 5) == b"later" and time.monotonic() - begin > 0.1, "comes after the window")
        check(p.relay.rules("up:refuse") == "ok", "refuse")
        check(ended(p.client) == "reset", "open connections are reset")
        try:
            socket.create_connection(("127.0.0.1", p.relay.port), 10).close()
            check(False, "new ones are refused")
        except ConnectionRefusedError:
            check(True, "")
        check(p.relay.rules("") == "ok", "and taken again")
        client, server = p.connect()
        client.sendall(b"x")
        check(simtest.read_exactly(server, 1) == b"x", "by the same port")
        client.close()
        server.close()
        for bad in ("sideways:cut=1", "up:fly=1", "up:cut", "up:cut=x", "up:loss=101", "up:inject=f", "up:cut=1@noon", "up:cut=1#0"):
            check(p.relay.rules(bad).startswith("bad: "), bad)


class Datagrams:
    def __init__(self, *rules, seed="1"):
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.relay = Relay("127.0.0.1:%d" % self.server.getsockname()[1], "--udp", "--seed", seed, "--rules", " ".join(rules))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", self.relay.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.close()
        check(self.relay.stop() == 0, "the relay ends cleanly")

    def through(self, count, quiet=0.3):
        """What comes at the server of `count` datagrams 0, 1, 2, ..."""
        got = []
        for i in range(count):
            self.client.send(i.to_bytes(2, "big"))
            if i % 20 == 19:
                self.take(got, 0.005)   # a socket's buffer is not the wire under test
        self.take(got, quiet)
        return got

    def take(self, got, quiet):
        self.server.settimeout(quiet)
        try:
            while True:
                data, self.peer = self.server.recvfrom(65536)
                got.append(data)
        except socket.timeout:
            pass


def datagrams():
    whole = [i.to_bytes(2, "big") for i in range(200)]
    with Datagrams() as d:
        check(d.through(200) == whole, "all pass, in order")
        d.server.sendto(b"back", d.peer)
        d.client.settimeout(10)
        check(d.client.recv(10) == b"back", "answers find the client")
    with Datagrams("up:loss=30") as d, Datagrams("up:loss=30") as same, Datagrams("up:loss=30", seed="2") as other:
        got = d.through(200)
        check(100 < len(got) < 180 and got == same.through(200) and got != other.through(200), "the seed chooses what is lost: %d" % len(got))
        check(d.relay.stop() == 0 and d.relay.last.endswith("lost %d" % (200 - len(got))), "and counts it: " + d.relay.last)
    with Datagrams("up:duplicate=50") as d:
        got = d.through(200)
        check(250 < len(got) < 350 and set(got) == set(whole), "half of them twice: %d" % len(got))
    with Datagrams("up:reorder=20") as d:
        got = d.through(200)
        check(got != whole and sorted(got) == whole, "some are overtaken")
    with Datagrams("up:truncate=1") as d:
        check(d.through(5) == [b"\0"] * 5, "cut to a byte")
    with Datagrams("up:drop-above=1") as d:
        check(d.through(5) == [], "too big for the path")
    with Datagrams("up:inject=dead") as d:
        check(d.through(3) == [b"\xde\xad", whole[0], b"\xde\xad", whole[1], b"\xde\xad", whole[2]], "strays before each")
    with Datagrams("up:partition") as d:
        check(d.through(5) == [], "a partition loses datagrams")
        check(d.relay.rules() == "ok" and d.through(5) == whole[:5], "and ends")


streams()
windows()
datagrams()
check.done()
