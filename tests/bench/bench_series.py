#!/usr/bin/python3
"""bench_series.py BUILD [SERIES]: the store's figures beside their references, by one command.

bench_store (CPU and bytes written beside a row per sample), bench_day (bytes a sample, xz, sums of 200 series), the same sums in Prometheus
(Debian's prometheus and promtool) and DuckDB (npm, one thread), bench_year (a year of one series beside SQL rows, restart), bench_evidence.
What is compared is CPU time, of the whole server for Prometheus; the answers must agree.  Needs a gigabyte of disk where it is run."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

BUILD = os.path.abspath(sys.argv[1])
SERIES = sys.argv[2] if len(sys.argv) > 2 else "20000"
HERE = os.path.dirname(os.path.abspath(__file__))
START, DAY_MS = 1767225600000, 86400000
NAMES = ("day", "quarters")


def run(*words, cwd):
    print("$", os.path.basename(words[0]), *words[1:], flush=True)
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True)
    print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("sum ")), flush=True)
    return {w[1]: (float(w[2]), float(w[3])) for w in map(str.split, done.stdout.splitlines()) if w and w[0] == "sum"}


def cpu_us(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def prometheus(work):
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        return {}
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", f"{work}/day.om", f"{work}/prom"], check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    open(f"{work}/empty.yml", "w").close()
    server = subprocess.Popen(["prometheus", f"--config.file={work}/empty.yml", f"--storage.tsdb.path={work}/prom", f"--web.listen-address=127.0.0.1:{port}",
                               "--storage.tsdb.retention.time=100y", "--query.max-samples=100000000"], stderr=subprocess.DEVNULL, env={**os.environ, "GOMAXPROCS": "1"})
    end = (START + DAY_MS - 1) / 1000
    ask = {"day": ("query", {"query": "sum(avg_over_time(bench_reading[1d]))", "time": end}),
           "quarters": ("query_range", {"query": "sum(avg_over_time(bench_reading[15m]))", "start": START / 1000 + 899.999, "end": end, "step": 900})}
    out = {}
    try:
        for _ in range(600):
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        for name, (path, words) in ask.items():
            url = f"http://127.0.0.1:{port}/api/v1/{path}?" + urllib.parse.urlencode(words)
            answer, rounds = None, 20
            json.load(urllib.request.urlopen(url, timeout=60))
            before = cpu_us(server.pid)
            for _ in range(rounds):
                result = json.load(urllib.request.urlopen(url, timeout=60))["data"]["result"][0]
                answer = sum(float(v) for _, v in result["values"]) if "values" in result else float(result["value"][1])
            out[name] = ((cpu_us(server.pid) - before) / rounds, answer)
    finally:
        server.terminate()
        server.wait(timeout=30)
    return out


def duckdb(work):
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return {}
    shutil.copytree(f"{HERE}/duckdb", f"{work}/duckdb")
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=f"{work}/duckdb", check=True, stdout=subprocess.DEVNULL)
    return run(node, "sums.mjs", f"{work}/day.csv", str(START), str(START + DAY_MS), cwd=f"{work}/duckdb")


def main():
    work = tempfile.mkdtemp(prefix="bench-series-", dir=".")
    work = os.path.abspath(work)
    bench = f"{BUILD}/tests/bench"
    try:
        ours = run(f"{bench}/bench_day", SERIES, work, cwd=work)
        rows = {"store": ours, "Prometheus": prometheus(work), "DuckDB": duckdb(work)}
        print(f"{'sum of 200 series over a day, CPU us':40s} {'one value':>12s} {'96 quarters':>12s}")
        for name, found in rows.items():
            if found:
                print(f"{name:40s} " + " ".join(f"{found[k][0]:12.0f}" for k in NAMES))
        for name, found in rows.items():
            for k in NAMES:
                if found and name != "store":
                    assert abs(found[k][1] - ours[k][1]) < 1e-6 * abs(ours[k][1]), (name, k, found[k], ours[k])
                    print(f"{name} / store, {k}: {found[k][0] / ours[k][0]:.1f}")
        print(f"the store, of ranges that cut quarters: a day but its first ms {ours['cut'][0]:.0f}, half a day from noon and a ms {ours['noon'][0]:.0f}; in steps that are no quarters (all readings decoded) {ours['raw'][0]:.0f}")
        if rows["DuckDB"]:
            print(f"DuckDB, plain sum of all values without groups: {rows['DuckDB']['plain'][0]:.0f}", flush=True)
        run(f"{bench}/bench_year", cwd=work)
        run(f"{bench}/bench_store", SERIES, "3", cwd=work)
        run(f"{bench}/bench_evidence", cwd=work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
