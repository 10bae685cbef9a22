"""A trap is a hint to look: the device that sent it is polled early, nothing of what it says is believed, and no flood disturbs anybody."""
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
from simtest import Checks, SNMP_ENV, Site, wait  # noqa: E402

pued, puectl, pued_sim = sys.argv[1:4]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-traps-")
config, state = os.path.join(work, "site.yaml"), os.path.join(work, "state")
os.makedirs(state, mode=0o700)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]

with Site(pued_sim, "--racks-polled", "32") as sim:
    # one device is read once an hour: what comes sooner came because of a trap
    with open(config, "w") as f:
        f.write("version: 1\nsite:\n  id: traps-test\n  name: {zh: 陷阱, en: Traps}\n  timezone: Asia/Shanghai\n  simulated: true\n"
                "traps: {listen: \"127.0.0.1:%d\"}\n"
                "meters:\n  - {id: utility-a, role: supply, device: utility-a, p_max: 5 MW, class: 0.5S}\n"
                "devices:\n"
                "  - {id: utility-a, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.1:%d/1\", poll: 1s, deadline: 500ms}\n"
                "  - {id: ups, profile: ups-rfc1628, endpoint: \"snmp://public@127.11.1.1:%d\", poll: 1h}\n"
                "  - {id: ups2, profile: ups-rfc1628, endpoint: \"snmp://public@127.11.1.2:%d\", poll: 1h}\n" % (port, sim.modbus, sim.snmp, sim.snmp))
    subprocess.run([puectl, "keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "traps-test", "--simulated", "--from", "2020-01-01T00:00:00Z"],
                   check=True, stdout=subprocess.DEVNULL)
    log = os.path.join(work, "log")
    process = subprocess.Popen([pued, "--config", config, "--state", state, "--http-port", "0", "--clock-offset", str(sim.offset)], stderr=open(log, "w"))

    def text():
        with open(log) as f:
            return f.read()

    def seen(device):
        with open(sim.log) as f:
            return [(int(line.split()[0]) / 1e6, line) for line in f if line.split()[1] == device and " answered" not in line]

    def children():
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as f:
            return [int(x) for x in f.read().split()]

    def quiet(device):
        """How many requests it has had, once no more come."""
        last = [len(seen(device)), time.monotonic()]

        def settled():
            n = len(seen(device))
            if n != last[0]:
                last[:] = [n, time.monotonic()]
            return time.monotonic() - last[1] > 1.5
        wait(20, settled)
        return last[0]

    try:
        check(wait(30, lambda: seen("ups-h1a") and seen("utility-a")), "polled: " + text()[-300:])
        n, other = quiet("ups-h1a"), quiet("ups-h1b")
        child = wait(5, children)
        check(child and len(child) == 1, "one small process receives traps: %s" % child)
        with open("/proc/%d/status" % child[0]) as f:
            status = f.read()
        with open("/proc/%d/exe" % child[0], "rb") as f:
            sanitized = b"san_init" in f.read()      # a sanitizer's run-time needs calls that are refused otherwise
        check(sanitized or re.search(r"Seccomp:\t2", status), "it is sealed: %s" % re.findall(r"Seccomp.*", status))
        check(re.search(r"NoNewPrivs:\t1", status), "it can gain nothing")
        check(len(os.listdir("/proc/%d/fd" % child[0])) <= 5, "it holds its two descriptors and the standard ones")

        # v2c from the device's own address: it alone is polled early
        done = subprocess.run(["snmptrap", "-v2c", "-c", "wrong", "--clientaddr=127.11.1.1", "127.0.0.1:%d" % port, "", "1.3.6.1.6.3.1.1.5.3",
                               "1.3.6.1.2.1.33.1.4.4.1.4.1", "i", "999999"], env=SNMP_ENV, capture_output=True, text=True, timeout=10)
        check(done.returncode == 0 and wait(10, lambda: len(seen("ups-h1a")) > n), "a v2c trap leads to a poll: %s %s" % (done.stderr, text()[-300:]))
        check(quiet("ups-h1b") == other, "nobody else is polled for it")
        check("ups: sent a trap and is polled early" in text(), "it is told")
        n = quiet("ups-h1a")

        # again at once: at most one early poll in ten seconds
        for _ in range(5):
            subprocess.run(["snmptrap", "-v1", "-c", "public", "--clientaddr=127.11.1.1", "127.0.0.1:%d" % port, "1.3.6.1.4.1.318", "127.11.1.1", "6", "5", ""],
                           env=SNMP_ENV, timeout=10)
        check(quiet("ups-h1a") == n, "a device that repeats itself is polled once")

        # v1 and v3 from the other one; then a stranger, garbage and a flood
        subprocess.run(["snmptrap", "-v1", "-c", "public", "--clientaddr=127.11.1.2", "127.0.0.1:%d" % port, "1.3.6.1.4.1.318", "127.11.1.2", "6", "5", ""],
                       env=SNMP_ENV, timeout=10)
        check(wait(10, lambda: len(seen("ups-h1b")) > other), "a v1 trap leads to a poll")
        other = quiet("ups-h1b")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.11.1.1", 0))
            with open(os.path.join(os.path.dirname(__file__), "../fuzz/seeds/trap/v3"), "rb") as f:
                v3 = f.read()
            for garbage in (b"", b"\x30", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01", os.urandom(1400), b"GET / HTTP/1.0\r\n\r\n", v3[:9], b"\x30" * 2000):
                s.sendto(garbage, ("127.0.0.1", port))
            before = len(seen("utility-a"))
            begin = time.monotonic()
            ticks = sum(int(x) for x in open("/proc/%d/stat" % child[0]).read().rsplit(")", 1)[1].split()[11:13])
            while time.monotonic() - begin < 3:
                for _ in range(200):
                    s.sendto(os.urandom(300), ("127.0.0.1", port))
            spent = sum(int(x) for x in open("/proc/%d/stat" % child[0]).read().rsplit(")", 1)[1].split()[11:13]) - ticks
            check(spent <= 0.15 * 3 * os.sysconf("SC_CLK_TCK"), "a flood costs little: %d ticks" % spent)
            starts = [at for at, line in seen("utility-a") if "fc3" in line and "2999" in line]
            gaps = [b - a for a, b in zip(starts, starts[1:])][-4:]
            check(len(seen("utility-a")) > before and max(gaps) < 1.5, "others are polled on during a flood: %s" % gaps)
            check(wait(15, lambda: s.sendto(v3, ("127.0.0.1", port)) and len(seen("ups-h1a")) > n), "after all that a v3 trap leads to a poll")
        check(children() == child, "the receiving process is the same one")

        # the receiving process dies: another one comes by itself
        os.kill(child[0], signal.SIGKILL)
        check(wait(15, lambda: (c := children()) and c != child), "it is started again")
        check("the process that receives traps ended" in text(), "and that is told")

        # nothing that a trap said was taken for a value
        db = sqlite3.connect("file:%s/journal.db?mode=ro" % state, uri=True)
        check(not [r for r in db.execute("select id from series") if "999999" in r[0]], "no series of a trap")
        db.close()
        history = subprocess.run([puectl, "history", "ups/*", "--state", state, "--config", config], capture_output=True, text=True)
        check("999999" not in history.stdout, "no value of a trap")

        # off again by a reload
        with open(config) as f:
            good = f.read()
        with open(config, "w") as f:
            f.write(re.sub(r"traps:.*\n", "", good))
        process.send_signal(signal.SIGHUP)
        check(wait(15, lambda: not children()) is not None or not children(), "without the line nothing receives traps")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    check(code == 0, "ends cleanly: %d" % code)
if check.failed:
    print(text()[-4000:])
shutil.rmtree(work, ignore_errors=True)
check.done()
