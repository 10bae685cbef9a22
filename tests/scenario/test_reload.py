"""A changed configuration is taken in while pued runs: who is untouched notices nothing, and the evidence says what changed."""
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Site, wait  # noqa: E402

pued, puectl, pued_sim, root = sys.argv[1:5]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-reload-")
config, state, data = (os.path.join(work, n) for n in ("site.yaml", "state", "data"))
os.makedirs(os.path.join(state, "credentials"), mode=0o700)
shutil.copytree(os.path.join(root, "collectors/profiles"), os.path.join(data, "collectors/profiles"))
for name in ("rules/packs", "publish/web"):
    os.makedirs(os.path.dirname(os.path.join(data, name)), exist_ok=True)
    os.symlink(os.path.join(root, name), os.path.join(data, name))
env = dict(os.environ, PUED_DATA=data)


def write(meters, devices, more="", head=""):
    with open(config, "w") as f:
        f.write("version: 1\nsite:\n  id: reload-test\n  name: {zh: 重载, en: Reload}\n  timezone: Asia/Shanghai\n  simulated: true\n" + head)
        f.write("defaults:\n  meters: {class: 0.5S, p_max: 5 MW}\n  devices: {poll: 1s, deadline: 500ms}\nmeters:\n")
        f.writelines("  - {%s}\n" % m for m in meters)
        f.write("devices:\n")
        f.writelines("  - {%s}\n" % d for d in devices)
        f.write(more)


def secret(text):
    path = os.path.join(state, "credentials/snmp")
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)


def seen(device):
    """[(seconds of the monotonic clock, what)] that pued-sim saw of a device."""
    out = []
    with open(sim.log) as f:
        for line in f:
            at, who, what = line.rstrip("\n").split(" ", 2)
            if who == device:
                out.append((int(at) / 1e6, what))
    return out


def starts(device, since):
    """When each poll began: the first request of each run of requests."""
    out = []
    for at, what in seen(device):
        if at < since or not re.search(r"fc ?\d|read|get", what, re.I):
            continue
        if not out or at - out[-1] > 0.5:
            out.append(at)
    return out


with Site(pued_sim, "--racks-polled", "32") as sim:
    def meter(name, role, more=""):
        return "id: %s, role: %s, device: %s%s" % (name, role, name, more)

    def device(name, host, profile="schneider-iem3000", more=""):
        return 'id: %s, profile: %s, endpoint: "modbus+tcp://%s:%d/1"%s' % (name, profile, host, sim.modbus, more)

    main, second, tx1, tx2 = (device("utility-a", "127.10.0.1"), device("utility-b", "127.10.0.2"), device("tx-a1", "127.10.0.11"), device("tx-a2", "127.10.0.12"))
    ups = 'id: ups-h1a, profile: ups-rfc1628, endpoint: "snmp://127.11.1.1:%d", credential: snmp' % sim.snmp
    meters = [meter("utility-a", "supply"), meter("utility-b", "supply"), meter("tx-a1", "it", ", point: ups_output")]
    secret("public")
    write(meters, [main, second, tx1, ups])
    subprocess.run([puectl, "keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "reload-test", "--simulated", "--from", "2020-01-01T00:00:00Z"],
                   check=True, stdout=subprocess.DEVNULL)
    log = os.path.join(work, "log")
    process = subprocess.Popen([pued, "--config", config, "--state", state, "--http-port", "0", "--clock-offset", str(sim.offset)], stderr=open(log, "w"), env=env)

    def text():
        with open(log) as f:
            return f.read()

    def reload(expect):
        before = len(text())
        process.send_signal(signal.SIGHUP)
        return wait(20, lambda: (m := re.search(r"(reload[ :].*)", text()[before:])) and m.group(1) and re.search(expect, text()[before:]) and text()[before:]) or text()[before:]

    def configurations():
        db = sqlite3.connect("file:%s/evidence.db?mode=ro" % state, uri=True)
        rows = [r[0] for r in db.execute("select bytes from leaf order by ix") if r[0].startswith(b'{"configuration"')]
        db.close()
        return rows

    def profiles(name):
        db = sqlite3.connect("file:%s/evidence.db?mode=ro" % state, uri=True)
        rows = [json.loads(r[0]) for r in db.execute("select bytes from leaf where kind = 3 order by ix")]
        db.close()
        return [r for r in rows if r["profile"] == name]

    try:
        check(wait(30, lambda: all(seen(d) for d in ("utility-a", "utility-b", "tx-a1", "ups-h1a"))), "all four are polled: " + text()[-400:])
        check(wait(20, lambda: len(configurations()) == 1), "the first configuration is a leaf")

        # nothing changed
        check("nothing changed" in reload("nothing changed"), "the same file: " + text()[-200:])

        # one leaves, one comes, one is asked at another distance, one is untouched
        begin = time.monotonic()
        check(wait(10, lambda: len(starts("utility-a", begin)) >= 4), "polls before the change")
        write([meters[0], meters[2], meter("tx-a2", "it", ", point: ups_output")], [tx2, ups, device("tx-a1", "127.10.0.11", more=", poll: 2s"), main])
        said = reload("taken in")
        check(re.search(r"taken in within \d+ ms: 3 devices go on untouched, 1 came or changed, 1 left", said), "difference: " + said)
        at = time.monotonic()
        check(wait(10, lambda: seen("tx-a2")), "the new device is polled")
        check(wait(20, lambda: len(starts("tx-a1", at + 2.5)) >= 3), "polls after it")
        polls = starts("utility-a", begin)
        gaps = [b - a for a, b in zip(polls, polls[1:])]
        check(len(gaps) >= 8 and 0.8 < min(gaps) and max(gaps) < 1.2, "the untouched device misses no poll and keeps its phase: %s" % [round(g, 3) for g in gaps])
        for name in ("utility-a", "tx-a1"):
            check(sum("connect" in w for _, w in seen(name)) == 1 and not any("close" in w for _, w in seen(name)), "%s keeps its socket: %s" % (name, seen(name)[:3]))
        slow = starts("tx-a1", at + 2.5)
        check(len(slow) >= 2 and all(1.7 < b - a < 2.3 for a, b in zip(slow, slow[1:])), "the other period holds: %s" % slow)
        gone = seen("utility-b")
        check("close" in gone[-1][1] and gone[-1][0] < at + 1.5, "the removed device is left alone: %s" % (gone[-1],))
        check(wait(10, lambda: len(configurations()) == 2) and b"utility-b" not in configurations()[-1], "the change is evidence")
        check("restart" not in said and process.poll() is None, "no restart")

        # a bad file changes nothing
        good = open(config).read()
        with open(config, "w") as f:
            f.write(good.replace("role: supply", "roll: supply"))
        said = reload("refused")
        check("the running configuration stays" in said and re.search(r"site\.yaml:\d+:\d+: .*did you mean 'role'", said), "a bad file: " + said)
        told = subprocess.run([puectl, "reload", "--config", config, "--state", state], capture_output=True, text=True, env=env)
        check(told.returncode == 78 and "did you mean" in told.stderr, "puectl reload refuses it: %d %s" % (told.returncode, told.stderr))
        n = len(seen("utility-a"))
        check(wait(5, lambda: len(seen("utility-a")) > n + 1) and process.poll() is None, "polling goes on")
        with open(config, "w") as f:
            f.write(good)

        # a credential that is written anew: the device that uses it is asked with it, by the same process
        n = len(seen("ups-h1a"))
        secret("another")
        check("taken in" in reload("taken in"), "a changed credential is a change: " + text()[-300:])
        secret("public")
        check("taken in" in reload("taken in"), "and back")
        n = len(seen("ups-h1a"))
        check(wait(20, lambda: len(seen("ups-h1a")) > n + 2), "the device is read again")

        # a profile's text changes: who uses it is read by the new one, the others go on
        path = os.path.join(data, "collectors/profiles/ups-rfc1628.yaml")
        with open(path, "a") as f:
            f.write("# a newer text\n")
        said = reload("taken in")
        check(re.search(r"3 devices go on untouched, 1 came or changed", said), "a changed profile: " + said)
        check(wait(20, lambda: len(profiles("ups-rfc1628")) == 2), "its change is a leaf: %s" % profiles("ups-rfc1628"))
        check(len(profiles("schneider-iem3000")) == 1 and len({p["sha256"] for p in profiles("ups-rfc1628")}) == 2, "and the other's is none")

        # the broker moves: its connection is made anew, nobody else's
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        with open(config, "w") as f:
            f.write(good + "mqtt: {host: 127.0.0.1, port: %d, tls: false}\n" % port)
        check("the broker's connection is made anew" in reload("taken in"), "broker: " + text()[-300:])
        check(sum("connect" in w for _, w in seen("utility-a")) == 1, "the untouched socket is still the same one")

        # intervals of another length: not in one store
        with open(config, "w") as f:
            f.write(good.replace("  simulated: true\n", "  simulated: true\n  interval: 30m\n"))
        check("length of intervals cannot change" in reload("refused"), "another interval: " + text()[-300:])

        # what the store was opened with: the same process id, started anew onto the same state
        with open(config, "w") as f:
            f.write(good + "store: {raw_days: 90}\n")
        check("store.raw_days needs a restart" in reload("needs a restart"), "restart where it is needed: " + text()[-300:])
        check(wait(20, lambda: text().count("pages: http") >= 2) and process.poll() is None, "it is back: " + text()[-300:])
        n = len(seen("utility-a"))
        check(wait(15, lambda: len(seen("utility-a")) > n + 1), "and polls")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    check(code == 0, "ends cleanly: %d" % code)
audit = subprocess.run([puectl, "verify", "--store", state], capture_output=True, text=True, timeout=60)
check(audit.returncode == 0, "evidence is whole: " + audit.stdout + audit.stderr)
if check.failed:
    print(open(log).read()[-6000:])
shutil.rmtree(work, ignore_errors=True)
check.done()
