"""docs/schema/profile.schema.json holds for every profile of the library, and refuses what the reader refuses."""
import copy, json, pathlib, re, sys
try:
    import jsonschema, yaml
except ImportError:
    sys.exit(77)

class Loader(yaml.SafeLoader):
    """YAML 1.2 as core/conf.c reads it: `on` and `off` are words."""

Loader.yaml_implicit_resolvers = {k: [r for r in v if r[0] not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
                                  for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))

def as_json(v):
    if isinstance(v, dict):
        return {str(k): as_json(x) for k, x in v.items()}
    return [as_json(x) for x in v] if isinstance(v, list) else v

def main(schema_file, profiles):
    schema = json.loads(pathlib.Path(schema_file).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    wrong, docs = 0, {}
    for f in sorted(pathlib.Path(profiles).glob("*.yaml")):
        docs[f.name] = as_json(yaml.load(f.read_text(), Loader))
        for e in check.iter_errors(docs[f.name]):
            print(f"{f.name}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}")
            wrong += 1
    good = docs["pued-sim-rowcabinet.yaml"]
    for path, value in (("points/0/at", "register 5"), ("points/0/type", "u17"), ("points/0/quantity", "power"), ("points/0/scale", "ten"),
                        ("points/0/unitt", "V"), ("revision", 0), ("identify/0/producer", "x"), ("checks/0/rule", "product"), ("tests/0/expects", {})):
        bad = copy.deepcopy(good)
        at = bad
        *way, last = path.split("/")
        for k in way:
            at = at[int(k) if k.isdigit() else k]
        at[last] = value
        if check.is_valid(bad):
            print(f"accepted: {path}: {value}")
            wrong += 1
    print(f"{len(docs)} profiles, {wrong} wrong")
    return wrong != 0 or not docs

sys.exit(main(*sys.argv[1:]))
