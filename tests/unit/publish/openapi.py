"""openapi.py SERVER OPENAPI: what the server answers is what docs/openapi.yaml says, member for member."""
import json
import subprocess
import sys
import urllib.request

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is not installed")
    sys.exit(77)

NEED_A_STORE = ("history", "sum", "latest", "energy")      # tests/scenario/test_pued.py asks for these
KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


def differences(spec, schema, value, place):
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(type(value) is KINDS[k] for k in kinds):
        yield f"{place}: {value!r} is not {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, list):
        for i, x in enumerate(value):
            yield from differences(spec, schema.get("items", {}), x, f"{place}/{i}")
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{place}/{k} is missing" for k in schema.get("required", []) if k not in value)
        for k, x in value.items():
            if k in known or other:
                yield from differences(spec, known.get(k, other), x, f"{place}/{k}")
            else:
                yield f"{place}/{k} is not described"


def ask(url, path):
    with urllib.request.urlopen(url + path, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read()


def main(server, file):
    spec, bad = yaml.safe_load(open(file, encoding="utf-8")), []
    for kind in ([], ["early"], ["hostile"], ["real"]):
        with subprocess.Popen([server, *kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
            url = p.stdout.readline().strip().rstrip("/")
            for path in spec["paths"]:
                content = spec["paths"][path]["get"]["responses"]["200"]["content"]
                if "application/json" not in content or path.rsplit("/", 1)[1] in NEED_A_STORE:
                    continue
                found, body = ask(url, path)
                bad += [] if found in content else [f"{path}: {found}"]
                bad += [f"{kind} {x}" for x in differences(spec, content[found]["schema"], json.loads(body), path)]
            p.stdin.close()
    for line in bad[:20]:
        print(line)
    return bool(bad)


sys.exit(main(*sys.argv[1:]))
