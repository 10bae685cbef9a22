"""Real peers of other people's making, as servers on loopback: pymodbus and snmpd."""
import asyncio
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import types


def without_serial_ports():
    """Debian's pymodbus wants pyserial even for TCP; where it is not installed a stand-in takes its place."""
    for name in ("serial", "serial_asyncio"):
        try:
            __import__(name)
        except ImportError:
            module = types.ModuleType(name)
            module.create_serial_connection = module.Serial = None
            module.SerialException = OSError
            sys.modules[name] = module


def pymodbus_missing():
    """Why there is no pymodbus; None when there is."""
    without_serial_ports()
    try:
        import pymodbus.server.async_io  # noqa: F401
    except ImportError as e:
        return str(e)
    return None


@contextlib.contextmanager
def pymodbus_server(unit, registers, identity=None):
    """Its port. `registers`: {"hr", "ir", "co", "di": values from address 0}; `identity`: {object of function 43/14: text}."""
    without_serial_ports()
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
    from pymodbus.device import ModbusDeviceIdentification
    from pymodbus.server.async_io import ModbusTcpServer
    loop, box, started = asyncio.new_event_loop(), {}, threading.Event()

    async def serve():
        store = ModbusSlaveContext(**{kind: ModbusSequentialDataBlock(0, values) for kind, values in registers.items()}, zero_mode=True)
        who = ModbusDeviceIdentification(info=identity) if identity else None
        server = ModbusTcpServer(ModbusServerContext(slaves={unit: store}, single=False), identity=who, address=("127.0.0.1", 0))
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
        box["port"], box["stop"] = server.server.sockets[0].getsockname()[1], task.cancel
        started.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    if not started.wait(20):
        raise SystemExit("the pymodbus server does not start")
    try:
        yield box["port"]
    finally:
        loop.call_soon_threadsafe(box["stop"])
        thread.join(10)


def snmpd_path():
    """None: it is not installed."""
    path = shutil.which("snmpd") or "/usr/sbin/snmpd"
    return path if os.path.exists(path) else None


@contextlib.contextmanager
def snmpd(directory, port, *lines):
    """Runs with these lines of snmpd.conf on 127.0.0.1; what it keeps is in the directory."""
    conf = pathlib.Path(directory, "snmpd.conf")
    conf.write_text("\n".join(("agentaddress udp:127.0.0.1:%d" % port,) + lines) + "\n")
    server = subprocess.Popen([snmpd_path(), "-f", "-Lo", "-C", "-c", str(conf), "-p", str(pathlib.Path(directory, "pid"))], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=dict(os.environ, SNMP_PERSISTENT_DIR=str(pathlib.Path(directory, "persist")), MIBS=""))
    try:
        for line in server.stdout:
            if "NET-SNMP version" in line:
                break
        yield server
    finally:
        server.terminate()
        server.wait()
