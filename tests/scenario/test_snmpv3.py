"""SNMPv3 against a real snmpd: every pair of protocols that it can answer, wrong secrets, refused weak ones, a rebooted engine.

usage: test_snmpv3.py PUECTL SNMP_CLIENT SOURCE_ROOT
"""
import contextlib, json, os, pathlib, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from peers import snmpd, snmpd_path  # noqa: E402
from simtest import free_port  # noqa: E402

puectl, client, root = sys.argv[1:4]
failed = []
AUTHS = {"sha": "SHA", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
PRIVS = {"aes128": "AES", "aes192": "AES-192", "aes256": "AES-256", "aes192c": "AES-192-C", "aes256c": "AES-256-C"}


def check(name, good, detail=""):
    print(("ok   " if good else "FAIL ") + name, "" if good else detail)
    if not good:
        failed.append(name)


def agent(directory, port, users, boots=0):
    engine = "0x80001f888047110b005cd10001"
    lines = [f"exactEngineID {engine}", f"engineBoots {boots}", f"oldEngineID {engine}", "sysName v3-test"]
    for name, auth, priv in users:
        lines += [f'createUser {name} {auth} "auth phrase {name}" {priv} "priv phrase {name}"', f"rouser {name} priv"]
    return snmpd(directory, port, *lines, "createUser open", "rouser open noauth")


def secret(state, name, text):
    path = pathlib.Path(state, "credentials", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def probe(state, endpoint, *args):
    p = subprocess.run([puectl, "probe", endpoint, "--json", "--state", state, *args], capture_output=True, text=True, timeout=60,
                       env=dict(os.environ, PUED_DATA=root))
    return p.returncode, p.stdout, p.stderr


def main():
    if not snmpd_path():
        print("skip: snmpd is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as d, contextlib.ExitStack() as running_agent:
        port = free_port(socket.SOCK_DGRAM)
        users = [(f"{a}{p}", A, P) for a, A in AUTHS.items() for p, P in PRIVS.items()]
        running_agent.enter_context(agent(d, port, users + [("md5des", "MD5", "DES")], boots=50))
        for a in AUTHS:
            for p in PRIVS:
                user = a + p
                secret(d, user, f"auth phrase {user}\npriv phrase {user}\n")
                code, out, err = probe(d, f"snmpv3://{user}@127.0.0.1:{port}?auth={a}&priv={p}&credential={user}")
                check(f"{a} with {p}", code == 0 and json.loads(out)["identity"].get("name") == "v3-test", (code, err))
        code, out, err = probe(d, f"snmpv3://open@127.0.0.1:{port}")
        check("a user without security", code == 0 and json.loads(out)["identity"].get("name") == "v3-test", (code, err))
        secret(d, "bad", "a wrong phrase\npriv phrase shaaes128\n")
        code, out, err = probe(d, f"snmpv3://shaaes128@127.0.0.1:{port}?auth=sha&priv=aes128&credential=bad", "--timeout", "500ms")
        check("wrong authentication pass phrase is named", code != 0 and "wrong authentication" in err, (code, err))
        secret(d, "bad", "auth phrase shaaes128\nanother wrong one\n")
        code, out, err = probe(d, f"snmpv3://shaaes128@127.0.0.1:{port}?auth=sha&priv=aes128&credential=bad", "--timeout", "500ms")
        check("wrong privacy pass phrase is named", code != 0 and ("privacy" in err or "no answer" in err), (code, err))
        code, out, err = probe(d, f"snmpv3://nobody@127.0.0.1:{port}?auth=sha&priv=aes128&credential=shaaes128", "--timeout", "500ms")
        check("unknown user is named", code != 0 and "does not know this user" in err, (code, err))
        for weak in ("auth=md5&priv=aes128", "auth=sha&priv=des"):
            code, out, err = probe(d, f"snmpv3://md5des@127.0.0.1:{port}?{weak}&credential=shaaes128")
            check(f"{weak} is refused", code == 78 and "allow_weak" in err, (code, err))
        code, out, err = probe(d, f"snmpv3://u@127.0.0.1:{port}?auth=sha&credential=absent")
        check("an absent secret is named", code == 78 and "absent" in err, (code, err))
        secret(d, "short", "short\n")
        code, out, err = probe(d, f"snmpv3://u@127.0.0.1:{port}?auth=sha&credential=short")
        check("a short pass phrase is refused", code == 78 and "shorter" in err, (code, err))
        check("no pass phrase in any message", "phrase sha" not in err)
        # R27, F-dev-22: one client lives through restarts of the agent, whose boots were 51 and begin anew
        running = subprocess.Popen([client, f"snmpv3://sha256aes128@127.0.0.1:{port}?credential=sha256aes128", d], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        for round in range(3):
            running.stdin.write("ask\n")
            running.stdin.flush()
            said = running.stdout.readline().strip()
            check(f"engine restarted {round} times: answered within the request", said == "v3-test", said)
            running_agent.close()
            running_agent.enter_context(agent(d, port, users, boots=round))
        running.stdin.close()
        check("the client ends well", running.wait() == 0)
    sys.exit(1 if failed else 0)


main()
