"""ctl.py PUECTL PAGE_SERVER: puectl status, top and probe mqtt, against a served picture and a real broker on loopback."""
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

PUECTL, SERVER = sys.argv[1:]
failed = []

SITE = """version: 1
site: {{id: edge-01, name: {{zh: 边缘机房, en: Edge room}}, timezone: Asia/Shanghai}}
meters:
  - {{id: main, role: supply, p_max: 200 kW}}
devices:
  - {{id: main, profile: acrel-adw300, endpoint: "modbus+tcp://10.0.0.11/1"}}
mqtt: {{host: 127.0.0.1, port: {port}, tls: false}}
store: {{dir: {dir}}}
"""


def puectl(*args):
    r = subprocess.run([PUECTL, *map(str, args)], capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
    return r.returncode, r.stdout, r.stderr


def check(name, good, *shown):
    print("ok  " if good else "FAIL", name)
    if not good:
        failed.append(name)
        print(*shown)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def of_a_picture(kind):
    with subprocess.Popen([SERVER, *kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        url = p.stdout.readline().strip()
        port = url.rstrip("/").rsplit(":", 1)[1]
        yield port, url
        p.stdin.close()


def status():
    for port, url in of_a_picture([]):
        code, out, err = puectl("status", "--port", port)
        for text in ("模拟数据 / SIMULATED", "power ratio now 1.245  (3336.0 kW / 2680.0 kW)", "iPUE1 = 1.245 ± 0.013 (k=2)", "no PUE",
                     "1024 installed, 1000 metered, 964 in use", "125 up, 3 late, 2 down", "INSUFFICIENT_DATA: Insufficient data", "3 waiting (oldest 45 min)"):
            check(f"status says: {text}", code == 0 and text in out, out, err)
        code, out, err = puectl("status", "--lang", "zh", "--port", port)
        check("status in Chinese", "功率比(此刻)    1.245" in out and "数据不足" in out, out, err)
        code, out, err = puectl("status", "--json", "--port", port)
        check("status --json is the server's own object", code == 0 and out.strip() == urllib.request.urlopen(url + "api/v1/status", timeout=20).read().decode(), out[:200])
        code, out, err = puectl("top", "--once", "--port", port)
        lines = out.splitlines()
        check("top has the worst first", code == 0 and len(lines) == 131 and lines[1].startswith(("pdu-018", "meter-079")), out[:500])
        code, out, err = puectl("top", "--once", "--by", "latency", "--port", port)
        heading = out.splitlines()[0]
        ms = heading.index(" ms") + len(" ms")
        slow = [float(x[:ms].split()[-1]) for x in out.splitlines()[1:]]
        check("top by latency descends", slow == sorted(slow, reverse=True) and slow[0] > slow[-1], out[:500])
        check("top refuses an order it does not know", puectl("top", "--by", "colour", "--port", port)[0] == 64)
    for port, _ in of_a_picture(["gateway"]):
        code, out, err = puectl("status", "--port", port)
        for text in ("power ratio now -  (3336.0 kW / -)", "no fresh power of these meters (1): it-1",
                     "127.9.1.1:502: none of its 12 units answers; look at the gateway, its power and its cable"):
            check(f"a dead gateway: {text}", code == 0 and text in out, out, err)
        check("its units are not said one by one", "meter-110" not in out, out)
        code, out, err = puectl("status", "--lang", "zh", "--port", port)
        check("a dead gateway in Chinese", "127.9.1.1:502: 其下设备均无应答, 共12台" in out and "失联" in out, out, err)
    for port, _ in of_a_picture(["early"]):
        code, out, err = puectl("status", "--port", port)
        check("nothing measured yet", code == 0 and "power ratio now -  (- / -)" in out and "not judged yet" in out, out, err)
    code, out, err = puectl("status", "--port", free_port())
    check("nobody listens", code == 69 and "is pued running?" in err, out, err)
    check("no port", puectl("status", "--port", "http")[0] == 64)


def of_another_program():
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"hello": 1}')

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        code, out, err = puectl("status", "--port", s.server_port)
        check("another program listens there", code == 69 and "not a pued" in err, out, err)
        s.shutdown()


def broker(folder):
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    port = free_port()
    config = os.path.join(folder, "site.yaml")
    with open(config, "w", encoding="utf-8") as f:
        f.write(SITE.format(port=port, dir=folder))
    code, out, err = puectl("probe", "mqtt", "--config", config)
    check("no broker: the first step fails", code == 69 and out.startswith("FAIL reach: broker 127.0.0.1") and "connection refused" in out, out, err)
    if not program:
        print("mosquitto is not installed: the way through a broker is not tested")
        return
    with open(os.path.join(folder, "m.conf"), "w", encoding="utf-8") as f:
        f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    with subprocess.Popen([program, "-c", f.name], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as p:
        while " running" not in p.stderr.readline():
            if p.poll() is not None:
                check("the broker starts", False)
                return
        threading.Thread(target=p.stderr.read, daemon=True).start()
        code, out, err = puectl("probe", "mqtt", "--config", config)
        check("every step is good", code == 0 and out.count("ok  ") == 5 and "pued/v1/edge-01/probe" in out, out, err)
        code, out, err = puectl("probe", "mqtt", "--json", "--config", config)
        check("and as JSON", code == 0 and [s["step"] for s in json.loads(out)["steps"]] == ["reach", "connect", "subscribe", "publish", "read back"], out, err)
        p.terminate()


status()
of_another_program()
with tempfile.TemporaryDirectory() as name:
    broker(name)
check("no configuration", puectl("probe", "mqtt", "--config", "/nonexistent/x.yaml")[0] == 74)
sys.exit(bool(failed))
