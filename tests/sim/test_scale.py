"""The whole data center in one process: 1,024 racks, 2,048 PDUs, every device answers as itself."""
import os
import resource
import selectors
import socket
import struct
import subprocess
import sys
import simtest

PUED_SIM = sys.argv[1]
check = simtest.Checks()
NAME = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010105000500")   # GET sysName.0
need = 2400 * 2 + 200
if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < need:
    simtest.skip("needs %d open files, the hard limit is lower" % need)

with simtest.Site(PUED_SIM, "--scale", "full") as sim:
    out = os.path.join(sim.dir.name, "site")
    subprocess.run([PUED_SIM, "site", "--scale", "full", "--out", out, "--modbus-port", str(sim.modbus), "--snmp-port", str(sim.snmp)], check=True)
    rows = [line.split(",")[:3] for line in open(os.path.join(out, "devices.csv")).read().splitlines()[1:]]
    agents = {endpoint.split("://")[1].split(":")[0]: id for id, _, endpoint in rows if endpoint.startswith("snmp:")}
    units = [(id, *endpoint.split("://")[1].split("/")) for id, _, endpoint in rows if endpoint.startswith("modbus")]
    check(sum(id.startswith("pdu-") for id in agents.values()) == 2048, "2,048 PDUs")
    check(len(rows) >= 3000, "%d devices" % len(rows))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    left = dict(agents)
    waiting = list(agents)
    while left and waiting:
        for address in waiting[:50]:
            s.sendto(NAME, (address, sim.snmp))
        for _ in waiting[:50]:
            answer, (address, _) = s.recvfrom(4096)
            check(left.pop(address, "?").encode() in answer, address + " answers as itself")
        waiting = waiting[50:]
    check(not left, "%d agents are silent" % len(left))
    connections = {}
    for id, host, unit in units:
        address = host.split(":")[0]
        if address not in connections:
            connections[address] = sim.connect(address)
        function, at = (3, 2999) if id.startswith(("utility", "tx-")) else (3, 0)
        connections[address].sendall(simtest.request(77, int(unit), function, at, 2))
        answer = simtest.frame(connections[address])
        check(len(answer) == 13 and answer[:8] == struct.pack(">HHHBB", 77, 0, 7, int(unit), function), "%s: %s" % (id, answer.hex()))
    status = open("/proc/%d/status" % sim.process.pid).read()
    rss = int(status.split("VmRSS:")[1].split()[0]) // 1024
    print("%d agents, %d Modbus units on %d gateways, %d MiB resident" % (len(agents), len(units), len(connections), rss))
    check(sim.stop() == 0, "ends cleanly")

if resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 16000:
    with simtest.Site(PUED_SIM, "--extra", "5000") as sim:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(10)
        for number, address in ((1, "127.50.0.1"), (251, "127.50.1.1"), (5000, "127.50.19.250")):
            s.sendto(NAME, (address, sim.snmp))
            check(b"x-pdu-%05d" % number in s.recv(4096), "PDU %d of 5000" % number)
            with sim.connect(address.replace("50", "40", 1)) as meter:
                meter.sendall(simtest.request(1, 1, 3, 62, 2))
                check(len(simtest.frame(meter)) == 13, "meter %d of 5000" % number)
        s.close()
else:
    print("10,000 more devices: not tried, the limit of open files is too low")
check.done()
