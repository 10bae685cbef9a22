"""A whole pued: thousands of Modbus and SNMP devices once a second, polled, decoded, folded and stored durably; its CPU, memory and punctuality.

	/usr/bin/python3 tests/bench/daemon.py [--build build] [--modbus N] [--snmp N] [--meters N] [--dead PERCENT] [--refuse PERCENT]
	                                       [--warm SECONDS] [--seconds SECONDS] [--keep]
	/usr/bin/python3 tests/bench/daemon.py --reference      # a site of 1000 racks: 3392 devices, 56,670 points, each with its own period

The devices are processes of their own (bench_devices); only pued's time is counted, from /proc.  A dead device takes connections and reads
questions and never answers; a refusing one has nobody at its port.  When a device was asked is measured where it is asked.

The site's clock is set so that an interval closes, and its leaf is written and judged, in the middle of the measurement."""
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
o.add_argument("--reference", action="store_true", help="the devices of a site of 1000 racks instead; healthy, and few are asked once a second")
o.add_argument("--keep", action="store_true", help="leave the site and its store")
o.add_argument("--under", help="a program that runs pued, as valgrind")
o.add_argument("--hook", help="a shell command during the measurement; $PUED is the process")
o = o.parse_args()
source = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
build = os.path.abspath(o.build)
work = tempfile.mkdtemp(prefix="pued-bench-")
meters = min(o.modbus, o.modbus if o.meters < 0 else o.meters)

# prefix, devices, values each, of them counters, period in ms, protocol
KINDS = [("m", o.modbus, VALUES, 1, o.period, "modbus"), ("p", o.snmp, VALUES, 1, o.period, "snmp")]
REFERENCE = [("pdu", 2000, 12, 1, 60000, "snmp"), ("cab", 80, 232, 50, 30000, "modbus"), ("ups", 16, 60, 2, 10000, "snmp"), ("feed", 170, 30, 1, 15000, "modbus"),
             ("chl", 4, 80, 1, 15000, "modbus"), ("crah", 72, 40, 1, 30000, "modbus"), ("pump", 20, 15, 1, 15000, "modbus"), ("th", 1000, 4, 0, 60000, "snmp"),
             ("gen", 25, 18, 0, 45000, "modbus"), ("ats", 5, 20, 0, 45000, "modbus")]
if o.reference:
    KINDS = REFERENCE
n_devices, n_points = sum(k[1] for k in KINDS), sum(k[1] * k[2] for k in KINDS)
tick = os.sysconf("SC_CLK_TCK")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def write(name, text, mode=0o644):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def place(protocol, k):
    return "holding %d, type: f32, order: abcd" % (2 * k) if protocol == "modbus" else "oid 1.3.6.1.4.1.99.1.%d.0, scale: 0.1" % (k + 1)


def counter_place(protocol, values, k):
    at = VALUES - 1 if values == VALUES else (500 if protocol == "modbus" else 100) + k
    return "holding %d, type: u32, order: abcd" % (2 * at) if protocol == "modbus" else "oid 1.3.6.1.4.1.99.1.%d.0" % (at + 1)


def counter_name(counters, k):
    return "total.energy" if counters == 1 else "c%02d.energy" % k


def profiles():
    """Values that wander, the last ones counters."""
    quantities = [("voltage", "V"), ("current", "A"), ("active_power", "W"), ("reactive_power", "var"), ("frequency", "Hz"), ("apparent_power", "V.A")]
    for name, _, values, counters, _, protocol in KINDS:
        rows = ["profile: bench-%s\nrevision: 1\nsource: invented for a benchmark\npoints:\n" % name]
        free = [k for k in range(300) if k != VALUES - 1]
        for k in range(values - counters):
            quantity, unit = quantities[k % len(quantities)]
            rows.append("  - {name: v%02d, quantity: %s, at: %s, unit: %s}\n" % (k, quantity, place(protocol, free[k]), unit))
        for k in range(counters):
            rows.append("  - {name: %s, quantity: energy, at: %s, unit: kW.h, scale: 0.01, modulus: 1000000}\n" % (counter_name(counters, k), counter_place(protocol, values, k)))
        write("data/collectors/profiles/bench-%s.yaml" % name, "".join(rows))
    for at in "rules/packs", "publish/web", "docs/schema":
        os.makedirs(os.path.join(work, "data", os.path.dirname(at)), exist_ok=True)
        os.symlink(os.path.join(source, at), os.path.join(work, "data", at))


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


def device_rows(ports):
    net = 40
    for name, n, _, _, period, protocol in KINDS:
        for i in range(n):
            to, port = "127.%d.%d.%d" % (net, i // 250, 1 + i % 250), getattr(ports[kind_of(i)], protocol)
            endpoint = "modbus+tcp://%s:%d/1," % (to, port) if protocol == "modbus" else "snmp://%s:%d,bench" % (to, port)
            yield "%s%05d,bench-%s,%s,%dms,%dms\n" % (name, i, name, endpoint, period, min(period * 9 // 10, 5000))
        net += 1


def flat_meters():
    yield "  - {id: m00000, role: supply, p_max: 4 MW, class: 0.5S}\n"
    for i in range(1, meters):
        yield "  - {id: m%05d, role: it, point: row_cabinet, parent: m00000, p_max: 100 kW, class: 0.5S}\n" % i


def reference_meters():
    """About 6300 counters: feeders, UPSs, row cabinets with their branches, the racks' PDUs; cooling beside them."""
    row = "  - {id: %s, role: %s, device: %s, parent: %s, p_max: %s, class: 0.5S%s}\n"
    yield "  - {id: bus, role: bus}\n"
    for i in range(170):
        yield row % ("feed%d" % i, "supply" if i < 2 else "distribution", "feed%05d" % i, "bus", "10 MW" if i < 2 else "2 MW", "")
    for i in range(16):
        yield row % ("ups%din" % i, "ups_input", "ups%05d" % i, "feed%d" % (2 + i), "600 kW", ", energy: c00.energy, power: v02")
        yield row % ("ups%dout" % i, "distribution", "ups%05d" % i, "ups%din" % i, "600 kW", ", energy: c01.energy, power: v08, point: ups_output")
    for i in range(80):
        for k in range(2):
            yield row % ("cab%dm%d" % (i, k), "distribution", "cab%05d" % i, "ups%dout" % (i % 16), "250 kW", ", energy: c%02d.energy, power: v%02d" % (k, 2 + 6 * k))
        for k in range(48):
            yield row % ("cab%db%d" % (i, k), "it", "cab%05d" % i, "cab%dm%d" % (i, k % 2), "12 kW",
                         ", point: row_cabinet, energy: c%02d.energy, power: v%02d" % (2 + k, 14 + 6 * (k % 25)))
    for i in range(2000):
        yield row % ("pdu%d" % i, "rack", "pdu%05d" % i, "cab%db%d" % (i % 80, i // 80), "7 kW", ", power: v02")
    for name, n in ("chl", 4), ("crah", 72), ("pump", 20):
        for i in range(n):
            yield row % ("%s%d" % (name, i), "cooling", "%s%05d" % (name, i), "bus", "900 kW", ", power: v02")


def site(ports):
    write("devices.csv", "id,profile,endpoint,credential,poll,deadline\n" + "".join(device_rows(ports)))
    write("state/credentials/bench", "public\n", 0o600)
    os.chmod(os.path.join(work, "state"), 0o700)
    os.chmod(os.path.join(work, "state/credentials"), 0o700)
    text = ["version: 1\nsite:\n  id: bench\n  name: {zh: 基准, en: Benchmark}\n  timezone: Asia/Shanghai\n  simulated: true\n",
            "  applicant: {name: {zh: 基准, en: Benchmark}, code: 91130600MA0000000Q}\n  operation_start: 2016-05-01\n  boundary: BENCH-1\n",
            "devices:\n  - csv: devices.csv\nstore: {dir: %s/state}\n" % work]
    if o.reference:
        write("racks.csv", "id,hall,rated,feeds\n" + "".join("r%d,h%d,4 kW,pdu%d;pdu%d\n" % (i, i // 250, i, 1000 + i) for i in range(1000)))
        text.append("racks:\n  - csv: racks.csv\n")
    text += ["meters:\n", *(reference_meters() if o.reference else flat_meters())]
    return write("site.yaml", "".join(text))


def clock_offset():
    """The quarter of an hour ends in the middle of what is measured."""
    return int(-(time.time() + o.warm + o.seconds / 2) % 900)


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
    pued = subprocess.Popen((o.under.split() if o.under else []) + [os.path.join(build, "agent/pued"), "--config", config, "--http-port", "0", "--clock-offset", str(clock_offset())], env=env, stderr=log)
    print("%d devices, %d values, %.0f values/s: %s; %d %% dead, %d %% refuse; load %s" %
          (n_devices, n_points, sum(k[1] * k[2] * 1000 / k[4] for k in KINDS), ", ".join("%d %s every %g s" % (k[1], k[0], k[4] / 1000) for k in KINDS),
           o.dead, o.refuse, os.getloadavg()[0]))
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
