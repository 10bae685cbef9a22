"""Before and after a retrofit on a store: a baseline is frozen, signed, becomes evidence, and is compared in pue, certificate, PDF and verify."""
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks  # noqa: E402

pued, puectl = sys.argv[1:3]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-baseline-")
state, config = os.path.join(work, "state"), os.path.join(work, "site.yaml")
CHINA = datetime.timezone(datetime.timedelta(hours=8))
BEGIN, RETROFIT, END = (datetime.datetime(*d, tzinfo=CHINA) for d in ((2024, 11, 1), (2025, 1, 1), (2026, 1, 1)))
LATER = datetime.timedelta(hours=4)      # the year is closed when its last interval is
SITE = """version: 1
site:
  id: retro
  name: {zh: 改造机房, en: Retrofitted site}
  timezone: Asia/Shanghai
  simulated: true
  boundary: BOUNDARY
  operation_start: 2016-05-01
  retrofit_completed: 2024-12-20
meters:
  - {id: feed, role: supply, count: 1 kW.h, modulus: none, p_max: 4 MW, class: 0.2S, power: none}
  - {id: ups, role: it, point: ups_output, parent: feed, count: 1 kW.h, modulus: none, p_max: 4 MW, class: 0.5S, power: none}
devices:
  - {id: feed, profile: acrel-adw300, endpoint: "modbus+tcp://127.0.0.1:1/1", poll: 60s}
  - {id: ups, profile: acrel-adw300, endpoint: "modbus+tcp://127.0.0.1:1/2", poll: 60s}
factors:
  - {kind: coal_equivalent, value: 0.1229 kg/kW.h, source: "a table of the test", status: m+}
  - {kind: grid_co2, value: 0.5 kg/kW.h, source: "another table of the test", status: m?}
pack: baoding-2024-clause2
"""


def run(*words, code=0):
    done = subprocess.run([puectl, *words], capture_output=True, text=True, timeout=120)
    check(done.returncode == code, f"puectl {' '.join(words[:4])}: exit {done.returncode}, expected {code}: {done.stderr[-400:]}")
    return done.stdout if code == 0 else done.stdout + done.stderr


def store(*words):
    return [*words, "--config", config, "--state", state]


def write_site(boundary="SLD-1"):
    with open(config, "w", encoding="utf-8") as f:
        f.write(SITE.replace("BOUNDARY", boundary))


def record(path):
    feed, ups, t = 0, 0, BEGIN
    with open(path, "w", encoding="utf-8") as f:
        f.write("# poll 1h\n")
        while t <= END + LATER:
            stamp = t.strftime("%Y-%m-%dT%H:%M:%S+08:00")
            f.write(f"{stamp} feed/total.energy {feed}\n{stamp} ups/total.energy {ups}\n")
            ups += 1000
            feed += 1600 if t < RETROFIT else 1240
            t += datetime.timedelta(hours=1)


class Daemon:
    """Live just after the year: statements become evidence."""
    def __enter__(self):
        offset = int((END + LATER).timestamp()) + 600 - int(time.time())
        self.log = open(os.path.join(work, "pued.log"), "w+")
        self.process = subprocess.Popen([pued, "--config", config, "--state", state, "--clock-offset", str(offset), "--http-port", "0"], stderr=self.log)
        return self

    def __exit__(self, *what):
        self.process.send_signal(signal.SIGTERM)
        self.code = self.process.wait(timeout=40)
        self.log.close()


def statements():
    return [x for x in run("export", "--state", state, "--format", "evidence").splitlines() if '"kind":"manual"' in x.replace(" ", "")]


def wait_for_statements(n):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(statements()) >= n:
            return True
        time.sleep(0.1)
    return False


def pue():
    return json.loads(run(*store("pue", "--from", "2025-01-01", "--to", "2025-12-31", "--json")))


try:
    write_site()
    os.makedirs(os.path.join(state), mode=0o700)
    run("keys", "generate", "--dir", os.path.join(state, "keys"), "--site", "retro", "--simulated", "--from", "2020-01-01T00:00:00Z")
    trust = os.path.join(state, "keys/trust.json")
    record(os.path.join(work, "all.txt"))
    subprocess.run([pued, "--config", config, "--state", state, "--import", os.path.join(work, "all.txt"), "--import-only"], check=True, stderr=subprocess.DEVNULL, timeout=120)
    check("retrofit" not in pue(), "no baseline, nothing is compared")

    # what is not whole is refused in words
    run(*store("baseline", "--from", "2024-11-01"), code=64)
    run(*store("baseline", "--by", "Zhang San"), code=64)
    check("nothing to freeze" in run(*store("baseline", "--from", "2023-01-01", "--to", "2023-01-31", "--by", "Zhang San"), code=11), "nothing is frozen of nothing")

    # a window of the site's own evidence
    said = run(*store("baseline", "--from", "2024-11-02", "--to", "2024-12-31", "--by", "Zhang San"))
    ident = said.split()[0]
    with Daemon():
        check(wait_for_statements(1), "the baseline becomes evidence: %s" % open(os.path.join(work, "pued.log")).read()[-300:])
    p = pue()
    b, k = p.get("retrofit", {}), p["kpi"]
    check(k["kind"] == "PUE" and k["pue"].startswith("1.240"), f"the year is a PUE: {k['text']}")
    check(b.get("statement") == ident and b.get("by") == "Zhang San" and "2024-11-02" in b.get("source", ""), f"who froze what: {b}")
    check(b.get("delta_micro") == -360000, f"delta: {b.get('delta_micro')}")
    check(b.get("saved_mwh") == 8760 * 360 * 10**6, f"saved energy: {b.get('saved_mwh')}")
    check(b.get("saved_gce") == round(8760 * 360 * 122.9), f"coal: {b.get('saved_gce')}")
    check(b.get("coal_source") == "a table of the test" and b.get("coal_status") == "m+", "the factor carries its source")
    u_then = (1.6 * ((0.002**2 + 0.005**2) / 3) ** 0.5 * 2) * 1e6
    u_now = k["u_ppm_rho0"]
    check(abs(b.get("u_ppm_rho0", 0) - (u_then**2 + u_now**2) ** 0.5) < 30, f"uncertainty of the difference: {b.get('u_ppm_rho0')}, {u_then}, {u_now}")
    check(b.get("seasons_differ") is True, "two months are no year, and it says so")
    cue = next(r for r in p["other_kpis"] if r["id"] == "CUE")
    check(cue["value"] == "0.6200" and cue["interim"] is False, f"CUE: {cue}")
    text = run(*store("pue", "--from", "2025-01-01", "--to", "2025-12-31", "--lang", "zh"))
    check("改造前后" in text and "a table of the test" in text, "people see it too")

    # certificate, PDF, verification
    cert = os.path.join(work, "cert")
    run(*store("certificate", "--out", cert, "--number", "R-1"))
    with open(cert + ".json", encoding="utf-8") as f:
        whole = f.read()
    before_after = json.loads(whole)["view"]["before_after"] if "view" in json.loads(whole) else None
    check(before_after and before_after["delta_pue"] == "-0.360" and before_after["use"] == "information" and before_after["why_not"] is None,
          f"certificate: {json.dumps(before_after)[:600]}")
    check(before_after and before_after["coal"]["saved_g"] == b["saved_gce"] and before_after["coal"]["source"] == "a table of the test", "coal in the certificate")
    check(before_after and before_after["baseline"]["name"] == "iPUE1" and before_after["baseline"]["value"] == "1.600", "the baseline in the certificate")
    verified = run("verify", cert + ".json", "--trust", trust)
    check("VALID" in verified and "change of PUE -0.360" in verified and ident[:4], f"verify says it: {verified}")
    if shutil.which("pdftotext"):
        pdf = subprocess.run(["pdftotext", "-layout", cert + ".pdf", "-"], capture_output=True, text=True, timeout=60).stdout
        check("改造前后" in pdf and "-0.360" in pdf and re.search(r"387\.\d+ tce", pdf), "the sheet shows it")
    # an altered baseline is not accepted, even where the view and the words agree
    forged = os.path.join(work, "forged.json")
    with open(forged, "w", encoding="utf-8") as f:
        f.write(whole.replace('"1.600"', '"1.900"'))
    run("verify", forged, "--trust", trust, code=12)

    # another boundary: a sentence, no number
    write_site("SLD-2")
    moved = pue()["retrofit"]
    check(moved["delta_micro"] is None and moved["saved_mwh"] is None and "boundary differs" in moved["why_not"], f"another boundary: {moved}")
    write_site()

    # an earlier certificate may be the baseline; a file that nobody signed may not
    with open(os.path.join(work, "not.json"), "w", encoding="utf-8") as f:
        f.write("{}")
    run(*store("baseline", "--certificate", os.path.join(work, "not.json"), "--trust", trust, "--by", "Li Si"), code=12)
    run(*store("baseline", "--certificate", forged, "--trust", trust, "--by", "Li Si"), code=12)
    run(*store("baseline", "--certificate", cert + ".json", "--trust", trust, "--by", "Li Si"))
    with Daemon():
        check(wait_for_statements(2), "the second baseline becomes evidence")
    later = pue()["retrofit"]
    check(later["source"] == "certificate R-1" and later["by"] == "Li Si" and "ends after" in later["why_not"], f"the newest one counts: {later}")
    # taken back: the statement's id is in the list, and nothing is compared any more
    run(*store("baseline", "--revoke", later["statement"], "--by", "Li Si"))
    with Daemon():
        check(wait_for_statements(3), "the revocation becomes evidence")
    check("retrofit" not in pue(), "a revoked baseline is none")
finally:
    shutil.rmtree(work, ignore_errors=True)
check.done()
sys.exit(1 if check.failed else 0)
