#!/usr/bin/python3
"""A certificate from a year of evidence of 200 meters, JSON and PDF, and its offline verification: certificate.py [BUILD] [METERS] [DAYS].

The store is made as a site makes it: statements, then a recording in steps of 15 minutes through `pued --import`.  Beside the two stands what nobody can
save: reading the evidence file's bytes and SHA-256 over them."""
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
METERS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
DAYS = int(sys.argv[3]) if len(sys.argv) > 3 else 365
RACKS = 1000
ROUNDS = 5
BEGIN = 1735660800           # 2025-01-01T00:00+08:00
PUED, PUECTL = f"{BUILD}/agent/pued", f"{BUILD}/agent/puectl"


def meters():
    """(id, extra keys, W): one feed, cooling, and IT meters of the rest; all of one profile."""
    n_it = METERS - 11
    rows = [("feed", "role: supply", n_it * 13000 + 10 * 8000)]
    rows += [(f"cool-{k:02}", "role: cooling, parent: feed", 8000) for k in range(10)]
    rows += [(f"it-{k:03}", f"role: it, point: row_cabinet, parent: feed, feeds: {'storage' if k % 5 == 4 else 'compute'}", 13000) for k in range(n_it)]
    return rows


def site(path, rows):
    with open(f"{path}/site.yaml", "w", encoding="utf-8") as f:
        f.write("version: 1\nsite: {id: bench, name: {zh: 测速, en: benchmark}, timezone: Asia/Shanghai, simulated: true, jurisdiction: city_district,"
                " operation_start: 2016-05-01, retrofit_completed: 2024-12-20}\npack: baoding-2024-clause2\nmeters:\n")
        for name, keys, power in rows:
            f.write(f"  - {{id: {name}, {keys}, p_max: {power * 2 / 1000} kW, class: 0.5S, ct: 250/5, ct_class: 0.5S, applied_by: meter, serial: {name}, power: none,"
                    f" calibrated_until: 2028-01-01}}\n")
        f.write("devices:\n")
        for k, (name, _, _) in enumerate(rows):
            f.write(f"  - {{id: {name}, profile: schneider-iem3000, endpoint: \"modbus+tcp://10.0.{k // 200}.{k % 200 + 1}:502/1\", poll: 60s}}\n")
        f.write("racks: [{csv: racks.csv}]\n")
    its = [name for name, _, _ in rows if name.startswith("it-")]
    with open(f"{path}/racks.csv", "w", encoding="utf-8") as f:
        f.write("id,hall,row,function,rated,feeds,installed\n")
        for k in range(RACKS):
            fed = its[k % len(its)]
            f.write(f"r{k:04},h1,{fed},{'storage' if int(fed[3:]) % 5 == 4 else 'compute'},4 kW,{fed},2024-12-20T00:00:00+08:00\n")


def recording(out, rows):
    """Registers in W.h; the loads are flat, so that each is an exact count."""
    steps = DAYS * 96 + 8
    out.write(f"# poll 15m\n# span 2024-12-31T23:45:00+08:00 {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(BEGIN + steps * 900))}\n".encode())
    names = [(f" {name}/total.energy ", power // 4, 100000 + 977 * k) for k, (name, _, power) in enumerate(rows)]
    for k in range(-1, steps):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + k * 900))
        out.write("".join(f"{at}{name}{offset + quarter * (k + 1)}\n" for name, quarter, offset in names).encode())
    out.close()


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def make(path, rows):
    store = ["--config", f"{path}/site.yaml", "--state", f"{path}/state"]
    os.makedirs(f"{path}/state", mode=0o700)
    site(path, rows)
    run(PUECTL, "keys", "generate", "--dir", f"{path}/state/keys", "--site", "bench", "--simulated", "--from", "2020-01-01T00:00:00Z")
    for words in (["retrofit", "yes", "applicant"], ["cloud_center", "yes", "applicant"], ["operator", "yes", "operator"], ["retrofit_completed", "2024-12-20", "applicant"],
                  ["applied", "2026-01-01", "applicant"]):
        run(PUECTL, "attest", *words[:2], "--role", words[2], "--by", "bench", "--issued", "2026-01-01T00:00:00Z", *store)
    reading, writing = os.pipe()
    feeder = threading.Thread(target=recording, args=(os.fdopen(writing, "wb", buffering=1 << 20), rows))
    feeder.start()
    run(PUED, *store, "--import", "-", "--import-step", "15m", "--import-only", stdin=reading)
    os.close(reading)
    feeder.join()
    return store


def measured(*words):
    """Of the fastest round: CPU of the process and all it starts, wall; and the largest resident size."""
    best = (1e9, 1e9)
    for _ in range(ROUNDS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        run(*words)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        best = min(best, (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall))
    return best


def floor(file):
    start = time.process_time()
    digest = hashlib.sha256()
    with open(file, "rb") as f:
        while piece := f.read(4096):
            digest.update(piece)
    return time.process_time() - start


def main():
    rows = meters()
    with tempfile.TemporaryDirectory(prefix="bench-certificate-", dir=os.environ.get("TMPDIR", ".")) as path:
        os.environ["PUED_DATA"] = os.environ.get("PUED_DATA", os.getcwd())
        store = make(path, rows)
        evidence = f"{path}/state/evidence.db"
        print(f"{DAYS} days of {METERS} meters and {RACKS} racks, evidence.db {os.path.getsize(evidence) / 1e6:.0f} MB; load average {os.getloadavg()[0]:.1f}")
        print(f"reading and SHA-256 of evidence.db:   {floor(evidence):.2f} s CPU")
        cases = [("certificate, JSON and PDF", PUECTL, "certificate", *store, "--out", f"{path}/c", "--issued", "2026-01-02T00:00:00Z"),
                 ("certificate, JSON alone", PUECTL, "certificate", *store, "--out", f"{path}/j", "--no-pdf", "--issued", "2026-01-02T00:00:00Z"),
                 ("verification, offline", PUECTL, "verify", f"{path}/c.json", "--trust", f"{path}/state/keys/trust.json")]
        for name, *words in cases:
            cpu, wall = measured(*words)
            print(f"{name + ':':37} {cpu:.2f} s CPU, {wall:.2f} s wall, the best of {ROUNDS}")
        print(f"largest resident size of a process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB (of the import)")
        print(run(PUECTL, "verify", f"{path}/c.json", "--trust", f"{path}/state/keys/trust.json").splitlines()[0])


main()
