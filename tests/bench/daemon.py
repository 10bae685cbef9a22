"""A whole pued: thousands of Modbus and SNMP devices once a second, polled, decoded, folded and stored durably; its CPU, memory and punctuality.

	/usr/bin/python3 tests/bench/daemon.py [--build build] [--modbus N] [--snmp N] [--meters N] [--dead PERCENT] [--refuse PERCENT]
	                                       [--warm SECONDS] [--seconds SECONDS] [--keep]

The devices are processes of their own (bench_devices); only pued's time is counted, from /proc.  A dead device takes connections and reads
questions and never answers; a refusing one has nobody at its port.  When a device was asked is measured where it is asked."""
import argparse
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

VALUES = 27
o = argparse.ArgumentParser()
for name, default in ("modbus", 5000), ("snmp", 5000), ("meters", -1), ("dead", 0), ("refuse", 0), ("warm", 20), ("seconds", 60), ("period", 1000):
    o.add_argument("--" + name, type=int, default=default)
o.add_argument("--build", default="build")
o.add_argument("--keep", action="store_true", help="leave the site and its store")
o.add_argument("--under", help="a program that runs pued, as valgrind")
o.add_argument("--hook", help="a shell command during the measurement; $PUED is the process")
o = o.parse_args()
source = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
build = os.path.abspath(o.build)
work = tempfile.mkdtemp(prefix="pued-bench-")
meters = min(o.modbus, o.modbus if o.meters < 0 else o.meters)
tick = os.sysconf("SC_CLK_TCK")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def write(name, text, mode=0o644):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def profiles():
    """27 values a device: 26 that wander, the last a counter."""
    kinds = [("voltage", "V"), ("current", "A"), ("active_power", "W"), ("reactive_power", "var"), ("frequency", "Hz"), ("apparent_power", "V.A")]
    for name, place, last in ("bench-meter", lambda k: "holding %d, type: f32, order: abcd" % (2 * k), "holding 52, type: u32, order: abcd"), \
                             ("bench-pdu", lambda k: "oid 1.3.6.1.4.1.99.1.%d.0, scale: 0.1" % (k + 1), "oid 1.3.6.1.4.1.99.1.27.0"):
        rows = ["profile: %s\nrevision: 1\nsource: invented for a benchmark\npoints:\n" % name]
        for k in range(VALUES - 1):
            quantity, unit = kinds[k % len(kinds)]
            rows.append("  - {name: v%02d, quantity: %s, at: %s, unit: %s}\n" % (k, quantity, place(k), unit))
        rows.append("  - {name: total.energy, quantity: energy, at: %s, unit: kW.h, scale: 0.01, modulus: 1000000}\n" % last)
        write("data/collectors/profiles/%s.yaml" % name, "".join(rows))
    for place in "rules/packs", "publish/web", "docs/schema":
        os.makedirs(os.path.join(work, "data", os.path.dirname(place)), exist_ok=True)
        os.symlink(os.path.join(source, place), os.path.join(work, "data", place))


class Devices:
    def __init__(self, *words):
        self.process = subprocess.Popen([os.path.join(build, "tests/bench/bench_devices"), *words], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        self.modbus, self.snmp = int(line[2]), int(line[4])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate(timeout=30)[0])


class Nobody:
    """A port of each kind that is taken, so that no other program can answer there."""
    def __init__(self):
        self.sockets = socket.socket(socket.AF_INET, socket.SOCK_STREAM), socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sockets[0].bind(("127.0.0.1", 0))
        self.modbus = self.sockets[0].getsockname()[1]
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("", 0))
        self.snmp = probe.getsockname()[1]
        probe.close()


def kind_of(i):
    """Spread evenly over the devices, not in one piece."""
    at = i * 37 % 100
    return "dead" if at < o.dead else "refuse" if at < o.dead + o.refuse else "well"


def site(ports):
    rows = ["id,profile,endpoint,credential,poll,deadline\n"]
    times = "%dms,%dms" % (o.period, o.period * 9 // 10)
    for i in range(o.modbus):
        rows.append("m%05d,bench-meter,modbus+tcp://127.40.%d.%d:%d/1,,%s\n" % (i, i // 250, 1 + i % 250, ports[kind_of(i)].modbus, times))
    for i in range(o.snmp):
        rows.append("p%05d,bench-pdu,snmp://127.50.%d.%d:%d,bench,%s\n" % (i, i // 250, 1 + i % 250, ports[kind_of(i)].snmp, times))
    write("devices.csv", "".join(rows))
    write("state/credentials/bench", "public\n", 0o600)
    os.chmod(os.path.join(work, "state"), 0o700)
    os.chmod(os.path.join(work, "state/credentials"), 0o700)
    well = ["m%05d" % i for i in range(meters)]
    text = ["version: 1\nsite:\n  id: bench\n  name: {zh: 基准, en: Benchmark}\n  timezone: Asia/Shanghai\n  simulated: true\n",
            "  applicant: {name: {zh: 基准, en: Benchmark}, code: 91130600MA0000000Q}\n  operation_start: 2016-05-01\n  boundary: BENCH-1\n",
            "devices:\n  - csv: devices.csv\nstore: {dir: %s/state}\nmeters:\n" % work]
    for k, id in enumerate(well):
        text.append("  - {id: %s, role: %s%s, p_max: %s, class: 0.5S}\n" % (id, "it" if k else "supply", ", point: row_cabinet, parent: m00000" if k else "", "100 kW" if k else "4 MW"))
    return write("site.yaml", "".join(text))


def seconds_of(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return int(fields[11]) / tick, int(fields[12]) / tick


def resident_mib(pid, what="VmRSS"):
    return int(re.search(what + r":\s+(\d+)", open("/proc/%d/status" % pid).read()).group(1)) / 1024


def written_bytes(pid):
    return int(re.search(r"^write_bytes: (\d+)", open("/proc/%d/io" % pid).read(), re.M).group(1))


def metrics(url):
    with urllib.request.urlopen(url + "metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(pued_polls\S*) (\S+)$", text, re.M)}


def run():
    profiles()
    ports = {"well": Devices(), "dead": Devices("silent"), "refuse": Nobody()}
    config = site(ports)
    env = dict(os.environ, PUED_DATA=os.path.join(work, "data"))
    subprocess.run([os.path.join(build, "agent/puectl"), "keys", "generate", "--dir", os.path.join(work, "state/keys")], env=env, check=True, stdout=subprocess.DEVNULL)
    log = open(os.path.join(work, "pued.log"), "w")
    pued = subprocess.Popen((o.under.split() if o.under else []) + [os.path.join(build, "agent/pued"), "--config", config, "--http-port", "0"], env=env, stderr=log)
    print("%d Modbus and %d SNMP devices every %d ms, %d values each; %d %% dead, %d %% refuse; %d meters; load %s" %
          (o.modbus, o.snmp, o.period, VALUES, o.dead, o.refuse, meters, os.getloadavg()[0]))
    try:
        time.sleep(o.warm)
        if pued.poll() is not None:
            sys.exit("pued ended: " + open(log.name).read()[:2000])
        print("\n| seconds | user | system | of one core | resident | written/s | descriptors | load |\n|---|---|---|---|---|---|---|---|")
        hook = subprocess.Popen(o.hook, shell=True, env=dict(env, PUED=str(pued.pid), WORK=work)) if o.hook else None
        for _ in range(max(1, o.seconds // 10)):
            (user, system), bytes, start = seconds_of(pued.pid), written_bytes(pued.pid), time.monotonic()
            time.sleep(10)
            took = time.monotonic() - start
            user, system = [(b - a) / took * 100 for a, b in zip((user, system), seconds_of(pued.pid))]
            print("| %.0f | %.1f %% | %.1f %% | **%.1f %%** | %.0f MiB | %.0f KiB | %d | %.1f |" %
                  (took, user, system, user + system, resident_mib(pued.pid), (written_bytes(pued.pid) - bytes) / took / 1024,
                   len(os.listdir("/proc/%d/fd" % pued.pid)), os.getloadavg()[0]), flush=True)
        if hook:
            hook.wait()
        print("\nmost resident: %.0f MiB" % resident_mib(pued.pid, "VmHWM"))
        url = re.search(r"pages: (http://\S+)", open(log.name).read())
        print("polls:", metrics(url.group(1)) if url else "no page")
    finally:
        pued.send_signal(signal.SIGTERM)
        try:
            pued.wait(60)
        except subprocess.TimeoutExpired:
            pued.kill()
        print("asked, ms between two questions to a device that is well:", ports["well"].end())
        ports["dead"].end()
    for line in open(log.name).read().splitlines()[-4:]:
        print("log:", line[:200])


try:
    run()
finally:
    if o.keep:
        print("left in", work)
    else:
        shutil.rmtree(work)
