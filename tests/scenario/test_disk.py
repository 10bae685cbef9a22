#!/usr/bin/python3
"""A whole pued on a disk that is full, stands still, fails, and has no file left to open: test_disk.py PUED PUECTL PUED_SIM.

A file system of its own in a loop device; needs root.  In each case: devices are polled every second all the while, one sentence says what is
the matter and goes away by itself, and no reading is missing afterwards."""
import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Site, skip, wait  # noqa: E402

pued, puectl, pued_sim = sys.argv[1:4]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-disk-")
disk, image, config, log = (os.path.join(work, n) for n in ("disk", "image", "site.yaml", "log"))
state = os.path.join(disk, "state")
EXT4_IOC_SHUTDOWN = 0x8004587D          # _IOR('X', 125, __u32), linux/fs/ext4/ext4.h


def do(*words, code=0):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
    check(done.returncode == code, "%s: exit %d: %s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
    return done.stdout + done.stderr


def mount(path=image):
    return subprocess.run(["mount", "-o", "loop", path, disk], capture_output=True, text=True)


def text():
    with open(log) as f:
        return f.read()


def status():
    with urllib.request.urlopen(page + "api/v1/status", timeout=5) as answer:
        return json.load(answer)


def polls():
    return sum(d["polls"] for d in status()["devices"])


def polled(seconds, what):
    """Twice a second is asked for; at most a tenth may be missing on a busy machine."""
    before, began = polls(), time.monotonic()
    wait(seconds, lambda: False)
    said, took = status(), time.monotonic() - began
    n = sum(d["polls"] for d in said["devices"]) - before
    check(n >= 2 * took * 0.9 - 2 and all(d["state"] == "up" for d in said["devices"]), "%s: %d polls in %.1f s: %s" % (what, n, took, said["devices"]))


def told(words, what, seconds=40):
    said = wait(seconds, lambda: (lambda s: s if re.search(words, s["store"]) else None)(status()))
    check(said, "%s: the store says \"%s\"" % (what, status()["store"]))
    return said


def well(what):
    told("^$|well", "%s: it heals by itself" % what, 90)      # that the disk was slow is said for a minute
    check(wait(10, lambda: not status()["degraded"]), "%s: nothing is degraded: %s" % (what, status()["store"]))


os.makedirs(disk)
with open(image, "wb") as f:
    f.truncate(220 << 20)
if os.geteuid() or not all(map(shutil.which, ("mkfs.ext4", "mount", "fsfreeze", "prlimit"))) or subprocess.run(["mkfs.ext4", "-q", "-F", image], capture_output=True).returncode or mount().returncode:
    skip("a disk of its own needs root and a loop device")
daemon = None
try:
    os.makedirs(os.path.join(state, "keys"), mode=0o700)
    do(puectl, "keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "disk-test", "--simulated", "--from", "2020-01-01T00:00:00Z")
    with Site(pued_sim, "--racks-polled", "32") as sim:
        with open(config, "w") as f:
            f.write("version: 1\nsite:\n  id: disk-test\n  name: {zh: 磁盘, en: Disk}\n  timezone: Asia/Shanghai\n  simulated: true\n"
                    "defaults:\n  meters: {class: 0.5S, p_max: 5 MW}\n  devices: {poll: 1s, deadline: 500ms}\n"
                    "meters:\n  - {id: utility-a, role: supply, device: utility-a}\n  - {id: tx-a1, role: it, device: tx-a1, point: ups_output}\n"
                    "devices:\n  - {id: utility-a, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.1:%d/1\"}\n"
                    "  - {id: tx-a1, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.11:%d/1\"}\n" % (sim.modbus, sim.modbus))
        daemon = subprocess.Popen([pued, "--config", config, "--state", state, "--http-port", "0", "--clock-offset", str(sim.offset)], stderr=open(log, "a"))
        page = (wait(30, lambda: re.findall(r"pages: (http://\S+)", text())) or [""])[-1]
        check(wait(30, lambda: all(d["state"] == "up" for d in status()["devices"])), "devices are up")

        # full: ENOSPC
        with open(os.path.join(disk, "ballast"), "wb") as ballast:
            try:
                while True:
                    ballast.write(bytes(1 << 16))
                    ballast.flush()
            except OSError:
                pass
        told("disk low|disk full|cannot store", "full", 120)
        polled(4, "full")
        told("evidence and reports go on", "full")
        os.unlink(os.path.join(disk, "ballast"))
        well("full")

        # stands still: every write and sync waits
        do("fsfreeze", "-f", disk)
        polled(4, "frozen")
        told("has not answered for", "frozen")
        do("fsfreeze", "-u", disk)
        well("frozen")

        # no descriptor left
        used = max(map(int, os.listdir("/proc/%d/fd" % daemon.pid))) + 1
        limit = "%d:" % used
        do("prlimit", "--pid", str(daemon.pid), "--nofile=" + limit)
        polled(4, "no descriptors")
        do("prlimit", "--pid", str(daemon.pid), "--nofile=4096:")
        well("no descriptors")

        # fails: every operation is EIO, until the disk is there again
        fd = os.open(disk, os.O_RDONLY)
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", 0))
        os.close(fd)
        told("cannot store", "failing")
        polled(4, "failing")
        do("umount", "-l", disk)
        do("cp", "--sparse=always", image, image + "2")         # pued's descriptors keep the dead one in use
        check(mount(image + "2").returncode == 0, "the disk is there again")
        well("failing")

        check(daemon.poll() is None, "it is still the same pued")
        daemon.send_signal(signal.SIGTERM)
        check(daemon.wait(timeout=40) == 0, "it ends well")
        check("VALID" in do(puectl, "verify", "--store", state), "the evidence is whole")
        rows = json.loads(do(puectl, "history", "utility-a/total.power", "--state", state, "--json"))
        times = [time.mktime(time.strptime(r["time"][:19], "%Y-%m-%dT%H:%M:%S")) for r in rows]
        longest = max(b - a for a, b in zip(times, times[1:]))
        check(len(rows) > 20 and longest <= 3, "no reading is missing: %d readings, the longest pause %d s" % (len(rows), longest))
        alarms = [line for line in text().splitlines() if re.search("disk|cannot store", line)]
        print("\n".join(alarms))
        check(len(alarms) <= 16, "few lines in the log: %d" % len(alarms))
finally:
    if daemon and daemon.poll() is None:
        daemon.kill()
        daemon.wait()
    subprocess.run(["fsfreeze", "-u", disk], capture_output=True)
    subprocess.run(["umount", "-l", disk], capture_output=True)
    subprocess.run(["rm", "-r", work])
check.done()
