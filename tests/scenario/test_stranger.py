"""Profiles that a stranger wrote from docs/writing-a-profile.md alone, each with a recording in one of the forms of docs/formats-recording.md:
what the page promises must come out.  And what `puectl probe` offers to paste must be good in a configuration.

usage: test_stranger.py PUECTL PUED_SIM SOURCE_ROOT
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from peers import pymodbus_missing, pymodbus_server, snmpd, snmpd_path  # noqa: E402
from simtest import Checks, Server, free_port  # noqa: E402

puectl, pued_sim, root = sys.argv[1:4]
here = pathlib.Path(__file__).parent / "stranger"
env = dict(os.environ, PUED_DATA=root)
check = Checks()


def run(*args):
    p = subprocess.run([puectl, *args], capture_output=True, text=True, env=env, timeout=60)
    return p.returncode, p.stdout, p.stderr


def fits(found, want):
    if found is None or want == "absent":
        return found is None and want == "absent"
    if want == "none":
        return found["value"] is None
    if isinstance(found["value"], (int, float)):
        return abs(found["value"] - float(want)) <= 1e-9 + abs(float(want)) * 1e-9
    return found["value"] == want


def trials():
    profiles = sorted(here.glob("*.yaml"))
    check(len(profiles) >= 9, "%d profiles" % len(profiles))
    for profile in profiles:
        code, out, err = run("profile", "test", str(profile))
        check(code == 0 and not err and "0 wrong" in out, "%s: %d %s%s" % (profile.name, code, out, err))
        recordings = [f for f in here.glob(profile.stem + ".*") if f.suffix not in (".yaml", ".expect")]
        check(len(recordings) == 1, "%s: %d recordings" % (profile.name, len(recordings)))
        recording = str(recordings[0])
        code, out, err = run("probe", "replay:" + recording, "--profile", str(profile), "--json")
        check(code == 0, "%s: probe: %s" % (profile.name, err))
        points = {p["name"]: p for p in json.loads(out)["points"]} if code == 0 else {}
        code, listed, err = run("profile", "test", str(profile), "--recording", recording)
        check(code == 0 and not err, "%s --recording: %d %s" % (profile.name, code, err))
        lines = (here / (profile.stem + ".expect")).read_text().splitlines()
        check(len(lines) >= 4, "%s: %d expectations" % (profile.name, len(lines)))
        for line in lines:
            name, want = line.split(" ", 1)
            check(fits(points.get(name), want), "%s: %s is %s, expected %s" % (profile.name, name, points.get(name, {}).get("value", "absent"), want))
            check((want == "absent") != any(x.startswith(name + " ") for x in listed.splitlines()), "%s --recording: %s" % (profile.name, name))
    # the wrong kind of recording, and one that nobody knows
    code, out, err = run("profile", "test", str(here / "meter-ct-pt.yaml"), "--recording", str(here / "ups-texts.walk"))
    check(code == 65 and "an SNMP device" in err and "registers" in err, "a walk for a meter: %d %s" % (code, err))
    code, out, err = run("profile", "test", "--recording", str(here / "meter-sentinels.txt"))
    check(code == 65 and "meter-sentinels.txt" in err and "no profile fits" in err, "unknown registers: %d %s" % (code, err))
    code, out, err = run("profile", "test", str(here / "pdu-eight-index.yaml"), "--recording", str(here / "pdu-eight-index.walk"))
    _, texts, _ = run("profile", "test", str(here / "ups-texts.yaml"), "--recording", str(here / "ups-texts.walk"))
    check('(wrong type: "1,234 kWh")' in texts and '(device says: no value: "---")' in texts, "what stands there instead is shown: %s" % texts)
    check("identification" not in texts, "the rules of this profile find it: %s" % texts)
    _, none, _ = run("profile", "test", str(here / "chiller-bits-bcd.yaml"), "--recording", str(here / "meter-mod10k.txt"))
    check("# identification takes no profile" in none, "and where none does, it is said: %s" % none)
    _, words, _ = run("profile", "test", str(here / "meter-sentinels.yaml"), "--recording", str(here / "meter-sentinels.txt"))
    check("(device says: no value: 0x7fff 0xffff 0xffff)" in words, "and the words: %s" % words)
    check("left out: total.4.1.power" in out, "a row without its scale is named: %s" % out)


HEAD = "version: 1\nsite: {id: t1, name: {zh: 试, en: t}, timezone: Asia/Shanghai, simulated: true}\nmeters: []\n"


def paste(what, endpoint, *args, says=()):
    code, out, err = run("probe", endpoint, *args)
    check(code == 0 and "\ndevices:\n" in out, "%s: probe: %d %s" % (what, code, err))
    if code:
        return ""
    block = out[out.index("\ndevices:\n") + 1:]
    with tempfile.TemporaryDirectory() as d:
        site = pathlib.Path(d, "site.yaml")
        site.write_text(HEAD + block)
        code, out, err = run("check", str(site))
    check(code == 0, "%s: check of what probe offers: %d %s%s\n%s" % (what, code, out, err, block))
    for word in says:
        check(word in block, "%s: '%s' is not in\n%s" % (what, word, block))
    return block


def simulated_pdu():
    with tempfile.TemporaryDirectory() as d:
        walk = pathlib.Path(d, "pdu.walk")
        walk.write_text(".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.318.1.3.4.6\n.1.3.6.1.4.1.318.1.1.26.4.3.1.5.1 = INTEGER: 114\n")
        with Server(pued_sim, "snmprec", str(walk)) as server:        # the simulator answers from a walk, too
            port = server.ready.rsplit(":", 1)[1]
            block = paste("v2c", "snmp://publ:c@127.0.0.1:" + port, says=["credential: snmp-read", "device-127-0-0-1-" + port, "profile: apc-rpdu2"])
            check("publ:c" not in block, "the community stays out of the block: %s" % block)
            paste("v1", "snmp://public@127.0.0.1:%s?v=1" % port, says=["?v=1"])
            paste("by name, in Chinese", "snmp://public@localhost:" + port, "--lang", "zh")


def replayed():
    with tempfile.TemporaryDirectory(prefix="a-rather-long-name-that-goes-on-and-on-for-more-than-an-id-may-have-") as d:
        walk = pathlib.Path(d, "pdu.walk")
        walk.write_text(".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.318.1.3.4.6\n.1.3.6.1.4.1.318.1.1.26.4.3.1.5.1 = INTEGER: 114\n")
        paste("a long path", "replay:%s" % walk)


def modbus():
    missing = pymodbus_missing()
    if missing:
        print("skip pymodbus:", missing)
        return
    with pymodbus_server(9, {"hr": [0] * 4000}, {0: "Schneider Electric", 1: "iEM3155 \"x\"", 2: "V1"}) as port:
        paste("Modbus, by what it says of itself", "modbus+tcp://127.0.0.1:%d/9" % port, says=["profile: schneider-iem3000", "-%d-9\n" % port])


def version_3():
    if not snmpd_path():
        print("skip SNMPv3: no snmpd")
        return
    port = free_port(socket.SOCK_DGRAM)
    user = 'createUser me SHA-256 "first phrase" AES "second phrase"'
    with tempfile.TemporaryDirectory() as d, snmpd(d, port, "sysName v3", user, "rouser me priv"):
        credentials = pathlib.Path(d, "credentials")
        credentials.mkdir(mode=0o700)
        (credentials / "phrases").write_text("first phrase\nsecond phrase\n")
        (credentials / "phrases").chmod(0o600)
        where = "snmpv3://me@127.0.0.1:%d" % port
        for options in ("?auth=sha256&priv=aes128&credential=phrases", "?credential=phrases", "?credential=phrases&auth=sha256&priv=aes128"):
            block = paste("v3 " + options, where + options, "--state", d, says=["credential: phrases   #", "snmpv3://me@"])
            check("credential=" not in block and "?\"" not in block and "?&" not in block, block)


CHINESE = "地址\t名称\t数据类型\t单位\t系数\n0x0061\tA相电压\t无符号16位\tV\t0.1\n0x0065\t回水温度\tint16\t℃\t0.1\n"
GERMAN = "Messgerät MX3, Rev. 2\nAdresse;Bezeichnung;Datentyp;Einheit;Faktor\n40001;Raumtemperatur Süd;INT16;°C;0,1\n40002;Lüfter;UINT16;%;1\n"


def imports():
    """A vendor's table in the encodings that spreadsheets save: the same profile, and what was guessed is said."""
    rows = [("UTF-8", CHINESE, "utf-8", ""), ("UTF-8 with its mark", CHINESE, "utf-8-sig", ""), ("UTF-16", CHINESE, "utf-16", "UTF-16"),
            ("GBK", CHINESE, "gb18030", "GB18030"), ("Windows", GERMAN, "cp1252", "WINDOWS-1252"), ("UTF-16 German", GERMAN, "utf-16", "UTF-16")]
    for name, table, encoding, said in rows:
        with tempfile.TemporaryDirectory() as d:
            path, yaml = pathlib.Path(d, "table.csv"), pathlib.Path(d, "imported.yaml")
            path.write_bytes(table.encode(encoding))
            code, out, err = run("profile", "import", str(path))
            check(code == 0, "%s: %d %s" % (name, code, err))
            yaml.write_text(out)
            words = ["at: holding 0x0061, type: u16, unit: \"V\", scale: 1/10, label: \"A相电压\"", "at: holding 0x0065, type: i16", "回水温度"] if table is CHINESE else \
                ["at: holding 0x0000, type: i16, unit: \"°C\", scale: 1/10, label: \"Raumtemperatur Süd\"", "Lüfter"]
            for word in words:
                check(word in out, "%s: '%s' is not in\n%s" % (name, word, out))
            check(("was read as " + said in out) == bool(said), "%s: what it was read as: %s" % (name, out[:200]))
            code, out, err = run("profile", "test", str(yaml))
            check(code == 0 and not err, "%s: the draft is a profile: %s" % (name, err))


trials()
imports()
simulated_pdu()
replayed()
modbus()
version_3()
check.done()
