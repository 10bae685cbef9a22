"""puectl as a whole: every verb answers --help and mistakes in the same way, and docs/puectl.md is what the tables say.

usage: test_ctl.py PUECTL SOURCE_ROOT
"""
import os
import re
import subprocess
import sys

puectl, root = sys.argv[1], sys.argv[2]
failed = 0


def run(*words, **more):
    env = {**os.environ, "PUED_DATA": root, "LC_ALL": "C.UTF-8", **more.pop("env", {})}
    p = subprocess.run([puectl, *words], capture_output=True, text=True, env=env, timeout=60, stdin=subprocess.DEVNULL, **more)
    return p.returncode, p.stdout, p.stderr


def check(name, good, got=""):
    global failed
    if not good:
        failed += 1
        print("FAILED", name, got)


code, page, err = run("help", "--page")
with open(os.path.join(root, "docs/puectl.md"), encoding="utf-8") as f:
    check("docs/puectl.md is what `puectl help --page` prints; write it again", code == 0 and f.read() == page)

code, out, err = run("help")
verbs = re.findall(r"^  ([a-z]+) {2,}", out, re.M)
check("help lists the verbs", code == 0 and len(verbs) > 20 and {"check", "doctor", "status"} <= set(verbs), verbs)
check("alone it is a mistake, and the same page", (lambda r: r[0] == 64 and r[2] == out)(run()))
for verb in verbs:
    code, out, err = run(verb, "--help")
    check(f"{verb} --help", code == 0 and out.startswith(f"puectl {verb}") and not err and run("help", verb)[1] == out, (code, out, err))
    # no English sentence in the Chinese page: words with two small letters outside names of options, files, formats and verbs
    code, zh, err = run(verb, "--help", "--lang", "zh")
    check(f"{verb} --help in Chinese", code == 0 and len(re.findall("[一-鿿]", zh)) > 10 and not re.search(r"(?<![\w.:/'-])(the|of|and|with|when|default)(?![\w.:/'-])", zh), zh)
    code, out, err = run(verb, "--no-such-option")
    check(f"{verb}: an unknown option", code == 64 and "unknown option '--no-such-option'" in err and f"usage: puectl {verb}" in err and not out, (code, out, err))
    code, out, err = run(verb, "--lang", "--json")
    check(f"{verb}: an option for a value", code == 64 and "is an option" in err, (code, err))
    code, out, err = run(verb, "--lang=zh", "--jsno")
    check(f"{verb}: did you mean, in Chinese", code == 64 and "是否 '--json'" in err and "用法" in err, (code, err))

check("an unknown verb", run("chekc")[0] == 64 and "did you mean 'check'" in run("chekc")[2])
check("options before the verb", run("--lang", "zh", "help", "check") == run("help", "check", "--lang=zh"))
check("version", run("--version")[1].startswith("puectl "))
for stream in ("help", "profile"):
    words = ["help"] if stream == "help" else ["profile", "list"]
    with open("/dev/full", "w") as full:
        p = subprocess.run([puectl, *words], stdout=full, stderr=subprocess.PIPE, text=True, env={**os.environ, "PUED_DATA": root})
    check(f"{words} to a full disk", p.returncode == 74 and "standard output" in p.stderr, (p.returncode, p.stderr))

print("failed:", failed)
sys.exit(failed > 0)
