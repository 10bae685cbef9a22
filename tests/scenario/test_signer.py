"""Signing in a process of its own: pued holds no key; a signer that is away delays reports and nothing else; it signs our documents only."""
import base64
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from simtest import Checks, Site, wait  # noqa: E402

pued, puectl, pued_sim, pued_signer = sys.argv[1:5]
check = Checks()
work = tempfile.mkdtemp(prefix="pued-signer-")
config, state, keys, sock, log = (os.path.join(work, n) for n in ("site.yaml", "state", "keys", "sock", "log"))
trust = os.path.join(state, "keys/trust.json")


def text():
    with open(log) as f:
        return f.read()


def rows(sql):
    db = sqlite3.connect("file:%s/evidence.db?mode=ro" % state, uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def leaves(kind):
    return [json.loads(r[0]) for r in rows("select bytes from leaf where kind = %d order by ix" % kind)]


def ctl(*words, code=0):
    done = subprocess.run([puectl, *words], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=60)
    check(done.returncode == code, "puectl %s: exit %d instead of %d: %s%s" % (" ".join(words), done.returncode, code, done.stdout, done.stderr))
    return done.stdout + done.stderr


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def ask(data, path=sock):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while part := s.recv(4096):
            answer += part
        return answer


def start_pued(*more):
    return subprocess.Popen([pued, "--config", config, "--state", state, "--http-port", "0", "--clock-offset", str(sim.offset), *more], stderr=open(log, "a"))


def start_signer(*more):
    process = subprocess.Popen([pued_signer, "--keys", keys, "--site", "signer-test", "--socket", sock, *more], stderr=subprocess.DEVNULL)
    check(wait(20, lambda: os.path.exists(sock) and ask(b"x")), "the signer listens")
    return process


def stop(process, sig=signal.SIGTERM):
    process.send_signal(sig)
    return process.wait(timeout=40)


os.makedirs(os.path.join(state, "keys"), mode=0o700)
ctl("keys", "generate", "--dir", keys, "--alg", "both", "--site", "signer-test", "--name", "main", "--simulated", "--from", "2020-01-01T00:00:00Z")
shutil.copy(os.path.join(keys, "trust.json"), trust)
kid = [k["kid"] for k in json.load(open(trust))["keys"] if k["alg"] == "EdDSA"][0]
processes = []
try:
    with Site(pued_sim, "--racks-polled", "32") as sim:
        with open(config, "w") as f:
            f.write("version: 1\nsite:\n  id: signer-test\n  name: {zh: 签名, en: Signing}\n  timezone: Asia/Shanghai\n  simulated: true\n"
                    "signer: %s\nsigning_key: main\n"
                    "defaults:\n  meters: {class: 0.5S, p_max: 5 MW}\n  devices: {poll: 1s, deadline: 500ms}\n"
                    "meters:\n  - {id: utility-a, role: supply, device: utility-a}\n  - {id: tx-a1, role: it, device: tx-a1, point: ups_output}\n"
                    "devices:\n  - {id: utility-a, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.1:%d/1\"}\n"
                    "  - {id: tx-a1, profile: schneider-iem3000, endpoint: \"modbus+tcp://127.10.0.11:%d/1\"}\n" % (sock, sim.modbus, sim.modbus))

        # the readings of the half hour before: the ledger is under way when the simulated quarter ends
        past = os.path.join(work, "past")
        with open(past, "w") as f:
            lines = subprocess.run([pued_sim, "history", "--from", "2025-12-31T23:40:00+08:00", "--to", "2026-01-01T00:14:00+08:00", "--step", "1m",
                                    "--racks-polled", "32"], capture_output=True, text=True, check=True).stdout.splitlines(True)
            f.writelines(line for line in lines if line[0] == "#" or line.split()[1] in ("utility-a/total.energy", "tx-a1/total.energy"))

        # nobody signs: readings and evidence go on, and the log has one line about it
        daemon = start_pued("--import", past, "--import-step", "1m")
        processes.append(daemon)
        check(wait(30, lambda: "nothing is signed" in text()), "it says that nobody signs: " + text()[-500:])
        check(wait(100, lambda: [i for i in leaves(0) if i["from"] == 1767195900000]), "an interval is in the evidence all the same: " + text()[-300:])
        check(rows("select count(*) from outbox")[0][0] == 0 and rows("select count(*) from head")[0][0] == 0, "nothing unsigned leaves")
        check(text().count("nothing is signed") == 1 and "pued-signer.socket" in text(), "one alarm, with the next step: " + text()[-600:])
        ctl("verify", "--store", state)
        page = re.findall(r"pages: (http://\S+)", text())[-1]

        def status():
            with urllib.request.urlopen(page + "api/v1/status", timeout=5) as answer:
                return json.load(answer)

        check(wait(10, lambda: (s := status())["degraded"] and "nothing is signed, 1 reports wait" in s["store"]), "the page says it: %s" % status()["store"])
        check(all(d["state"] == "up" for d in status()["devices"]), "devices are polled all the while: %s" % status()["devices"])

        # a crash meanwhile: what waited for its signature still does
        stop(daemon, signal.SIGKILL)
        daemon = start_pued()
        processes.append(daemon)
        check(wait(30, lambda: text().count("nothing is signed") == 2), "again nobody signs")
        # one that takes the question and says nothing: the loop is not kept from its polls
        with socket.socket(socket.AF_UNIX) as hung:
            hung.bind(sock)
            hung.listen(8)
            hung.settimeout(70)
            peer, _ = hung.accept()
            asked, gone = time.monotonic(), select.poll()
            gone.register(peer, select.POLLHUP)
            while not any(event & select.POLLHUP for _, event in gone.poll(5000)) and time.monotonic() - asked < 5:
                pass
            check(time.monotonic() - asked < 2, "it gives up after a moment: %.3f s" % (time.monotonic() - asked))
            peer.close()
        os.unlink(sock)
        signer = start_signer()
        processes.append(signer)
        check(wait(90, lambda: rows("select count(*) from outbox")[0][0] >= 1 and rows("select count(*) from head")[0][0] >= 1), "the report is signed when the signer is there: " + text()[-300:])
        check(wait(10, lambda: "signing goes on" in text()), "and the log says so: " + text()[-300:])
        seq, payload = rows("select seq, payload from outbox order by seq")[0]
        report = os.path.join(work, "report.json")
        with open(report, "wb") as f:
            f.write(payload)
        check(seq == 1 and len(json.loads(payload)["signatures"]) == 2, "report 1, by both keys")
        check("VALID" in ctl("verify", report, "--trust", trust), "the report verifies")
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        form = subprocess.run(["/usr/bin/python3", f"{root}/tests/unit/rules/schemas.py", f"{root}/docs/schema", "report", report], capture_output=True, text=True, timeout=60)
        check(form.returncode in (0, 77), "the report has the form of its schema: " + form.stdout[:600] + form.stderr[-300:])
        check(json.loads(ctl("verify", "--store", state, "--trust", trust, "--json"))["signatures"] >= 4, "the signatures of reports and heads hold")

        # what is in the evidence beside readings
        check([p["profile"] for p in leaves(3)] == ["schneider-iem3000"] and re.fullmatch("[0-9a-f]{64}", leaves(3)[0]["sha256"]), "one profile, once: %s" % leaves(3))
        check([(k["event"], k["key"]["alg"]) for k in leaves(5)] == [("made", "EdDSA"), ("made", "SM2")], "both keys, once: %s" % leaves(5))
        check(len(leaves(6)) == 2 and all(c["synced"] and c["zone"] == "Asia/Shanghai" for c in leaves(6)), "the clock, once a run: %s" % leaves(6))
        check(len(leaves(2)) == 1, "one configuration")

        # no oracle: only our own documents, of this site, in their one spelling
        header = b'{"alg":"EdDSA","kid":"%s","typ":"pued-head+json"}' % kid.encode()
        body = b'{"made":"2026-01-01T00:00:00Z","simulated":true,"site":"signer-test"}'
        check(ask(b64(header) + b"." + b64(body))[:1] == b"\0", "a document of ours is signed")
        for what, head, load, sentence in [
            ("any bytes", None, b"pay 1000000", "not the signing input"),
            ("another type", header.replace(b"pued-head+json", b"JWT"), body, "not those of our documents"),
            ("another spelling of the header", header.replace(b",", b", "), body, "not in the form"),
            ("one member more", header.replace(b"}", b',"x":1}'), body, "unknown member"),
            ("another site", header, body.replace(b"signer-test", b"elsewhere"), "of site elsewhere"),
            ("no site", header, b'{"made":"2026-01-01T00:00:00Z","simulated":true}', "does not say its site"),
            ("not canonical", header, body.replace(b",", b", "), "canonical"),
            ("a key that is not here", header.replace(kid.encode(), b"0" * 16), body, "is not here"),
        ]:
            answer = ask(load if head is None else b64(head) + b"." + b64(load))
            check(answer[:1] == b"\1" and sentence in answer.decode(), "%s: %s" % (what, answer))

        # a rotation: the running pued signs with the successors within a second or so, and the old report still verifies
        ctl("keys", "rotate", "--dir", keys)
        stop(signer)
        signer = start_signer()
        processes.append(signer)
        for name in os.listdir(keys):
            if name.endswith(".json"):
                shutil.copy(os.path.join(keys, name), os.path.join(state, "keys", name))
        check(wait(20, lambda: len(leaves(5)) == 6), "rotation is in the evidence: %s" % leaves(5))
        check(sorted(k["event"] for k in leaves(5)[2:]) == ["ended", "ended", "made", "made"], "two ended, two made")
        check(all(json.loads(k["statement"])["signatures"] for k in leaves(5)[2:] if k["event"] == "made"), "each with the old key's word for it")
        ctl("verify", report, "--trust", trust)

        # a revocation: what the key signed from then on is refused with the reason
        ctl("keys", "revoke", kid, "--dir", os.path.join(state, "keys"), "--at", "2025-12-31T00:00:00Z")
        check("was revoked at 2025-12-31" in ctl("verify", report, "--trust", trust, code=20), "revoked")
        check(wait(20, lambda: leaves(5)[-1]["event"] == "revoked"), "and that is evidence too: %s" % leaves(5)[-1])

        # a certificate and its revocation leave a record; a file that nobody trusted signed does not
        spool = os.path.join(state, "certificates")
        new = [k["kid"] for k in json.load(open(trust))["keys"] if k["alg"] == "EdDSA" and not k["until"]][0]
        revoke = ["revoke", "SIM-1", "--reason", "a test", "--site", "signer-test", "--keys", keys, "--out", os.path.join(work, "gone.json")]
        check("no certificate SIM-1 was issued here" in ctl(*revoke, "--state", state, "--simulated", code=64), "what was not issued is not revoked")
        check("signs simulated data only" in ctl(*revoke, code=12) and not os.path.exists(os.path.join(work, "gone.json")), "what its own site would refuse is not written")
        ctl(*revoke, "--simulated")
        os.makedirs(spool, mode=0o700, exist_ok=True)
        shutil.copy(os.path.join(work, "gone.json"), os.path.join(spool, "gone.json"))
        check(wait(20, lambda: leaves(8)), "the revocation of a certificate is a leaf")
        check(leaves(8)[0]["number"] == "SIM-1" and leaves(8)[0]["event"] == "revoked" and leaves(8)[0]["kid"] == new, "what it says: %s" % leaves(8))
        with open(os.path.join(spool, "forged.json"), "wb") as f:
            f.write(payload.replace(b'"payload":"', b'"payload":"A'))
        check(wait(20, lambda: "no leaf is made of it" in text()) and len(leaves(8)) == 1, "a forged one is told and left out")

        # a clean end: its last head covers everything
        check(stop(daemon) == 0, "ends cleanly")
        check(rows("select max(size) from head")[0][0] == rows("select count(*) from leaf")[0][0], "the last head covers all leaves")
        check(stop(signer) == 0, "the signer ends cleanly")
        ctl("verify", "--store", state)
    # handed over by the service manager
    activate = shutil.which("systemd-socket-activate")
    if activate:
        other = os.path.join(work, "activated")
        processes.append(subprocess.Popen([activate, "-l", other, pued_signer, "--keys", keys], stderr=subprocess.DEVNULL))
        wait(20, lambda: os.path.exists(other))
        check(b"not the signing input" in ask(b"x", other), "a socket of the service manager")
finally:
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    shutil.rmtree(work, ignore_errors=True)
check.done()
