"""eligibility, pack, verify and revoke as people call them.  Arguments: puectl, cert_tool, pack."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kit import check, finish  # noqa: E402

PUECTL, TOOL, PACK = sys.argv[1:4]
DIR = tempfile.mkdtemp(prefix="verbs-")
os.environ["LC_ALL"] = "C.UTF-8"


def at(name):
    return os.path.join(DIR, name)


def run(*words):
    r = subprocess.run([PUECTL, *words], capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


def write(name, text):
    os.makedirs(os.path.dirname(at(name)), exist_ok=True)
    with open(at(name), "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return at(name)


# certificates
subprocess.run([TOOL, PACK, DIR], check=True)
CERT = open(at("cert.json"), encoding="utf-8", newline="").read()
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"))
check("a certificate verifies", code == 0 and out.startswith("VALID: annual certificate SIM-demo-baoding-2025-001"), out + err)
check("the sentence says it is simulated", "SIMULATED" in out.split("\n")[0], out)
check("the trace tells that energies were computed again", "follow from the cumulative energies" in out and "judged again" in out, out)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--lang", "zh")
check("in Chinese, all of it but names", code == 0 and not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{3,}", out) and out.startswith("有效:年度证书"), out)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--json")
check("as JSON", code == 0 and json.loads(out)["valid"] is True, out)
digit = re.search(r'"it_mwh": (\d+),\n', CERT)
changed = write("changed.json", CERT[:digit.start(1)] + str(int(digit.group(1)) + 1) + CERT[digit.end(1):])
code, out, err = run("verify", changed, "--trust", at("trust.json"))
check("one digit: exit 12 and the place", code == 12 and re.search(r"at /\S*it_mwh", err), err)
code, out, err = run("verify", changed, "--trust", at("trust.json"), "--json")
check("the pointer as JSON", code == 12 and json.loads(out)["pointer"].endswith("it_mwh"), out)
code, out, err = run("verify", at("cert.json"), "--trust", at("other.json"))
check("an unknown key", code == 12 and "not in the trust store" in err, err)
code, out, err = run("verify", at("cert.json"))
check("no trust given", code == 64 and "--trust" in err, err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--site", "elsewhere")
check("of another site", code == 22 and "/site" in err, err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--site", "demo-baoding")
check("of this site", code == 0, err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--store", at("none"))
check("a file and a store: which of them is not guessed", code == 64 and "one of the two" in err and not out, out + err)
edited = write("edited.yaml", open(PACK, encoding="utf-8").read().replace("value: 70 %,", "value: 60 %,"))
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--pack", edited)
check("with an edited pack", code == 26 and "/identity/pack/sha256" in err, err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--at", "2020-01-01T00:00:00Z")
check("dated in the future of the reader", code == 12 and "still to come" in err, err)
write("cut.json", CERT[:-1])
check("one byte shorter", run("verify", at("cut.json"), "--trust", at("trust.json"))[0] == 21)
write("longer.json", CERT + "\n")
check("one byte longer", run("verify", at("longer.json"), "--trust", at("trust.json"))[0] == 12)
check("no such file", run("verify", at("none.json"), "--trust", at("trust.json"))[0] == 74)

# revocation, by a key of its own
code, out, err = run("keys", "generate", "--dir", at("keys"), "--site", "demo-baoding", "--simulated", "--at", "2026-01-01T00:00:00Z")
check("a key", code == 0, err)
code, out, err = run("revoke", "SIM-demo-baoding-2025-001", "--reason", "meter found wrong", "--site", "demo-baoding", "--simulated", "--keys", at("keys"),
                     "--issued", "2026-02-01T00:00:00Z", "--out", at("revoked.json"))
check("a revocation", code == 0, err)
both = json.load(open(at("trust.json")))
both["keys"] += json.load(open(at("keys/trust.json")))["keys"]
write("both.json", json.dumps(both))
code, out, err = run("verify", at("cert.json"), "--trust", at("both.json"), "--revoked", at("revoked.json"))
check("a revoked certificate", code == 24 and "meter found wrong" in err, err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--revoked", at("revoked.json"))
check("a revocation by an unknown key is not silently passed over", code == 12, err)
code, out, err = run("verify", at("revoked.json"), "--trust", at("both.json"))
check("a revocation verifies itself", code == 0, err)

# each cause has a word and a code of its own; rows: name, exit code, cause, words of the command
CERT_B = write("again.json", CERT)
own = open(PACK, encoding="utf-8").read()
write("own/same.yaml", own.replace("value: 70 %,", "value: 60 %,"))
write("own/other-version.yaml", own.replace("version: 1.0.0", "version: 9.0.0"))
write("own/unsigned.yaml", own + "# a comment\n")
subprocess.run([TOOL, at("own/unsigned.yaml"), at("own")], check=True)
trust = json.load(open(at("trust.json")))
for row in trust["keys"]:
    row["revoked"] = "2025-12-31T00:00:00Z"
write("revoked-key.json", json.dumps(trust))
for row in trust["keys"]:
    row.pop("revoked")
    row["until"] = "2025-06-01T00:00:00Z"
write("old-key.json", json.dumps(trust))
write("letter.json", re.sub(r'("payload": ")(.)', lambda m: m[1] + ("A" if m[2] != "A" else "B"), CERT))
CAUSES = [
    ("the signed bytes altered", 12, "altered", [at("letter.json")]),
    ("the view altered", 12, "altered", [changed]),
    ("an unknown key", 12, "unknown_key", [at("cert.json"), "--trust", at("other.json")]),
    ("a key revoked before", 20, "key_time", [at("cert.json"), "--trust", at("revoked-key.json")]),
    ("a key that had ended", 20, "key_time", [at("cert.json"), "--trust", at("old-key.json")]),
    ("one byte cut", 21, "cut", [at("cut.json")]),
    ("half of it cut", 21, "cut", [write("half.json", CERT[:len(CERT) // 2])]),
    ("nothing left", 21, "cut", [write("empty.json", "")]),
    ("of another site", 22, "other_site", [at("cert.json"), "--site", "elsewhere"]),
    ("received before", 23, "replayed", [at("cert.json"), "--seen", CERT_B]),
    ("revoked", 24, "revoked", [at("cert.json"), "--trust", at("both.json"), "--revoked", at("revoked.json")]),
    ("by a pack that nobody signed", 25, "pack_unsigned", [at("own/cert.json"), "--trust", at("own/trust.json"), "--pack", at("own/unsigned.yaml")]),
    ("an edited threshold", 26, "pack_edited", [at("cert.json"), "--pack", at("own/same.yaml")]),
    ("a pack of another version", 27, "pack_unknown", [at("cert.json"), "--pack", at("own/other-version.yaml")]),
    ("a pack that is not installed", 26, "pack_edited", [at("own/cert.json"), "--trust", at("own/trust.json")]),
]
for name, want, cause, words in CAUSES:
    words = words if "--trust" in words else words + ["--trust", at("trust.json")]
    code, out, err = run("verify", *words)
    check("cause: " + name, code == want and "NOT VALID" in err and "VALID:" not in out and "eligible" not in out.lower(), "%d: %s%s" % (code, out, err))
    code, out, err = run("verify", *words, "--json")
    check("cause as a word: " + name, code == want and json.loads(out)["cause"] == cause, out)
    code, out, err = run("verify", *words, "--lang", "zh")
    check("cause in Chinese: " + name, code == want and err.startswith("无效:"), err)

# two versions side by side: the certificate is judged by the bytes it was made with, not by the newest
shelf = at("shelf/rules/packs")
os.makedirs(shelf)
newer_text = own.replace("version: 1.0.0", "version: 2.0.0").replace("value: 70 %,", "value: 90 %,")
SHELVES = [
    ("the old one under another name", {"baoding-2024-clause2.yaml": newer_text, "kept-1.0.0.yaml": own}, 0, None),
    ("the old one first", {"a.yaml": own, "baoding-2024-clause2.yaml": newer_text}, 0, None),
    ("the old one is gone", {"baoding-2024-clause2.yaml": newer_text}, 27, "pack_unknown"),
    ("the old one was edited", {"baoding-2024-clause2.yaml": newer_text, "kept-1.0.0.yaml": own.replace("value: 70 %,", "value: 60 %,")}, 26, "pack_edited"),
]
for name, files, want, cause in SHELVES:
    for file in os.listdir(shelf):
        os.unlink(os.path.join(shelf, file))
    for file, text in files.items():
        write(os.path.join(shelf, file), text)
    r = subprocess.run([PUECTL, "verify", at("cert.json"), "--trust", at("trust.json"), "--json"], capture_output=True, text=True, env={**os.environ, "PUED_DATA": at("shelf")})
    said = json.loads(r.stdout)
    check("versions: " + name, r.returncode == want and said["cause"] == cause, r.stdout[-600:] + r.stderr)
    if not want:
        check("versions: it says which: " + name, any("baoding-2024-clause2 1.0.0" in line for line in said["trace"]), said["trace"])

# superseding: the old one is known by the new
code, out, err = run("verify", at("next.json"), "--trust", at("trust.json"), "--seen", at("cert.json"))
check("the new certificate, with the old one received before", code == 0 and "supersedes certificate SIM-demo-baoding-2025-001" in out, out + err)
code, out, err = run("verify", at("cert.json"), "--trust", at("trust.json"), "--seen", at("next.json"))
check("the old one, after the new", code == 23 and "superseded by SIM-demo-baoding-2025-002" in err, err)

# a pack that a publisher signed
code, out, err = run("keys", "generate", "--dir", at("city"), "--role", "publisher", "--at", "2026-01-01T00:00:00Z")
check("a city's key", code == 0, err)
code, out, err = run("pack", "sign", at("own/unsigned.yaml"), "--keys", at("city"))
check("signs its pack", code == 0, err)
code, out, err = run("verify", at("own/cert.json"), "--trust", at("own/trust.json"), "--pack", at("own/unsigned.yaml"))
check("a signature by nobody one trusts", code == 25 and "not in the trust store" in err, err)
own_trust = json.load(open(at("own/trust.json")))
own_trust["keys"] += json.load(open(at("city/trust.json")))["keys"]
write("own/both.json", json.dumps(own_trust))
code, out, err = run("verify", at("own/cert.json"), "--trust", at("own/both.json"), "--pack", at("own/unsigned.yaml"))
check("a pack signed and trusted, and that is told", code == 0 and "a trusted publisher signed it" in out, out + err)

# facts
payload = json.loads(CERT)["view"]["facts"]
facts = write("facts.json", json.dumps(payload))


def judge(name, change, want, *words, pack=None):
    f = json.loads(json.dumps(payload))
    change(f)
    path = write("f.json", json.dumps(f))
    code, out, err = run("eligibility", "--facts", path, *(["--pack", pack] if pack else []), *words)
    check(name, code == want, "%d: %s%s" % (code, out, err))
    return out, err


judge("robust", lambda f: None, 0)
judge("under", lambda f: f["racks"].update(metered=None), 11)
judge("not eligible", lambda f: f["racks"].update(installed=9, in_use=9, metered=9, standard_milli=9000), 10)
judge("incomplete", lambda f: f.update(completed=None), 11)
judge("insufficient", lambda f: f["kpi"].update(findings=1), 11)
judge("outside", lambda f: f.update(applied="2027-01-26"), 10)
judge("claimed", lambda f: f["claims"].append({"site": "demo-baoding", "policy": "baoding-2024-clause2", "id": "G"}), 10)
judge("a rate outside its bound is refused", lambda f: f.update(approved_rate_fen=100001), 65)
out, err = judge("what-if", lambda f: f["racks"].update(installed=9, in_use=9, metered=9, standard_milli=9000), 0, "--assume", "racks=1010")
check("what-if is marked", "NOT EVIDENCE" in out, out)
out, err = judge("what-if of a PUE keeps its uncertainty", lambda f: None, 11, "--assume", "pue=1.2499")
check("and says so", "acceptance=simple" in out, out)


def outlook(name, completed, judged, state, interim, whole, too_late, english, chinese):
    """When it becomes decidable, from the day of completion and the day of judging; facts without that day of the configuration."""
    def change(f):
        f["site"]["retrofit_completed"] = None
        f.update(completed=completed, judged=judged)
    f = json.loads(json.dumps(payload))
    change(f)
    path = write("f.json", json.dumps(f))
    code, out, err = run("eligibility", "--facts", path, "--json")
    o = json.loads(out)["outlook"] if out else {}
    got = [o.get(k) for k in ("state", "interim_complete", "window_complete", "too_late")]
    check("outlook: " + name, got == [state, interim, whole, too_late], "%s %s" % (o, err))
    for lang, words in (("en", english), ("zh", chinese)):
        out = run("eligibility", "--facts", path, "--why", "--lang", lang)[1]
        check("outlook in words: " + name, words in out.split("\n")[-2], out)


outlook("nobody stated the day", None, "2026-01-10", "no_event", None, None, False, "retrofit_completed", "尚无人说明")
outlook("completed on a month's first day", "2025-12-01", "2025-12-31", "dated", "2025-12-31", "2026-11-30", False, "12 whole months are complete on 2026-11-30", "12个整月于2026-11-30满")
outlook("completed inside a month", "2025-12-02", "2026-01-31", "dated", "2026-01-31", "2026-12-31", False, "The first whole month is complete on 2026-01-31", "首个整月于2026-01-31满")
outlook("an interim value can be had", "2025-12-02", "2026-02-01", "dated", None, "2026-12-31", False, "12 whole months are complete on 2026-12-31", "12个整月于2026-12-31满")
outlook("the last day in time", "2026-01-01", "2026-06-10", "dated", None, "2026-12-31", False, "2026-12-31", "2026-12-31")
outlook("too late for a whole window", "2026-02-03", "2026-06-10", "dated", None, "2027-02-28", True, "only an interim value can be had", "只能得到中期值")
outlook("whole on its last day: not yet", "2024-12-31", "2025-12-31", "dated", None, "2025-12-31", False, "2025-12-31", "2025-12-31")
outlook("whole", "2024-12-31", "2026-01-01", "whole", None, "2025-12-31", False, "nothing is left to wait for", "无须再等")
judge("an unknown assumption", lambda f: None, 64, "--assume", "luck=1")
judge("an assumption in another unit", lambda f: None, 64, "--assume", "racks=5 yuan")
out, err = judge("reasons in Chinese", lambda f: f["racks"].update(installed=9, in_use=9, metered=9, standard_milli=9000), 10, "--why", "--lang", "zh")
check("say the quoted text", "机架数不低于1000架" in out and "不满足" in out, out)
out, err = judge("as JSON", lambda f: None, 0, "--json")
check("with readings", len(json.loads(out)["criteria"][0]["readings"]) == 24, out[:300])

# packs
out, err = judge("an edited pack says nothing", lambda f: None, 12, pack=edited)
check("and is named", "baoding-2024-clause2" in err and "not signed" in err, err)
code, out, err = run("pack", "test", edited)
check("its vectors notice", code == 1 and "failed" in out, out)
code, out, err = run("keys", "generate", "--dir", at("publisher"), "--role", "publisher", "--at", "2026-01-01T00:00:00Z")
check("a publisher", code == 0, err)
code, out, err = run("pack", "sign", edited, "--keys", at("publisher"))
check("signs a pack", code == 0 and os.path.exists(edited + ".jws"), err)
judge("signed, but nobody trusts it", lambda f: None, 12, pack=edited)
judge("signed and trusted", lambda f: None, 0, "--trust", at("publisher/trust.json"), pack=edited)
with open(edited, "a", encoding="utf-8") as f:
    f.write("# one more line\n")
out, err = judge("edited after signing", lambda f: None, 12, "--trust", at("publisher/trust.json"), pack=edited)
check("says so", "was changed after it was signed" in err, err)
judge("a draft", lambda f: None, 78, pack="beijing-2026-price")
judge("no such pack", lambda f: None, 78, pack="atlantis")
newer = write("newer.yaml", open(PACK, encoding="utf-8").read().replace("format: 1\npack", "format: 2\npack"))
out, err = judge("a newer format", lambda f: None, 78, pack=newer)
check("names both", "'2'" in err and "format 1" in err, err)
code, out, err = run("pack", "check", newer)
check("pack check: file, line, column", code == 78 and re.search(r"newer\.yaml:3:9: ", err), err)
code, out, err = run("pack", "show", "baoding-2024-clause2")
check("pack show", code == 0 and json.loads(out)["draft"] is False, err)
code, out, err = run("pack", "list")
check("pack list", code == 0 and "[draft]" in out, out)

shutil.rmtree(DIR)
finish()
