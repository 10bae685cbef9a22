"""Every fault does what its line says, seen from the wire.  Order and counts are checked, times only as bounds from below."""
import os
import socket
import struct
import subprocess
import sys
import time
import simtest

PUED_SIM = sys.argv[1]
check = simtest.Checks()
GATEWAY = "127.10.2.1"      # cabinets rc-h1r1a .. rc-h1r8a are its units 1 to 8
GOOD = bytes.fromhex("0306524300010020")
SIGNATURE = (3, 0, 3)       # function, address, count whose answer is GOOD


def site(*faults, extra=()):
    args = [a for f in faults for a in ("--fault", f)]
    return simtest.Site(PUED_SIM, "--racks-polled", "32", *args, *extra)


def answer_of(s, unit=1, transaction=1, ask=SIGNATURE):
    s.sendall(simtest.request(transaction, unit, *ask))
    return simtest.frame(s)


def good(transaction=1, unit=1, pdu=GOOD):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def silent(s, seconds=0.3):
    s.settimeout(seconds)
    got = simtest.read_exactly(s, 1)
    s.settimeout(10)
    return got == b""


# kind -> what stands on the wire instead of good(): one row each
TABLE = [
    ("bad-unit", lambda a: a[6] != 1 and a[:6] + b"\x01" + a[7:] == good()),
    ("bad-protocol:7", lambda a: a[2:4] == b"\x00\x07" and a[4:] == good()[4:]),
    ("bad-count", lambda a: a == good(pdu=bytes.fromhex("0304") + GOOD[2:6])),
    ("exception:6", lambda a: a == good(pdu=b"\x83\x06")),
    ("exception", lambda a: a == good(pdu=b"\x83\x02")),
    ("foreign-transaction", lambda a: a[0:2] != b"\x00\x01" and a[2:] == good()[2:]),
]


def spoilt_answers():
    for fault, wanted in TABLE:
        with site("rc-h1r1a=" + fault) as sim, sim.connect(GATEWAY) as s:
            a = answer_of(s)
            check(wanted(a), "%s: %s" % (fault, a.hex()))
            check(answer_of(s, unit=2, transaction=5) == good(5, 2), fault + ": the neighbour is well")


def headers():
    with site("rc-h1r1a=bad-length:300", "rc-h1r2a=foreign-transaction:1", "rc-h1r3a=garbage:1", "rc-h1r4a=stall-mid-frame:9",
              "rc-h1r5a=flood:8", "rc-h1r6a=garbage") as sim:
        with sim.connect(GATEWAY) as s:
            s.sendall(simtest.request(1, 1, *SIGNATURE))
            check(simtest.read_exactly(s, len(good())) == good()[:4] + struct.pack(">H", 300) + good()[6:], "bad-length")
            first, second = answer_of(s, 2, 2), simtest.frame(s)
            check(first[:2] != b"\x00\x02" and second == good(2, 2), "a foreign transaction, then the answer")
            s.sendall(simtest.request(3, 3, *SIGNATURE))
            both = simtest.read_exactly(s, 2 * len(good()))
            check(both[len(good()):] == good(3, 3) and both[:len(good())] != good(3, 3), "noise, then the answer")
            s.sendall(simtest.request(4, 4, *SIGNATURE))
            check(simtest.read_exactly(s, 9) == good(4, 4)[:9] and silent(s), "stalls after 9 bytes")
            s.sendall(simtest.request(5, 5, *SIGNATURE))
            flood = simtest.read_exactly(s, 8 * 1024 + len(good()))
            check(flood[-len(good()):] == good(5, 5) and flood[:2] == b"\xde\xad", "8 KiB of foreign frames, then the answer")
            s.settimeout(0.3)
            a = answer_of(s, 6, 6)
            check(a != good(6, 6) and len(a) > 0, "noise")


def silence():
    with site("rc-h1r1a=dead", "rc-h2r1a=refusing", "rc-h3r1a=slow:400", "rc-h4r1a=drip:50", "rc-h1r1b=dead:300") as sim:
        with sim.connect(GATEWAY) as s:
            s.sendall(simtest.request(1, 1, *SIGNATURE) + simtest.request(2, 2, *SIGNATURE))
            check(simtest.frame(s) == good(2, 2), "a dead unit is silent, its neighbour answers")
            check(silent(s), "nothing comes late")
        try:
            sim.connect("127.10.2.3").close()
            check(False, "a refusing gateway takes no connection")
        except ConnectionRefusedError:
            check(True, "")
        with sim.connect("127.10.2.5") as s:
            begin = time.monotonic()
            s.sendall(simtest.request(1, 1, *SIGNATURE) + simtest.request(2, 2, *SIGNATURE))
            check(simtest.frame(s) == good(1, 1) and time.monotonic() - begin >= 0.4, "slow: 400 ms at least")
            check(simtest.frame(s) == good(2, 2), "and the gateway's next request waits for it")
        with sim.connect("127.10.2.7") as s:
            begin = time.monotonic()
            check(answer_of(s) == good() and time.monotonic() - begin >= 0.05 * (len(good()) - 1), "drips")
        with sim.connect("127.10.2.2") as s:
            begin = time.monotonic()
            s.sendall(simtest.request(1, 1, *SIGNATURE) + simtest.request(2, 2, *SIGNATURE))
            check(simtest.frame(s) == good(2, 2) and time.monotonic() - begin >= 0.3, "a dead unit holds its bus 300 ms")


def connections():
    with site("rc-h1r1a=single-connection", "rc-h2r1a=speaks:ssh", "rc-h3r1a=speaks:http", "rc-h4r1a=speaks:modbus-rtu") as sim:
        with sim.connect(GATEWAY) as one:
            check(answer_of(one) == good(), "the first connection")
            with sim.connect(GATEWAY) as two:
                check(simtest.read_exactly(two, 1) == b"", "the second is closed")
            check(answer_of(one, transaction=2) == good(2), "the first goes on")
        with sim.connect("127.10.2.3") as s:
            check(simtest.read_exactly(s, 8) == b"SSH-2.0-", "ssh greets")
        with sim.connect("127.10.2.5") as s:
            s.sendall(simtest.request(1, 1, *SIGNATURE))
            check(simtest.read_exactly(s, 12) == b"HTTP/1.1 400", "http answers")
        with sim.connect("127.10.2.7") as s:
            s.sendall(simtest.request(1, 1, *SIGNATURE))
            check(simtest.read_exactly(s, 11)[:9] == b"\x01" + GOOD, "RTU over TCP")
        sim.stop()
        check("rc-h1r1a connection refused, one is open" in open(sim.log).read(), "the log knows the refused connection")


def energy(s, unit):
    return struct.unpack(">I", answer_of(s, unit, 9, (3, 0x26, 2))[-4:])[0]


def history_at(time, device):
    out = subprocess.run([PUED_SIM, "history", "--racks-polled", "32", "--from", time, "--to", time], check=True, capture_output=True).stdout
    return next(int(l.split()[2]) for l in out.decode().splitlines() if " %s/" % device in l)


def registers():
    """Windows in site time, long past or long to come: nothing waits, and a slow machine sees the same."""
    past, start, future = "2026-01-01T00:10:00+08:00", "2026-01-01T00:00:00+08:00", "2026-01-02T00:00:00+08:00"
    with site("rc-h1r1a=counter-reset", "rc-h1r2a=frozen@" + start, "rc-h1r3a=wrong-order", "rc-h1r4a=wrap@" + past, "rc-h1r5a=swapped:chiller-1",
              "rc-h1r6a=counter-reset@" + past, "rc-h1r7a=counter-reset@2025-12-01T00:00:00+08:00.." + past, "rc-h1r8a=wrap@" + future) as sim:
        with sim.connect(GATEWAY) as s:
            check(energy(s, 1) < 1000, "counts from 0 since the start")
            check(energy(s, 2) == history_at(start, "rc-h1r2a"), "a frozen device says what it said")
            check(answer_of(s, 3, 1, (3, 0x20, 2))[-4:-2] != b"\0\0", "words are reversed")
            check(10 < energy(s, 4) < 5000, "rolled over minutes ago: %d" % energy(s, 4))
            check(answer_of(s, 5, 1, (3, 62, 2)) != answer_of(s, 6, 1, (3, 62, 2)), "answers as another device")
            check(answer_of(s, 5, 1, (4, 62, 2))[7] == 0x84, "with that device's functions")
            check(10 < energy(s, 6) < 5000, "reset minutes ago: %d" % energy(s, 6))
            check(energy(s, 7) >= history_at(past, "rc-h1r7a"), "came back after its reset")
            check(energy(s, 8) > 2**32 - 200000, "near its end, a day before it rolls over: %d" % energy(s, 8))


def restart():
    with site() as sim:
        s = sim.connect(GATEWAY)
        check(answer_of(s) == good(), "before")
        sim.fault("rc-h1r1a=restart:1")
        sim.fault("pdu-h1r1k01a=restart:0")
        _, then = sim.now()
        check(simtest.read_exactly(s, 1) == b"", "connections end at the restart")
        s.close()
        end = time.monotonic() + 30
        while True:
            try:
                with sim.connect(GATEWAY) as again:
                    check(answer_of(again, transaction=3) == good(3), "and back")
                break
            except ConnectionRefusedError:
                check(time.monotonic() < end, "back in time")
                time.sleep(0.02)
        rows = simtest.snmp_rows(simtest.snmp("snmpget", "2c", "127.21.1.1:%d" % sim.snmp, "1.3.6.1.2.1.1.3.0", options=("-r", "9", "-t", "1"))[1])
        _, now = sim.now()
        check(rows and rows[0][2] / 100 <= now - then + 0.1, "uptime counts from the restart: %s" % rows)


def at_a_word():
    """Faults set and cleared while it runs hold when they are confirmed."""
    with site() as sim, sim.connect(GATEWAY) as s:
        check(answer_of(s) == good(), "well")
        sim.fault("rc-h1r1a=exception:6")
        check(answer_of(s) == good(pdu=b"\x83\x06"), "ill")
        check(sim.clear("rc-*") == "ok" and answer_of(s) == good(), "well again")
        sim.fault("rc-h1r2a=refusing")
        check(simtest.read_exactly(s, 1) == b"", "a refusing gateway ends its connections")
        try:
            sim.connect(GATEWAY).close()
            check(False, "and takes none")
        except ConnectionRefusedError:
            check(True, "")
        check(sim.clear("rc-h1r2a") == "ok", "cleared")
        with sim.connect(GATEWAY) as again:
            check(answer_of(again) == good(), "and it listens on the same port")
        for bad in ("fault nobody=dead", "fault rc-h1r1a=ded", "hello"):
            check(sim.say(bad).startswith("bad: "), bad)


def snmp_faults():
    at = "127.21.%d.1"      # pdu-h1rNk01a
    oids = ["1.3.6.1.2.1.1.5.0", "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1", "1.3.6.1.4.1.318.1.1.26.4.3.1.9.1"]
    quick = ("-r", "0", "-t", "0.4")
    with site("pdu-h1r1k01a=dead", "pdu-h1r3k01a=exception:5", "pdu-h1r5k01a=too-big:100", "pdu-h1r7k01a=bad-count", "pdu-h2r1k01a=other-oid",
              "pdu-h2r3k01a=endless-walk", "pdu-h2r5k01a=other-source", "pdu-h2r7k01a=stray-first", "pdu-h3r1k01a=swapped",
              "pdu-h3r3k01a=refusing", "pdu-h3r5k01a=foreign-transaction", "pdu-h3r7k01a=slow:300", "pdu-h4r1k01a=stall-mid-frame:20",
              "pdu-h4r3k01a=garbage") as sim:
        def ask(hall, row, tool="snmpget", version="2c", names=oids, options=("-r", "0", "-t", "10")):
            return simtest.snmp(tool, version, "127.%d.%d.1:%d" % (20 + hall, row, sim.snmp), *names, options=options)
        check("Timeout" in ask(1, 1, options=quick)[2], "dead")
        check("genErr" in ask(1, 3)[2] or "(genError)" in ask(1, 3)[2], "error-status 5: " + ask(1, 3)[2])
        check("tooBig" in ask(1, 5)[2] and "INTEGER" in ask(1, 5, names=oids[1:2])[1], "tooBig, but one by one it goes")
        check(len(simtest.snmp_rows(ask(1, 7)[1])) == 2, "a variable less")
        check("1.3.6.1.4.1.318.1.1.26.4.3.1.5.2" in ask(2, 1)[1], "names that were not asked")
        check("not increasing" in ask(2, 3, "snmpwalk", names=["1.3.6.1.4.1.318.1.1.26.4"])[2], "a walk that does not get ahead")
        for hall, row, name in ((2, 5, "other-source"), (2, 7, "stray-first")):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(10)
            s.bind(("127.0.0.1", 0))
            message = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010105000500")
            s.sendto(message, ("127.%d.%d.1" % (20 + hall, row), sim.snmp))
            first, source = s.recvfrom(4096)
            if name == "other-source":
                check(source[0] == "127.99.0.1" and b"pdu-h2r5k01a" in first, "from %s" % source[0])
            else:
                check(b"pdu-h2r7k01a" not in first and b"pdu-h2r7k01a" in s.recvfrom(4096)[0], "noise before the answer")
            s.close()
        check("13742" in ask(3, 1, "snmpget", names=["1.3.6.1.2.1.1.2.0"])[1], "swapped: the other maker's map")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(10)
        s.connect(("127.23.3.1", sim.snmp))
        s.send(b"x")
        try:
            s.recv(10)
            check(False, "a refusing agent's port is closed")
        except ConnectionRefusedError:
            check(True, "")
        s.close()
        check("Timeout" in ask(3, 5, options=quick)[2], "a foreign request-id is no answer")
        begin = time.monotonic()
        check("INTEGER" in ask(3, 7, options=("-t", "5"))[1] and time.monotonic() - begin >= 0.3, "slow")
        check("INTEGER" not in ask(4, 1, options=quick)[1] and "INTEGER" not in ask(4, 3, options=quick)[1], "cut and garbled datagrams are no answers")


def values():
    with site("rc-h1r1a=ratio:200", "rc-h1r3a=no-value", "utility-a=no-value", "utility-b=no-value:1", "rc-h1r4a=no-value:2",
              "rc-h1r5a=counter-reset:5000") as sim:
        with sim.connect(GATEWAY) as s:
            def power(unit):
                answer = answer_of(s, unit, 1, (3, 0x20, 2))
                return struct.unpack(">i", answer[-4:])[0]
            branches = answer_of(s, 1, 2, (3, 0x100, 120))[9:] + answer_of(s, 1, 2, (3, 0x178, 120))[9:] + answer_of(s, 1, 2, (3, 0x1f0, 16))[9:]
            total = sum(struct.unpack(">%dH" % (len(branches) // 2), branches)[2::8])
            check(abs(power(1) - 2 * total) < 100, "ratio: %d W by the main, %d W by its branches" % (power(1), total))
            check(answer_of(s, 3, 1, (3, 0x20, 2))[-4:] == b"\x7f\xff\xff\xff", "signed: the largest")
            check(answer_of(s, 3, 1, (3, 0x26, 2))[-4:] == b"\xff" * 4, "unsigned: all ones")
            check(answer_of(s, 4, 1, (3, 0x26, 2))[-4:] == b"\xff\xff\xff\xfe", "or one less")
            check(answer_of(s, 3) == good(1, 3), "its signature stands")
            check(5000 <= energy(s, 5) < 5100, "counts from 5000: another meter")
        for address, bits in (("127.10.0.1", "7fc00000"), ("127.10.0.2", "7f800000")):
            with sim.connect(address) as s:
                check(answer_of(s, 1, 1, (3, 3059, 2))[-4:].hex() == bits, "floats: " + bits)


def texts_and_walks():
    quick = ("-r", "0", "-t", "10")
    with site("pdu-h1r1k01a=nasty-text", "pdu-h1r1k01b=no-value", "pdu-h1r3k01a=endless-walk:1", "pdu-h1r5k01a=endless-walk:2") as sim:
        rows = simtest.snmp_rows(simtest.snmp("snmpget", "2c", "127.21.1.1:%d" % sim.snmp, "1.3.6.1.2.1.1.5.0", options=quick)[1])
        check(len(rows[0][2]) > 400 and b"<script>" in rows[0][2] and b"\x1b[" in rows[0][2] and b"\xff" in rows[0][2], "a nasty name")
        rows = simtest.snmp_rows(simtest.snmp("snmpget", "2c", "127.21.1.2:%d" % sim.snmp, "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1", options=quick)[1])
        check(rows[0][2] == -1, "-1 for not available")
        for row, seen in ((3, "circle"), (5, "for ever")):
            name, names = "1.3.6.1.4.1.318.1.1.26.4.3.1.1.1", []
            for _ in range(12):
                rows = simtest.snmp_rows(simtest.snmp("snmpgetnext", "2c", "127.21.%d.1:%d" % (row, sim.snmp), name, options=quick)[1])
                name = rows[0][0]
                names.append(name)
            if seen == "circle":
                check(len(set(names)) <= 5, "a walk in a circle: %s" % names)
            else:
                check(len(set(names)) == 12 and names == sorted(names, key=lambda n: [int(i) for i in n.split(".")]), "new rows for ever: %s" % names)


def some_of_many():
    with site("pdu-*%20=dead") as sim, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for address in ["127.%d.%d.%d" % (21 + hall, 1 + row, unit) for hall in range(4) for row in range(8) for unit in (1, 2)]:
            s.sendto(bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010105000500"), (address, sim.snmp))
        alive = set()
        s.settimeout(2)
        try:
            while True:
                alive.add(s.recvfrom(4096)[1])
        except socket.timeout:
            pass
        check(40 <= len(alive) <= 60, "about a fifth of 64 is dead, not %d" % (64 - len(alive)))


def wrong_calls():
    for args, why in ((("--fault", "nobody=dead"), b"no device fits"), (("--fault", "utility-a=wrap"), b"never rolls over"),
                      (("--fault", "x"), b"DEVICE=KIND"), (("--racks-polled", "33"), b"multiple of 32"), (("--wat",), b"unknown option"),
                      (("--port-base",), b"needs a value")):
        code, _, err = simtest.run(PUED_SIM, "run", *args)
        check(code == 64 and why in err, "%s: exit %d, %s" % (args, code, err))


for part in (spoilt_answers, headers, silence, connections, registers, restart, at_a_word, snmp_faults, values, texts_and_walks, some_of_many, wrong_calls):
    began = time.monotonic()
    part()
    print("%-16s %.1f s" % (part.__name__, time.monotonic() - began))
check.done()
