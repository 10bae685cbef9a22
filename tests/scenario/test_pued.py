"""pued as it runs on site: starts without any of its peers, catches up when they come, survives kill -9, refuses what is wrong."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Server, free_port, wait  # noqa: E402

pued, puectl, pued_sim = sys.argv[1:4]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-scenario-")
site, state = os.path.join(work, "site"), os.path.join(work, "state")
OFFSET = "-20000000"          # the simulated site's clock: any constant will do


class Daemon:
    def __init__(self, *more, config=None):
        self.log = open(os.path.join(work, "pued.log"), "w+")
        self.process = subprocess.Popen([pued, "--config", config or os.path.join(site, "site.yaml"), "--state", state, "--clock-offset", OFFSET,
                                         "--http-port", "0", *more], stderr=self.log)
        self.url = None
        found = wait(40, lambda: re.search(r"pages: (http://\S+)", self.text()) or self.process.poll() is not None)
        if found and found is not True:
            self.url = found.group(1)

    def text(self):
        with open(self.log.name) as f:
            return f.read()

    def status(self):
        try:
            with urllib.request.urlopen(self.url + "api/v1/status", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def up(self):
        s = self.status()
        return s and sum(d["state"] == "up" for d in s["devices"])

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        code = self.process.wait(timeout=40)
        self.log.close()
        return code


try:
    modbus, snmp = free_port(), free_port()
    subprocess.run([pued_sim, "site", "--out", site, "--modbus-port", str(modbus), "--snmp-port", str(snmp), "--racks-polled", "32"], check=True)
    os.makedirs(os.path.join(state, "credentials"), mode=0o700)
    shutil.copy(os.path.join(site, "credentials/snmp-read"), os.path.join(state, "credentials"))
    with open(os.path.join(site, "site.yaml"), "a") as f:
        f.write("\nmqtt: {host: 127.0.0.1, port: %d, tls: false}\n" % free_port())

    # without a key there is no signing: a sentence with the command that makes one
    d = Daemon()
    check(d.url is None and d.process.wait(timeout=10) not in (0, None) and "keys generate" in d.text(), "no key: " + d.text()[-300:])
    subprocess.run([puectl, "keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "sim-dc1", "--simulated", "--from", "2020-01-01T00:00:00Z"],
                   check=True, stdout=subprocess.DEVNULL)

    # no device, no broker: it runs, serves its pages, and says of each device why it is down
    d = Daemon()
    check(d.url, "starts without any peer: " + d.text()[-300:])
    down = wait(30, lambda: (s := d.status()) and [x for x in s["devices"] if x["state"] == "down" and x["error"]])
    check(down and re.search(r"refused|timed out|no answer|unreachable", down[0]["error"]), "a dead device has its sentence: %s" % (down or [None])[0])
    # more than two hundred are down at once: ten of them have a line of their own, the rest is counted; the page has the latest
    down = wait(60, lambda: (s := d.status()) and len([x for x in s["devices"] if x["state"] == "down"]) > 200 and s)
    lines = [x for x in d.text().splitlines() if "no answer" in x and "mqtt" not in x]
    check(down and 1 <= len(lines) <= 12, "a flood of dead devices is a few lines: %d" % len(lines))
    check(down and len(down["device_events"]) == 40 and {"down"} <= {e["kind"] for e in down["device_events"]}, "events of devices are on the page")
    with urllib.request.urlopen(d.url + "metrics", timeout=5) as answer:
        check(b'pued_device_up{' in answer.read(), "metrics are served")
    # a second instance refuses and names the first
    second = subprocess.run([pued, "--config", os.path.join(site, "site.yaml"), "--state", state, "--clock-offset", OFFSET, "--http-port", "0"],
                            stderr=subprocess.PIPE, text=True, timeout=30)
    check(second.returncode != 0 and str(d.process.pid) in second.stderr, "a second instance names the first: " + second.stderr[-200:])

    # the devices come: it catches up without a restart
    with Server(pued_sim, "run", "--site-clock-offset", OFFSET, "--modbus-port", str(modbus), "--snmp-port", str(snmp), "--racks-polled", "32"):
        # breakers of dead units try once a minute at most, so some are back at once and the rest within it
        check(wait(150, lambda: (d.up() or 0) > 100), "devices come up by themselves: %s" % d.up())
        check(wait(200, lambda: (s := d.status()) and s["power"]["ratio"]), "the power ratio is known: %s" % (d.status() or {}).get("power"))
        # questions over many series, answered from the store and the evidence
        ask = lambda path: json.load(urllib.request.urlopen(d.url + "api/v1/" + path, timeout=20))  # noqa: E731
        newest = ask("latest?series=*power*")["rows"]
        check(newest and all(len(row) == 6 and "power" in row[0] for row in newest), "newest values: %s" % newest[:2])
        powers = [row[0] for row in newest if row[3] == "W" and row[2] is not None]
        total = ask("sum?series=" + ",".join(powers[:20]) + "&step=1m")
        check(total["unit"] == "W" and total["series"] == len(powers[:20]) and total["rows"] and total["rows"][-1][1] > 0, "a sum: %s" % str(total)[:200])
        one = ask("history?series=" + powers[0] + "&step=1m")
        check(one["rows"] and one["rows"][-1][7] is False, "history of one series: %s" % str(one)[:200])
        check(ask("energy?meter=" + next(iter(d.status()["meters"]))["id"])["unit"] == "mW.h", "energy of a meter")
        for wrong in ("sum?step=1m", "sum?series=no/such", "energy?meter=none", "energy", "latest?series=%ff"):
            try:
                ask(wrong)
                check(False, "answered: " + wrong)
            except urllib.error.HTTPError as e:
                check(e.code == 400 and len(json.load(e)["error"]) > 10, "a wrong question gets a sentence: " + wrong)
        # kill -9: the next start goes on with the same evidence, whole
        check(d.stop(signal.SIGKILL) == -signal.SIGKILL, "killed")
        d = Daemon()
        check(d.url and wait(150, lambda: (d.up() or 0) > 100), "after kill -9 it runs again: %s" % d.text()[-200:])
        code = d.stop()
        check(code == 0, "ends cleanly on SIGTERM: %d, %s" % (code, d.text()[-4000:]))
    audit = subprocess.run([puectl, "verify", "--store", state], capture_output=True, text=True, timeout=60)
    check(audit.returncode == 0, "evidence is whole after kill -9: " + audit.stdout + audit.stderr)

    # wrong configurations: exit 78, the place and the next step, and nothing was touched
    bad = os.path.join(site, "bad.yaml")
    with open(os.path.join(site, "site.yaml")) as f:
        text = f.read()
    with open(bad, "w") as f:
        f.write(text.replace("role: transformer", "roll: transformer", 1))
    wrong = subprocess.run([pued, "--config", bad, "--state", state], stderr=subprocess.PIPE, text=True, timeout=30)
    check(wrong.returncode == 78 and re.search(r"bad\.yaml:\d+:\d+: .*did you mean 'role'\?", wrong.stderr), "bad configuration: %d %s" % (wrong.returncode, wrong.stderr[:300]))
    with open(bad, "w") as f:
        f.write(text.replace("simulated: true", "simulated: false", 1))
    wrong = subprocess.run([pued, "--config", bad, "--state", state, "--clock-offset", "5"], stderr=subprocess.PIPE, text=True, timeout=30)
    check(wrong.returncode == 64 and "simulated" in wrong.stderr, "a clock offset is for simulated sites only: %s" % wrong.stderr[-200:])
finally:
    shutil.rmtree(work, ignore_errors=True)
check.done()
sys.exit(1 if check.failed else 0)
