#!/usr/bin/python3
"""puectl pue, racks and replay on a recording: they agree with each other, keep their exit codes, and a baseline holds or is refused."""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import refsite as ref

puectl, wrong = sys.argv[1], []


def run(*args, code=0):
    p = subprocess.run([puectl, *args], capture_output=True, text=True, timeout=120)
    if p.returncode != code:
        wrong.append(f"puectl {' '.join(args[:6])}: exit {p.returncode}, expected {code}: {p.stderr}")
    return p.stdout + p.stderr if code else p.stdout


def check(what, ok):
    if not ok:
        wrong.append(what)


def main():
    b = ref.ref_1000(7, 20, 900_000, 12)
    later = ref.ref_1000(8, 20, 900_000, 12)
    racks = "racks:\n" + "".join(f"  - {{id: {n}, hall: h1, function: {f}, rated: 4 kW, feeds: [{n}]}}\n"
                                 for n, f in zip([x for x in b.order if b.rows[x]["role"] == "rack"], ["compute"] * 30 + ["storage"] * 8 + ["unknown"] * 2))
    with tempfile.TemporaryDirectory() as d:
        config, recording, second, base, keys = (os.path.join(d, x) for x in ("site.yaml", "a.txt", "b.txt", "base.json", "keys"))
        with open(config, "w", encoding="utf-8") as f:
            f.write(ref.yaml(b, "verbs").replace("  simulated: true", "  simulated: true\n  boundary: SLD-1") + racks)
        with open(recording, "w", encoding="utf-8") as f:
            f.write(ref.recording(ref.readings(b)))
        day = 30 * 86_400_000
        with open(second, "w", encoding="utf-8") as f:
            f.write(ref.recording([(n, ref.Read(r.wall + day, r.value, r.boot)) for n, r in ref.readings(later)]))
        replay = json.loads(run("replay", "--config", config, recording, "--json"))
        pue = json.loads(run("pue", "--config", config, "--recording", recording, "--json"))
        for part in ("kpi", "terms", "balance", "partials", "shares"):
            check(f"replay and pue say the same {part}", replay[part] == pue[part])
        check("the whole name", re.fullmatch(r"iPUE2 = \d\.\d+ ± \d\.\d{3} \(k=2\), .*, completeness \d+\.\d\d %, ISO/IEC 30134-2:2026", pue["kpi"]["text"]))
        check("simulated is said", pue["simulated"] is True and "SIMULATED" in run("pue", "--config", config, "--recording", recording))
        text = run("pue", "--config", config, "--recording", recording, "--explain", "--lang", "zh")
        for n in [x for x in b.order if b.rows[x]["role"] != "bus"]:
            check(f"--explain names {n}", n in text)
        html = run("pue", "--config", config, "--recording", recording, "--html")
        check("a page", html.startswith("<!DOCTYPE html>") and html.rstrip().endswith("</html>") and pue["kpi"]["pue"] in html)
        # a row cabinet that counts a seventh: the finding's sentence is whole, in both languages, in the table and in the event
        odd = os.path.join(d, "odd.txt")
        with open(recording, encoding="utf-8") as f, open(odd, "w", encoding="utf-8") as g:
            for x in f:
                p = x.split()
                g.write(" ".join([p[0], p[1], str(int(p[2]) // 7), *p[3:]]) + "\n" if len(p) > 2 and p[1] == "cab-112/total.energy" else x)
        said = {lang: run("pue", "--config", config, "--recording", odd, "--html", "--explain", "--lang", lang) for lang in ("en", "zh")}
        check("findings in English", said["en"].count("or a meter counted twice") == 2 and said["en"].count("or a wrong CT ratio or direction") == 2)
        check("findings in Chinese", said["zh"].count("或有表重复计入") == 2 and said["zh"].count("或互感器变比、方向有误") == 2 and "meters below" not in said["zh"])
        check("leaves are one line of JSON each", all(json.loads(x)["type"] in ("interval", "event") for x in
                                                         run("replay", "--config", config, recording, "--leaves").splitlines()))
        days = json.loads(run("replay", "--config", config, "--by", "day", recording, "--json"))
        check("days add up to the whole", sum(p["known_total_mwh"] for p in days["periods"]) == days["kpi"]["known_total_mwh"] > 0)
        run("replay", "--config", config, "--by", "week", recording, code=64)
        # a history coarser than the polls: nothing is missing when it says how coarse it is
        coarse, said = os.path.join(d, "coarse.yaml"), os.path.join(d, "said.txt")
        with open(config, encoding="utf-8") as f:
            fine = f.read().replace("poll: 900s", "poll: 5s")
        check("the site is polled at 5 s", "poll: 5s" in fine)
        with open(coarse, "w", encoding="utf-8") as f:
            f.write(fine)
        with open(recording, encoding="utf-8") as f, open(said, "w", encoding="utf-8") as g:
            g.write("# poll 15m\n" + f.read())
        gaps = [sum(e["kind"] == "gap" for e in json.loads(run("replay", "--config", coarse, *a, "--json"))["events"])
                for a in ((recording,), ("--step", "15m", recording), (said,))]
        check(f"gaps without, with the option, with the line: {gaps}", gaps[0] > 0 and gaps[1:] == [0, 0])
        run("replay", "--config", coarse, "--step", "soon", recording, code=64)
        with open(said, encoding="utf-8") as f:
            p = subprocess.run([puectl, "replay", "--config", coarse, "-"], stdin=f, capture_output=True, text=True, timeout=120)
        check("a poll line from standard input is not passed over", p.returncode == 65 and "--step" in p.stderr)
        r = json.loads(run("racks", "--config", config, "--recording", recording, "--list", "--json"))
        check("racks", (r["racks"]["installed"], r["racks"]["metered"], r["racks"]["unknown"], r["racks"]["compute"]) == (40, 40, 2, 30) and len(r["rack_list"]) == 40)
        c1 = next(s for s in r["shares"] if s["definition"].startswith("C1"))
        check("C1 is an interval", c1["lo_num"] * 40 == c1["lo_den"] * 30 and c1["hi_num"] * 40 == c1["hi_den"] * 32)
        plain = json.loads(run("racks", "--config", config, "--config-only", "--json"))
        check("nothing measured from the configuration alone", plain["racks"]["metered"] is None)
        # a period of local days, and one in which nothing was recorded
        empty = json.loads(run("pue", "--config", config, "--recording", recording, "--from", "2020-01-01", "--to", "2020-01-31", "--json"))
        check("no evidence, no number", empty["kpi"]["kind"] == "none" and "insufficient" in empty["kpi"]["why_not"])
        run("keys", "generate", "--dir", keys, "--site", "verbs", "--role", "site", "--name", "V", "--name-zh", "V", "--simulated", "--from", "2025-01-01T00:00:00Z")
        run("pue", "--config", config, "--recording", recording, "--freeze", base, "--keys", keys, "--made", "2026-01-20T00:00:00Z")
        trust = os.path.join(keys, "trust.json")
        again = json.loads(run("pue", "--config", config, "--recording", second, "--baseline", base, "--trust", trust, "--kgce-per-kwh", "0.1229", "--json"))
        t, k = again["retrofit"], again["kpi"]
        then = pue["kpi"]
        saved = k["it_mwh"] * then["total_mwh"] / then["it_mwh"] - k["total_mwh"]
        check("saved energy", abs(t["saved_mwh"] - saved) <= 1 + abs(saved) * 1e-12)
        check("coal equivalent", abs(t["saved_gce"] - saved * 0.1229 / 1000) <= 1)
        check("delta", abs(t["delta_micro"] - (k["total_mwh"] / k["it_mwh"] - then["total_mwh"] / then["it_mwh"]) * 1e6) <= 1)
        with open(base, encoding="utf-8") as f:
            whole = f.read()
        with open(base, "w", encoding="utf-8") as f:
            f.write(whole.replace("SLD-1", "SLD-2"))
        out = run("pue", "--config", config, "--recording", second, "--baseline", base, "--trust", trust, code=12)
        check("an altered baseline is named by its pointer", "/boundary" in out)
        run("pue", "--config", config, "--recording", second, "--baseline", base, code=64)
        # water: a gateway's counter of 10 L at another address, litres over the IT energy
        water = (config.replace("site", "water"), recording.replace("a.txt", "water.txt"))
        with open(water[0], "w", encoding="utf-8") as f:
            f.write("version: 1\nsite: {id: w, name: {zh: 水, en: Water}, timezone: UTC, simulated: true}\nmeters:\n"
                    "  - {id: feed, role: supply, count: 1 kWh, p_max: 90 MW, modulus: none, power: none, class: 1}\n"
                    "  - {id: it, role: it, parent: feed, point: ups_output, count: 1 kWh, p_max: 90 MW, modulus: none, power: none, class: 1}\n  - {id: tower, role: water, modulus: none}\ndevices:\n" +
                    "".join(f'  - {{id: {m}, profile: {p}, endpoint: "modbus+tcp://10.0.0.{i}/1", poll: 900s{o}}}\n' for i, (m, p, o) in enumerate((
                        ("feed", "acrel-adw300", ""), ("it", "acrel-adw300", ""), ("tower", "generic-water", ", overrides: [{point: total.volume, address_shift: 16, scale: 10}]")), 1)))
        with open(water[1], "w", encoding="utf-8") as f:
            for k in range(5):
                at = f"2026-03-01T{k // 4:02d}:{k % 4 * 15:02d}:00Z"
                f.write(f"{at} feed/total.energy {60 * k}\n{at} it/total.energy {50 * k}\n{at} tower/total.volume {500 + 3 * k}\n")
        r = json.loads(run("replay", "--config", *water, "--json"))
        wue = next(x for x in r["other_kpis"] if x["id"] == "WUE")
        check("WUE: 120 L over 200 kW.h", (wue["value"], wue["unit"], wue["why_not"]) == ("0.6000", "L/kW.h", None) and r["kpi"]["pue"] == "1.200")
        check("water is no energy", [(x["role"], x["energy_mwh"], x["total"], x["it"]) for x in r["terms"] if x["meter"] == "tower"] == [("water", 120_000, 0, 0)] and
              "0.120000 m3" in run("pue", "--config", water[0], "--recording", water[1], "--explain"))
        # bad recordings stop with file, line and column
        for line, says in (("yesterday a/b 5", "column 1"), ("2026-01-01T00:00:00Z feed-a/total.energy five", "not a number"),
                           ("2026-01-01T00:00:00Z feed-a/total.energy 5.5 good 7", "more digits")):
            with open(recording, "w", encoding="utf-8") as f:
                f.write("# one\n" + line + "\n")
            out = run("replay", "--config", config, recording, code=65)
            check(f"{line!r} is refused with its place", ":2:" in out and says in out)
        run("replay", "--config", config, os.path.join(d, "nothing.txt"), code=74)
        run("replay", "--config", os.path.join(d, "nothing.yaml"), recording, code=74)
        run("replay", "--config", config, code=64)
    for w in wrong:
        print(w)
    sys.exit(1 if wrong else 0)


main()
