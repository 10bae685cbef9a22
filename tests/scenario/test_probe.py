"""puectl probe over real sockets: every fact of the public recordings, a real snmpd, a pymodbus server, what answers nothing.

usage: test_probe.py PROBE PUED_SIM SOURCE_ROOT
"""
import csv, json, os, pathlib, re, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from peers import pymodbus_missing, pymodbus_server, snmpd, snmpd_path  # noqa: E402
from simtest import free_port  # noqa: E402

probe, sim, root = sys.argv[1:4]
shared = pathlib.Path(os.environ.get("PUED_SHARED", pathlib.Path(root).parent / "shared"))
env = dict(os.environ, PUED_DATA=root)
failed = []


def check(name, good, detail=""):
    print(("ok   " if good else "FAIL ") + name, detail if not good else "")
    if not good:
        failed.append(name)


def run(*args):
    p = subprocess.run([probe, "probe", *args], capture_output=True, text=True, env=env, timeout=60)
    return p.returncode, p.stdout, p.stderr


def probe_json(endpoint, *args):
    code, out, err = run(endpoint, "--json", *args)
    if code:
        raise AssertionError(f"{endpoint}: exit {code}: {err}")
    return json.loads(out)


UNITS = {"degC": "Cel", "%RH": "%", "kWh": "kW.h", "VA": "V.A"}
QUANTITIES = {"water_flow": "flow"}


def recordings():
    facts = {}
    with open(shared / "recordings" / "expected.csv", newline="") as f:
        for row in csv.DictReader(f):
            facts.setdefault(row["recording"], []).append(row)
    good = total = 0
    for name, rows in facts.items():
        server = subprocess.Popen([sim, "snmprec", str(shared / "recordings" / f"{name}.snmprec")], stdout=subprocess.PIPE, text=True)
        try:
            port = server.stdout.readline().strip().rsplit(":", 1)[1]
            points = {p["source"]: p for p in probe_json(f"snmp://public@127.0.0.1:{port}")["points"]}
        finally:
            server.terminate()
            server.wait()
        for row in rows:
            total += 1
            p = points.get(row["oid"])
            want = row["expected"]
            if want == "none":
                ok = p is None or (p["value"] is None and p["quality"] == "missing")
            elif p is not None and isinstance(p["value"], str):
                ok = p["value"].lower() == want.lower() and p["quantity"] == "state"
            else:
                ok = p is not None and p["value"] is not None and abs(p["value"] - float(want)) <= abs(float(want)) * 0.001 + 1e-9 \
                    and p["unit"] == UNITS.get(row["unit"], row["unit"]) and p["quantity"] == QUANTITIES.get(row["quantity"], row["quantity"])
            good += ok
            if not ok:
                print("     ", name, row["label"], row["oid"], "expected", want, row["unit"], "got", p and (p["value"], p["unit"], p["quantity"]))
    check(f"facts of the recordings: {good} of {total}", good == total and total == 138)


def contract():
    """`probe --json` field by field, as design says it, over the eight recordings."""
    files = sorted(pathlib.Path(shared, "recordings").glob("*.snmprec"))
    if not files:
        print("skip the contract: no recordings")
        return
    fields = ["name", "quantity", "scope", "index", "value", "unit", "quality", "source", "label"]
    vocabulary = json.loads(pathlib.Path(root, "docs/schema/profile.schema.json").read_text())["$defs"]["point"]["properties"]
    check("eight recordings", len(files) == 8, files)
    for f in files:
        d = probe_json(f"replay:{f}")
        points = d["points"]
        wrong = [p for p in points if [k for k in p if k in fields] != fields or set(p) - set(fields) - {"reason", "configured"}
                 or p["quantity"] not in vocabulary["quantity"]["enum"] or p["scope"] not in vocabulary["scope"]["enum"]
                 or p["quality"] not in ("good", "bad", "missing") or (p["value"] is None) != (p["quality"] != "good") or ("reason" in p) != (p["value"] is None)
                 or not re.fullmatch(r"1(\.\d+)+", p["source"]) or isinstance(p["value"], bool)
                 or p["value"] is not None and isinstance(p["value"], str) != (p["quantity"] == "state")]
        check(f"{f.name}: {len(points)} points as agreed", points and not wrong, wrong[:2])
        check(f"{f.name}: names are unique", len({p["name"] for p in points}) == len(points), "")
        check(f"{f.name}: the head", list(d) == ["endpoint", "profile", "identity", "points"] and d["profile"] and d["endpoint"] == f"replay:{f}"
              and d["identity"]["object_id"] and all(isinstance(v, str) for v in d["identity"].values()), list(d))


def real_snmpd():
    if not snmpd_path():
        print("skip real snmpd: not installed")
        return
    port = free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as d, snmpd(d, port, "rocommunity public 127.0.0.1", "sysName probe-test"):
        found = probe_json(f"snmp://public@127.0.0.1:{port}")
        check("a real snmpd is identified", found["identity"]["object_id"].startswith("1.3.6.1.4.1.8072.3.2")
              and found["identity"]["name"] == "probe-test" and "Linux" in found["identity"]["description"], found)
        found = probe_json(f"snmp://public@127.0.0.1:{port}?v=1")
        check("a real snmpd by SNMPv1", found["identity"]["name"] == "probe-test", found)
        code, out, err = run(f"snmp://wrong@127.0.0.1:{port}", "--timeout", "200ms")
        check("wrong community: unavailable", code == 69 and "no answer" in err and "wrong" not in err, (code, err))


def pymodbus():
    missing = pymodbus_missing()
    if missing:
        print("skip pymodbus:", missing)
        return
    with pymodbus_server(7, {"hr": [0xFFCD, 456] + [0] * 98}) as port:
        endpoint = f"modbus+tcp://127.0.0.1:{port}/7"
        found = probe_json(endpoint, "--profile", "th-modbus")
        values = {p["name"]: p["value"] for p in found["points"]}
        check("a pymodbus device is read", values == {"sensor.temperature": -5.1, "sensor.humidity": 45.6}, values)
        code, out, err = run(endpoint, "--profile", "th-modbus", "--decode")
        check("--decode marks the plausible order", code == 0 and "plausible" in out and "holding 0x0000" in out, err)
        check("the block can be pasted", "profile: th-modbus" in out and f'endpoint: "{endpoint}"' in out, out)


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    code, out, err = run(f"modbus+tcp://127.0.0.1:{port}/1", "--profile", "th-modbus")
    check("refused: exit 69 and a sentence", code == 69 and "connection refused" in err and str(port) in err, (code, err))


def hostile_texts():
    """F-dev-32: what a device says of itself is bounded bytes at every output: terminal, JSON, the block to paste."""
    evil = b"<img src=x onerror=alert(1)>\x1b[2J\x07\r\n=cmd|'/c calc'!A0 \xff\xfe \xe2\x80\xae"
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "evil.snmprec")
        with open(path, "w") as f:
            f.write("1.3.6.1.2.1.1.1.0|4x|%s\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.4.6\n1.3.6.1.2.1.1.5.0|4x|%s\n" % (evil.hex(), (evil * 4).hex()))
        for args in ((), ("--json",), ("--lang", "zh")):
            p = subprocess.run([probe, "probe", "replay:" + path, *args], capture_output=True, env=env, timeout=60)
            raw = [b for b in p.stdout + p.stderr if b < 32 and b != 10 or b == 127]
            check(f"no control character leaves {args}", p.stdout and not raw, raw[:5])
            check(f"what leaves is UTF-8, and on a terminal turns no text around {args}", "\u202e" not in p.stdout.decode("utf-8", "strict") or "--json" in args, p.stdout[:200])
            if args == ("--json",):
                check("the text is whole in JSON", "<img src=x onerror=alert(1)>" in json.loads(p.stdout)["identity"]["name"], p.stdout[:300])


def usage():
    for args, code, word in [((), 64, "ENDPOINT is missing"), (("modbus+tcp://h",), 64, "no unit"), (("snmp://a@h", "--profile", "apc-rpdu3"), 64, "did you mean"),
                             (("snmp://h",), 78, "no community"), (("snmp://a@h", "--colour"), 64, "unknown option")]:
        got, _, err = run(*args)
        check(f"usage {args}", got == code and word in err, (got, err))


def scan():
    p = subprocess.run([probe, "scan", "127.0.0.0/30"], capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60)
    check("scan asks first", p.returncode == 64 and "--yes" in p.stderr, p.stderr)
    p = subprocess.run([probe, "scan", "10.0.0.0/8", "--yes"], capture_output=True, text=True, env=env, timeout=60)
    check("scan refuses a whole continent", p.returncode == 64 and "4096" in p.stderr, p.stderr)


usage()
scan()
hostile_texts()
contract()
closed_port()
pymodbus()
real_snmpd()
if (shared / "recordings").is_dir():
    recordings()
else:
    print("skip recordings: no", shared)
sys.exit(1 if failed else 0)
