"""Live devices, asked by pymodbus, Debian's snmp tools and raw sockets, say what history and truth say of the same moment."""
import os
import struct
import subprocess
import sys
import simtest

PUED_SIM = sys.argv[1]
check = simtest.Checks()
Client = simtest.modbus_client()
ENERGY = {"schneider-iem3000": (3203, 4, ">q"), "acrel-adw300": (62, 2, ">i"), "pued-sim-rowcabinet": (0x26, 2, ">I")}
SNMP_ENERGY = {"apc-rpdu2": "1.3.6.1.4.1.318.1.1.26.4.3.1.9.1", "raritan-px2": "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.8"}


def output(*args):
    return subprocess.run((PUED_SIM,) + args, check=True, capture_output=True).stdout


def history(begin, end):
    """{device: (count at begin, count at end)}"""
    rows = {}
    for line in output("history", "--all", "--from", begin, "--to", end, "--step", "15m").decode().splitlines()[1:]:
        when, series, value, quality, ms = line.split()
        rows.setdefault(series.split("/")[0], []).append(int(value))
        check(quality == "good", line)
    return {k: (v[0], v[-1]) for k, v in rows.items()}


def devices(site):
    out = os.path.join(site.dir.name, "site")
    output("site", "--out", out, "--modbus-port", str(site.modbus), "--snmp-port", str(site.snmp))
    rows = []
    for line in open(os.path.join(out, "devices.csv")).read().splitlines()[1:]:
        id, profile, endpoint = line.split(",")[:3]
        host, _, unit = endpoint.split("://")[1].partition("/")
        rows.append((id, profile, host.split(":")[0], int(unit or 0)))
    return rows


def live_counts(site, rows):
    counts, clients = {}, {}
    for id, profile, host, unit in rows:
        if profile in ENERGY:
            if host not in clients:
                clients[host] = Client(host, port=site.modbus)
                check(clients[host].connect(), "connects to " + host)
            at, words, form = ENERGY[profile]
            answer = clients[host].read_holding_registers(at, words, slave=unit)
            check(not answer.isError(), "%s: %s" % (id, answer))
            counts[id] = struct.unpack(form, struct.pack(">%dH" % words, *answer.registers))[0]
        elif profile in SNMP_ENERGY and id.startswith("pdu-h1"):   # a hall of them: each is a process
            out = simtest.snmp("snmpget", "2c", "%s:%d" % (host, site.snmp), SNMP_ENERGY[profile])[1]
            counts[id] = simtest.snmp_rows(out)[0][2]
    for client in clients.values():
        client.close()
    return counts


def live_is_history(site):
    rows = devices(site)
    check(len(rows) == 514, "514 devices, not %d" % len(rows))
    begin, _ = site.now()
    counts = live_counts(site, rows)
    end, _ = site.now()
    between = history(begin, end)
    check(len(counts) == 118 + 64, "118 meters and 64 PDUs, not %d" % len(counts))
    for id, count in counts.items():
        low, high = between[id]
        check(low <= count <= high, "%s: register %d is not within %d and %d" % (id, count, low, high))
        check(high - low < 10000, "%s: the bounds are no bounds" % id)


def values(site):
    client = Client("127.10.0.1", port=site.modbus)
    client.connect()
    words = client.read_holding_registers(3053, 8, slave=1).registers
    l1, l2, l3, total = struct.unpack(">4f", struct.pack(">8H", *words))
    check(abs(l1 + l2 + l3 - total) < 0.01 * total and 500 < total < 2500, "phases %g %g %g are %g kW" % (l1, l2, l3, total))
    volts = struct.unpack(">3f", struct.pack(">6H", *client.read_holding_registers(3027, 6, slave=1).registers))
    amps = struct.unpack(">3f", struct.pack(">6H", *client.read_holding_registers(2999, 6, slave=1).registers))
    factor = struct.unpack(">f", struct.pack(">2H", *client.read_holding_registers(3083, 2, slave=1).registers))[0]
    sum_kw = sum(v * a for v, a in zip(volts, amps)) * factor / 1000
    check(abs(sum_kw - total) < 0.03 * total, "V x A x pf = %g kW, power %g kW" % (sum_kw, total))
    answer = client.read_holding_registers(10, 2, slave=1)
    check(getattr(answer, "exception_code", 0) == 2, "an address outside the map is exception 2: %s" % answer)
    answer = client.read_holding_registers(3059, 2, slave=7)
    check(getattr(answer, "exception_code", 0) == 11, "a foreign unit is exception 11: %s" % answer)
    client.close()
    client = Client("127.10.2.1", port=site.modbus)
    client.connect()
    total = struct.unpack(">i", struct.pack(">2H", *client.read_holding_registers(0x20, 2, slave=1).registers))[0]
    branches = [b for at in (0x100, 0x178, 0x1f0) for b in client.read_input_registers(at, min(120, 0x200 - at), slave=1).registers[2::8]]
    check(len(branches) == 32 and abs(sum(branches) - total) <= 40, "branches %d W, total %d W" % (sum(branches), total))
    check(client.read_discrete_inputs(0, 32, slave=1).bits == [True] * 32, "breakers are closed")
    client.close()
    rows = dict((r[0], r[2]) for r in simtest.snmp_rows(simtest.snmp("snmpbulkwalk", "2c", "127.22.2.1:%d" % site.snmp, "1.3.6.1.4.1.13742.6.5")[1]))
    base = "1.3.6.1.4.1.13742.6.5."
    outlets = [rows[base + "4.3.1.4.1.%d.5" % i] for i in range(1, 13)]
    check(abs(sum(outlets) - rows[base + "2.3.1.4.1.1.5"]) <= 12, "outlets add up to the inlet")
    rows = dict((r[0], r[2]) for r in simtest.snmp_rows(simtest.snmp("snmpwalk", "1", "127.11.1.1:%d" % site.snmp, "1.3.6.1.2.1.33")[1]))
    check(sum(rows["1.3.6.1.2.1.33.1.4.4.1.4.%d" % i] for i in (1, 2, 3)) > 100000, "a UPS gives over 100 kW")
    check(rows["1.3.6.1.2.1.33.1.3.3.1.5.1"] > rows["1.3.6.1.2.1.33.1.4.4.1.4.1"], "a UPS takes more than it gives")


def frames(site):
    with site.connect("127.10.2.1") as s:
        s.sendall(b"".join(simtest.request(t, 1 + t % 8, 3, 0, 3) for t in range(100)))
        for t in range(100):
            answer = simtest.frame(s)
            check(answer == struct.pack(">HHHBBB", t, 0, 9, 1 + t % 8, 3, 6) + bytes.fromhex("524300010020"), "pipelined answer %d" % t)
    with site.connect("127.10.2.1") as s:
        for byte in simtest.request(7, 1, 3, 0, 1):
            s.sendall(bytes([byte]))
        check(simtest.frame(s)[-2:] == b"\x52\x43", "a request byte by byte is answered")
    with site.connect("127.10.2.1") as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        check(simtest.read_exactly(s, 1) == b"", "what is not Modbus is closed")


def same_twice():
    args = ("history", "--from", "2025-03-01T00:00:00+08:00", "--to", "2025-03-02T00:07:00+08:00", "--step", "15m", "--seed", "9")
    one, two, other = output(*args), output(*args), output(*args[:-1], "8")
    check(one == two and one != other, "one seed, one history")
    span, *lines = one.decode().splitlines()
    check(span == "# span 2025-03-01T00:00:00+08:00 2025-03-02T00:07:00+08:00", span)
    check(len(lines) == 118 * 98 and lines[-1].startswith("2025-03-02T00:07:00+08:00 "), "the last line is of --to: " + lines[-1])
    last = {}
    for line in lines:
        _, series, value, _, _ = line.split()
        check(int(value) >= last.get(series, 0), "registers never fall: " + line)
        last[series] = int(value)


def truth_adds_up():
    import json
    truth = json.loads(output("truth", "--from", "2025-01-01T00:00:00+08:00", "--to", "2026-01-01T00:00:00+08:00"))
    meters = truth["meters_mwh"]
    check(sum(v for k, v in meters.items() if k.startswith("utility-")) == truth["total_mwh"], "E_T is the feeds")
    check(sum(v for k, v in meters.items() if k.startswith("rc-")) == truth["it_mwh"], "E_IT is the cabinets")
    check(sum(truth["it_by_function_mwh"].values()) == truth["it_mwh"], "functions are E_IT")
    check(1.225 < truth["total_mwh"] / truth["it_mwh"] < 1.245, "PUE of the demo's year")
    code, _, err = simtest.run(PUED_SIM, "truth", "--from", "2023-01-01T00:00:00Z", "--to", "2025-01-01T00:00:00Z")
    check(code == 11 and b"outside the simulated years" in err, "before the epoch: %d %r" % (code, err))


with simtest.Site(PUED_SIM) as running:
    live_is_history(running)
    values(running)
    frames(running)
    check(running.stop() == 0, "ends cleanly on SIGTERM")
    log = open(running.log).read()
    check("rc-h1r1a fc3 unit 1 at 0 count 3" in log and "pdu-h1r1k01a snmp" in log, "the log has requests")
same_twice()
truth_adds_up()
check.done()
