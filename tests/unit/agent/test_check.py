#!/usr/bin/python3
"""puectl check: against the profiles and packs that come with pued.  Arguments: puectl, source root."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kit import check, finish  # noqa: E402

PUECTL, ROOT = os.path.abspath(sys.argv[1]), sys.argv[2]
DIR = tempfile.mkdtemp(prefix="check-")
ENV = dict(os.environ, PUED_DATA=ROOT, LC_ALL="C.UTF-8")


def write(name, text):
    with open(os.path.join(DIR, name), "w", encoding="utf-8") as f:
        f.write(text)


def run(text, *options):
    write("s.yaml", text)
    p = subprocess.run([PUECTL, "check", "s.yaml", *options], cwd=DIR, env=ENV, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


SITE = """version: 1
site: {id: s, name: A, timezone: Asia/Shanghai}
meters:
  - {id: m, role: supply, p_max: 1 MW}
  - {id: it, role: it, point: row_cabinet, parent: m, device: cab, p_max: 100 kW}
devices:
  - {id: m, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.9/1"}
  - {id: cab, profile: pued-sim-rowcabinet, endpoint: "modbus+tcp://10.0.0.9/2"}
"""

code, out, err = run(SITE)
check("a good site", code == 0 and out == "s.yaml: ok. Site s: 2 meters, 2 devices, 0 racks; PUE category 2; 0 warnings\n", out + err)
code, out, err = run(SITE, "--lang", "zh")
check("in Chinese", code == 0 and "配置正确" in out, out + err)
code, out, err = run(SITE, "--json")
value = json.loads(out)
check("as JSON", code == 0 and value["ok"] and value["findings"] == [] and value["meters"] == 2 and value["category"] == 2, out)
code, out, err = run(SITE, "--effective")
value = json.loads(out)
check("the effective configuration", code == 0 and value["meters"][1]["energy"] == "total.energy" and value["devices"][0]["poll"] == 15000, out)

# one mistake a row: what becomes what, and the whole report
ROWS = [
    ("typo of a profile", "profile: acrel-adw300", "profile: acrel-adw30", "s.yaml:7:22: device 'm': no profile 'acrel-adw30'; did you mean 'acrel-adw300'?"),
    ("unknown profile", "profile: acrel-adw300", "profile: zzzzzzzz",
     "s.yaml:7:22: device 'm': no profile 'zzzzzzzz'; `puectl profile list` shows those there are, `puectl probe ENDPOINT` finds the right one"),
    ("profile of another protocol", "acrel-adw300", "raritan-px2",
     "s.yaml:4:5: meter 'm': profile 'raritan-px2' has no point 'total.energy'; choose 'energy' among inlet.*.energy, phase.*.energy, outlet.*.energy\n"
     "s.yaml:7:45: device 'm': profile 'raritan-px2' speaks snmp, the endpoint modbus+tcp; change one of them"),
    ("unknown point", "device: cab,", "device: cab, energy: nosuch,",
     "s.yaml:5:76: meter 'it': profile 'pued-sim-rowcabinet' has no point 'nosuch'; choose 'energy' among total.energy, branch.*.energy"),
    ("power as energy", "device: cab,", "device: cab, energy: total.power,",
     "s.yaml:5:76: meter 'it': point 'total.power' is active_power, not energy; choose among total.energy, branch.*.energy"),
    ("option of an endpoint", "10.0.0.9/2", "10.0.0.9/2?max_conections=3",
     "s.yaml:8:55: device 'cab': endpoint 'modbus+tcp://10.0.0.9/2?max_conections=3': option 'max_conections' is not known for modbus+tcp; known: max_connections"),
    ("override of no point", "profile: pued-sim-rowcabinet,", "profile: pued-sim-rowcabinet, overrides: [{point: total.enrgy, scale: 0.1}],",
     "s.yaml:8:65: device 'cab': override of 'total.enrgy', but profile 'pued-sim-rowcabinet' has no such point"),
    ("unknown zone", "Asia/Shanghai", "Asia/Shanghay",
     "s.yaml:2:34: time zone 'Asia/Shanghay' is not known here; install tzdata or write an IANA name such as Asia/Shanghai"),
]
for name, old, new, report in ROWS:
    code, out, err = run(SITE.replace(old, new, 1))
    lines = out.splitlines()
    check(name, code == 78 and "\n".join(lines[:-1]) == report, "%d\n%s%s" % (code, out, err))

code, out, err = run(SITE + "pack: nosuch\n")
check("unknown pack", code == 78 and "no policy pack 'nosuch'" in out, out)
code, out, err = run(SITE.replace("acrel-adw300", "acrel-adw30").replace("role: it", "role: itt") + "pack: nosuch\n", "--json")
value = json.loads(out)
check("all at once", code == 78 and value["errors"] == 3 and [f["line"] for f in value["findings"] if f["level"] == "error"] == [5, 7, 9], out)
code, out, err = run("version: 1\nsite: [\n")
check("not YAML", code == 78 and out.startswith("s.yaml:3:1: not YAML"), out)

# bus time
many = SITE + "".join('  - {id: d%d, profile: acrel-adw300, endpoint: "modbus+rtu:///dev/ttyS0?baud=9600&parity=even/%d", poll: 1s}\n' % (i, i + 1) for i in range(20))
code, out, err = run(many)
check("a full serial line", code == 0 and re.search(r"warning: gateway /dev/ttyS0: \d+ % busy at 1 s \(20 devices\)", out), out)
code, out, err = run(many.replace("poll: 1s", "poll: 60s"))
check("an idle serial line", code == 0 and "busy" not in out, out)

# the documentation's examples
with open(os.path.join(ROOT, "docs/configuration.md"), encoding="utf-8") as f:
    examples = re.findall(r"```yaml\n(version: 1.*?)```", f.read(), re.S)
write("racks.csv", "id,hall\nz1,h2\n")
write("devices.csv", "id,profile,endpoint,credential\n" + "".join(
    "pdu-%s%02d%s,raritan-px2,snmp://10.2.%d.%d,snmp-read\n" % (row, n, side, "abxy".index(side), 40 * "ab".index(row) + n)
    for row in "ab" for n in range(1, 21) for side in "xy"))
check("two examples", len(examples) == 2)
for text in examples:
    code, out, err = run(text)
    check("an example of docs/configuration.md", code == 0, out + err)

# calls
for name, arguments, code, words in (("no such file", ["nosuch.yaml"], 74, "nosuch.yaml"), ("two files", ["a", "b"], 64, "one argument too many"),
                                     ("unknown option", ["--wrong"], 64, "--wrong")):
    p = subprocess.run([PUECTL, "check", *arguments], cwd=DIR, env=ENV, capture_output=True, text=True)
    check(name, p.returncode == code and words in p.stderr, "%d %s" % (p.returncode, p.stderr))

shutil.rmtree(DIR)
finish()
