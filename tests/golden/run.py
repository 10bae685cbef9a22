#!/usr/bin/python3
"""puectl replay of the reference sites against the model: every interval of every meter to the mW.h, every fault found, nothing found that is not there."""
import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import refsite as ref

wrong = []


def check(what, got, expected):
    if got != expected:
        wrong.append(f"{what}: puectl says {got}, the model {expected}")


def ms(text):
    return int(round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000))


def replay(puectl, config, recording, site_id):
    with tempfile.TemporaryDirectory() as d:
        paths = os.path.join(d, "site.yaml"), os.path.join(d, "readings.txt")
        for path, text in zip(paths, (config, recording)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        p = subprocess.run([puectl, "replay", "--config", paths[0], paths[1], "--json"], capture_output=True, text=True, timeout=600)
        if p.returncode:
            sys.exit(f"{site_id}: puectl replay: exit {p.returncode}: {p.stderr}")
        return json.loads(p.stdout)


def compare(name, got, model):
    check(f"{name}: number of intervals", len(got["intervals"]), len(model["intervals"]))
    for g, m in zip(got["intervals"], model["intervals"]):
        where = f"{name} {g['from']}"
        check(where + " from", ms(g["from"]), m["from"])
        for side in ("total", "it"):
            check(f"{where} {side}", g[side + "_mwh"], m[side])
            check(f"{where} {side} known", g[side + "_known"], m[side + "_known"])
            check(f"{where} {side} missing", g[side + "_missing_ms"], m[side + "_missing"])
        for r in g["meters"]:
            e = m["rows"][r["id"]]
            check(f"{where} {r['id']}", (r["energy_mwh"], r["cumulative_mwh"], r["missing_ms"], r["class"]), (e["energy"], e["cumulative"], e["missing"], e["class"]))
    kinds = {"wrap", "reset", "spike", "drop_return", "ambiguous", "implausible", "frozen", "gap", "conflict", "epoch"}
    found = {(e["kind"], e["meter"], ms(e["from"]), ms(e["to"])) for e in got["events"] if e["kind"] in kinds}
    check(f"{name}: events only puectl has", sorted(found - model["events"])[:5], [])
    check(f"{name}: events only the model has", sorted(model["events"] - found)[:5], [])
    check(f"{name}: late", {e["meter"] for e in got["events"] if e["kind"] == "late"}, model["late"])
    k, mk = got["kpi"], model["kpi"]
    for a, b in (("total_mwh", "total"), ("it_mwh", "it"), ("intervals_known", "known"), ("known_total_mwh", "known_total"), ("known_it_mwh", "known_it")):
        if mk["known"] or not a.startswith("intervals"):
            check(f"{name}: {a}", k[a], mk[b])
    for side in ("total", "it"):
        check(f"{name}: complete by time, {side}", k[f"complete_time_{side}_ppm"], int(mk["time_" + side] * 1_000_000))
        if abs(k[f"complete_energy_{side}_ppm"] - mk["energy_" + side] * 1_000_000) > 1:
            check(f"{name}: complete by energy, {side}", k[f"complete_energy_{side}_ppm"], float(mk["energy_" + side] * 1_000_000))


def fold_model(b, out):
    return ref.model_site(b).fold([(n, r if r.value is not None else None, r.wall) for n, r in out])


def findings(got):
    return {x["node"] for x in got["balance"] if x["finding"] != "closes"}


def named(got, kind, meter):
    if kind == "finding":
        return meter in findings(got)
    if kind == "missing":
        return any(r["id"] == meter and r["class"] == "-" for r in got["intervals"][-2]["meters"])
    return any(e["kind"] == kind and e["meter"] == meter for e in got["events"])


def ref_1000(puectl, seed, long):
    b = ref.ref_1000(seed, 24 * (7 if long else 1), 900_000, 1 if long else 5)
    out = ref.readings(b)
    got, model = replay(puectl, ref.yaml(b, "ref-1000"), ref.recording(out), "REF-1000"), fold_model(b, out)
    compare("REF-1000", got, model)
    check("REF-1000: false findings", sorted(findings(got)), [])
    check("REF-1000: events", [e for e in got["events"] if e["kind"] not in ("wrap",)], [])
    check("REF-1000: kind", got["kpi"]["kind"], "iPUE")
    check("REF-1000: category", got["kpi"]["category"], 2)
    check("REF-1000: nothing missing", got["kpi"]["complete_energy_total_ppm"], 1_000_000)


def ref_edge(puectl, seed):
    b = ref.ref_edge(seed, 24, 900_000)
    out = ref.readings(b)
    got, model = replay(puectl, ref.yaml(b, "ref-edge"), ref.recording(out), "REF-EDGE"), fold_model(b, out)
    check("REF-EDGE: no PUE", got["kpi"]["kind"], "none")
    check("REF-EDGE: says what is possible", "pPUE" in (got["kpi"]["why_not"] or ""), True)
    part = [p for p in got["partials"] if p["name"] == "ups-in"]
    check("REF-EDGE: pPUE of the UPS", [(p["sub_mwh"], p["it_mwh"]) for p in part],
          [(sum(i["rows"]["ups-in"]["energy"] for i in model["intervals"]), sum(i["rows"]["ups"]["energy"] for i in model["intervals"]))])


def ref_bad(puectl, seed, long):
    b, out, expected = ref.ref_bad(seed, 24 * (7 if long else 3), 900_000, 2 if long else 5)
    got, model = replay(puectl, ref.yaml(b, "ref-bad"), ref.recording(out), "REF-BAD"), fold_model(b, out)
    compare("REF-BAD", got, model)
    for kind, meter in expected:
        check(f"REF-BAD: {kind} of {meter} is found and named", named(got, kind, meter), True)
    check("REF-BAD: findings where nothing is wrong", sorted(findings(got) - {m for k, m in expected if k == "finding"}), [])
    # a finding is an event once, when it appears, on the same node; a healthy site has none (see REF-1000: events)
    told = [e["meter"] for e in got["events"] if e["kind"] == "finding"]
    check("REF-BAD: every finding is told", sorted(set(told)), sorted(m for k, m in expected if k == "finding"))
    check("REF-BAD: and told once", len(told), len(set(told)))
    pump = sum(i["rows"]["pump-1"]["energy"] for i in model["intervals"])
    check("REF-BAD: the pump is subtracted", any(t["meter"] == "pump-1" and t["it"] == -1 and t["energy_mwh"] == pump for t in got["terms"]), True)
    steps = [e for e in got["events"] if e["kind"] == "clock_step"]
    check("REF-BAD: one clock step", len(steps), 1)
    flagged = [i["from"] for i in got["intervals"] if "clock_step" in i["flags"]]
    check("REF-BAD: intervals around the step are flagged", bool(flagged), True)


def link_and_clock(puectl, seed):
    """A lost link, back-filled too late, changes no final total; a clock step of 90 s moves no sum."""
    b = ref.ref_1000(seed, 48, 900_000, 12)
    out, config = ref.readings(b), ref.yaml(b, "ref-link")
    clean = replay(puectl, config, ref.recording(out), "clean")
    lost = [n for n in b.order if n.startswith(("ups-1", "cab-1", "feed-a"))]
    link = replay(puectl, config, ref.recording(ref.link_loss(out, lost, ref.at(60, b))), "link loss")
    for key in ("total_mwh", "it_mwh", "known_total_mwh", "known_it_mwh", "intervals_known", "complete_energy_total_ppm", "complete_time_it_ppm"):
        check(f"link loss: {key}", link["kpi"][key], clean["kpi"][key])
    check("link loss: every meter's energy", [(t["meter"], t["energy_mwh"], t["missing_ms"]) for t in link["terms"]],
          [(t["meter"], t["energy_mwh"], t["missing_ms"]) for t in clean["terms"]])
    check("link loss: late and distributed", (any(e["kind"] == "late" for e in link["events"]), any(t["distributed_mwh"] for t in link["terms"])), (True, True))
    step = replay(puectl, config, ref.recording(ref.clock_step(out, ref.at(90, b) + 20_000)), "clock step")
    # all known energy telescopes: the step moves energy between intervals and changes no sum, so a year's PUE cannot move by 1e-5
    for key in ("known_total_mwh", "known_it_mwh"):
        check(f"clock step: {key}", step["kpi"][key], clean["kpi"][key])
    check("clock step: named once", [e["kind"] for e in step["events"] if e["kind"] != "wrap"], ["clock_step"])


def chaos(puectl, seed, runs):
    """Sites on which everything happens at random: the model and the fold must agree on every interval and every event."""
    for k in range(runs):
        b, out = ref.chaos(seed + k)
        before = len(wrong)
        compare(f"chaos {seed + k}", replay(puectl, ref.yaml(b, "chaos"), ref.recording(out), "chaos"), fold_model(b, out))
        if len(wrong) > before:
            break


def years(puectl, seed, long):
    """A year in virtual time.  In full: quarters of an hour, several seeds."""
    for k in range(4 if long else 1):
        b, out = ref.year(seed + k, 366, 600_000 if long else 1_800_000, 900_000 if long else 3_600_000)
        before = len(wrong)
        got = replay(puectl, ref.yaml(b, "year"), ref.recording(out), "year")
        compare(f"year {seed + k}", got, fold_model(b, out))
        kinds = {e["kind"] for e in got["events"]}
        missed = {"wrap", "reset", "gap", "conflict", "late", "clock_step", "session", "epoch", "correction", "frozen", "spike"} - kinds
        check(f"year {seed + k}: everything happens in it", missed, set())
        if len(wrong) > before:
            break


def done():
    for w in wrong[:40]:
        print(w)
    print(f"{len(wrong)} differences")
    sys.exit(1 if wrong else 0)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("puectl")
    p.add_argument("--long", action="store_true")
    p.add_argument("--seed", type=int, default=20260101)
    p.add_argument("--only", choices=["year"])
    a = p.parse_args()
    a.long |= os.environ.get("PUED_LONG") == "1"
    print(f"seed {a.seed}")
    if a.only == "year":
        years(a.puectl, a.seed, a.long)
        done()
    ref_1000(a.puectl, a.seed, a.long)
    ref_edge(a.puectl, a.seed)
    ref_bad(a.puectl, a.seed, a.long)
    link_and_clock(a.puectl, a.seed)
    chaos(a.puectl, a.seed, 200 if a.long else 12)
    done()


main()
