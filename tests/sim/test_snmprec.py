"""pued-sim snmprec serves every OID of a recording, in order, with the value of the recording: asked by Debian's snmp tools."""
import os
import sys
import tempfile
import simtest

PUED_SIM = sys.argv[1]
TYPES = {2: "INTEGER", 4: "STRING", 6: "OID", 64: "IpAddress", 65: "Counter32", 66: "Gauge32", 67: "Timeticks", 70: "Counter64"}
check = simtest.Checks()


def expected(path):
    rows = {}
    for line in open(path, encoding="utf-8", errors="surrogateescape"):
        line = line.rstrip("\r\n")
        if not line or line.startswith("#"):
            continue
        oid, tag, value = line.split("|", 2)
        kind = TYPES[int(tag.rstrip("x"))]
        if kind == "STRING":
            value = bytes.fromhex(value) if tag.endswith("x") else value.encode("utf-8", "surrogateescape")
        elif kind == "IpAddress" and tag.endswith("x"):
            value = ".".join(str(b) for b in bytes.fromhex(value))
        elif kind not in ("OID", "IpAddress"):
            value = int(value)
        else:
            value = value.lstrip(".")
        rows.setdefault(oid, (kind, value))
    return sorted(((oid,) + v for oid, v in rows.items()), key=lambda r: [int(i) for i in r[0].split(".")])


def serve_and_compare(path, versions=("2c", "1")):
    want = expected(path)
    with simtest.Server(PUED_SIM, "snmprec", path, "--community", "public") as server:
        where = server.ready.split()[1]
        for version in versions:
            rows = [r for r in want if version != "1" or r[1] != "Counter64"]
            for tool in ("snmpbulkwalk", "snmpwalk") if version == "2c" else ("snmpwalk",):
                got = simtest.snmp_rows(simtest.snmp(tool, version, where, ".1")[1])
                got = [r for r in got if r[1] not in ("No more variables left in this MIB View (It is past the end of the MIB tree)",)]
                name = "%s: %s -v%s" % (os.path.basename(path), tool, version)
                check([r[0] for r in got] == [r[0] for r in rows], name + ": other OIDs (%d, want %d)" % (len(got), len(rows)))
                for g, w in zip(got, rows):
                    check(g == w, "%s: %s is not %s" % (name, g, w))
        code, out, _ = simtest.snmp("snmpget", "2c", where, want[0][0], "1.3.6.1.4.1.99999.1.0")
        check("No Such Object" in out, "a foreign OID is noSuchObject: " + out)
        code, out, _ = simtest.snmp("snmpget", "2c", where, want[-1][0] + ".77")
        check("No Such" in out, "a foreign instance is missing: " + out)
        code, out, err = simtest.snmp("snmpget", "1", where, want[0][0], "1.3.6.1.4.1.99999.1.0")
        check("noSuchName" in err, "v1 says noSuchName: " + err)
        code, out, err = simtest.snmp("snmpset", "2c", where, want[0][0], "i", "1")
        check(code != 0 and "notWritable" in err, "nothing is written: " + err)
        code, out, err = simtest.snmp("snmpget", "2c", where, want[0][0], community="wrong", options=("-t", "0.3", "-r", "0"))
        check("Timeout" in err, "a foreign community gets no answer: " + err)


def own_recording():
    text = ("# order and doubles of the file do not matter\n"
            "1.3.6.1.4.1.5.10.1|65|4294967295\n1.3.6.1.4.1.5.9.1|70|18446744073709551615\n1.3.6.1.4.1.5.9.1|70|1\n"
            "1.3.6.1.2.1.1.1.0|4|a|b\n1.3.6.1.2.1.1.2.0|6|.1.3.6.1.4.1.5\n1.3.6.1.4.1.5.1|4x|00ff7f\n1.3.6.1.4.1.5.2|2|-2147483648\n"
            "1.3.6.1.4.1.5.3|64|10.1.2.3\n1.3.6.1.4.1.5.4|4|\n1.3.6.1.4.1.5.5|67|77\n1.3.6.1.4.1.5.6|64x|0a010203\n")
    text += "".join("1.3.6.1.4.1.6.1.%d|4|%s\n" % (i, "x" * 200) for i in range(1, 41))
    with tempfile.NamedTemporaryFile("w", suffix=".snmprec") as f:
        f.write(text)
        f.flush()
        serve_and_compare(f.name)
        with simtest.Server(PUED_SIM, "snmprec", f.name) as server:
            oids = ["1.3.6.1.4.1.6.1.%d" % i for i in range(1, 21)]
            code, out, err = simtest.snmp("snmpget", "2c", server.ready.split()[1], *oids)
            check("tooBig" in err or "tooBig" in out, "20 x 200 bytes do not fit: " + err)
    for bad, why in (("1.3.6|99|1\n", "unknown tag"), ("1.3.6.x|2|1\n", "not an OID"), ("1.3.6.1|2|zz\n", "does not fit"), ("hello\n", "OID|TAG|VALUE")):
        with tempfile.NamedTemporaryFile("w", suffix=".snmprec") as f:
            f.write("1.3.6.1.2.1.1.1.0|4|x\n" + bad)
            f.flush()
            code, _, err = simtest.run(PUED_SIM, "snmprec", f.name)
            check(code == 65 and why.encode() in err and b"line 2" in err, "%r: exit %d, %r" % (bad, code, err))


own_recording()
recordings = simtest.shared() and os.path.join(simtest.shared(), "recordings")
for name in sorted(os.listdir(recordings)) if recordings else ():
    if name.endswith(".snmprec"):
        serve_and_compare(os.path.join(recordings, name), ("2c",))
if not recordings:
    print("no ../shared: only our own recording was served")
check.done()
