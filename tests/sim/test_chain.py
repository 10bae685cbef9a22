"""From the simulator's registers to the numbers of puectl, against the simulator's truth: two programs that know nothing of each other.

A day of history folded by `puectl replay` has the energies of the model to one count of each register, with every fault of a
register.  A probe of each kind of device finds its profile and says what the model says."""
import json
import os
import subprocess
import sys
import tempfile
import simtest

PUED_SIM, PUECTL = sys.argv[1:3]
check = simtest.Checks()
FROM, TO = "2024-12-31T23:45:00+08:00", "2025-01-02T00:15:00+08:00"
AT = "2025-01-01T10:07:00+08:00"
COUNT = {"utility": 1000, "tx-": 1000}   # mW.h of a register's count; the others 10000


def output(*args):
    return subprocess.run(args, check=True, capture_output=True).stdout


def fold(dir, *faults):
    path = os.path.join(dir, "history.txt")
    args = [a for f in faults for a in ("--fault", f)]
    output(PUED_SIM, "history", "--from", FROM, "--to", TO, "--out", path, *args)
    done = subprocess.run([PUECTL, "replay", "--config", os.path.join(dir, "site.yaml"), path, "--from", "2025-01-01", "--to", "2025-01-01",
                           "--summary", "--json"], capture_output=True)
    check(done.returncode == 0, "replay: exit %d, %s" % (done.returncode, done.stderr[-300:]))
    return json.loads(done.stdout)


def terms(folded):
    return {t["meter"]: t for t in folded["terms"]}


def kinds(folded, meter):
    return [e["kind"] for e in folded["events"] if e["meter"] == meter and e["kind"] != "gap"]


def energies(dir):
    truth = json.loads(output(PUED_SIM, "truth", "--from", "2025-01-01T00:00:00+08:00", "--to", "2025-01-02T00:00:00+08:00"))
    well = fold(dir)
    check(well["simulated"] is True, "it is marked as simulated")
    check(set(terms(well)) == set(truth["meters_mwh"]), "118 meters")
    for meter, true_mwh in truth["meters_mwh"].items():
        count = next((c for k, c in COUNT.items() if meter.startswith(k)), 10000)
        got = terms(well)[meter]["energy_mwh"]
        check(abs(got - true_mwh) <= count, "%s: folded %d, true %d mW.h" % (meter, got, true_mwh))
        check(terms(well)[meter]["missing_ms"] == 0, meter + ": nothing is missing")
    kpi = well["kpi"]
    check(abs(kpi["total_mwh"] - truth["total_mwh"]) <= 2 * 1000, "E_T %d, true %d" % (kpi["total_mwh"], truth["total_mwh"]))
    check(abs(kpi["it_mwh"] - truth["it_mwh"]) <= 64 * 10000, "E_IT %d, true %d" % (kpi["it_mwh"], truth["it_mwh"]))
    check(kpi["findings"] == 0, "a healthy site has no balance findings")
    for fault, kind in (("wrap@" + AT, "wrap"), ("frozen@%s..2025-01-01T12:07:00+08:00" % AT, "frozen")):
        ill = fold(dir, "rc-h1r1a=" + fault)
        check(kind in kinds(ill, "rc-h1r1a"), "%s: events %s" % (fault, kinds(ill, "rc-h1r1a")))
        check(ill["kpi"]["it_mwh"] == kpi["it_mwh"], "%s: the same energy" % fault)
    reset = fold(dir, "rc-h1r1a=counter-reset@" + AT)
    lost = truth["meters_mwh"]["rc-h1r1a"] - terms(reset)["rc-h1r1a"]["energy_mwh"]
    check("reset" in kinds(reset, "rc-h1r1a") and terms(reset)["rc-h1r1a"]["missing_ms"] > 0, "a reset is an event, its energy is missing")
    check(0 < lost < 20000000, "a reset loses a quarter of an hour at most: %d mW.h" % lost)
    ratio = fold(dir, "rc-h1r1a=ratio:50@2024-12-31T00:00:00+08:00")
    check(ratio["kpi"]["findings"] >= 1, "a wrong ratio is a balance finding")
    dead = fold(dir, "rc-h1r1a=dead@" + AT)
    check(terms(dead)["rc-h1r1a"]["missing_ms"] > 13 * 3600000, "a dead meter's time is missing")
    check(kpi["it_mwh"] > dead["kpi"]["it_mwh"], "and never invented")


PROBES = [   # endpoint, profile, point -> (unit, low, high)
    ("modbus+tcp://127.10.0.1:%(modbus)d/1", "schneider-iem3000", {"total.power": ("W", 1e6, 2.4e6), "phase.1.voltage": ("V", 5600, 5950)}),
    ("modbus+tcp://127.10.1.1:%(modbus)d/2", "acrel-adw300", {"total.power": ("W", 2e5, 5e5), "phase.1.voltage": ("V", 225, 236)}),
    ("modbus+tcp://127.10.2.1:%(modbus)d/3", "pued-sim-rowcabinet", {"total.power": ("W", 2e4, 8e4), "branch.32.power": ("W", 500, 3000)}),
    ("modbus+tcp://127.10.4.2:%(modbus)d/1", "daikin-microtech3", {"leaving.temperature": ("Cel", 10, 20), "unit.capacity": ("%", 0, 100)}),
    ("snmp://public@127.11.1.1:%(snmp)d", "ups-rfc1628", {"output.1.power": ("W", 5e4, 2e5), "battery.charge": ("%", 100, 100)}),
    ("snmp://public@127.21.1.1:%(snmp)d", "apc-rpdu2", {"total.power": ("W", 500, 3000), "total.energy": ("kW.h", 1, 1e5)}),
    ("snmp://public@127.21.2.1:%(snmp)d", "raritan-px2", {"inlet.1.power": ("W", 500, 3000), "inlet.1.current": ("A", 2, 14)}),
]


def probes():
    with simtest.Site(PUED_SIM, "--racks-polled", "32") as sim:
        for endpoint, profile, points in PROBES:
            done = subprocess.run([PUECTL, "probe", endpoint % sim.ports, "--json"], capture_output=True)
            check(done.returncode == 0, "%s: exit %d, %s" % (endpoint, done.returncode, done.stderr[-300:]))
            said = json.loads(done.stdout or "{}")
            check(said.get("profile") == profile, "%s is %s, not %s" % (endpoint, profile, said.get("profile")))
            by_name = {p["name"]: p for p in said.get("points", ())}
            for name, (unit, low, high) in points.items():
                p = by_name.get(name, {})
                check(p.get("unit") == unit and p.get("quality") == "good" and low <= float(p["value"]) <= high, "%s: %s is %s" % (profile, name, p))


with tempfile.TemporaryDirectory() as dir:
    output(PUED_SIM, "site", "--out", dir)
    energies(dir)
probes()
check.done()
