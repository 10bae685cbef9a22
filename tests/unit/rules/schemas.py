"""The schemas of docs/schema hold for what the programs read and write, and refuse what is spelled otherwise.

schemas.py SCHEMA_DIR WHAT FILE...: WHAT is facts, certificate, report (JSON: a payload, or the envelope around it) or pack (YAML, or the page with one)."""
import base64
import copy
import json
import pathlib
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    print("python3-jsonschema and python3-yaml are needed for this test")
    sys.exit(77)


class Loader(yaml.SafeLoader):
    """YAML 1.2 as core/conf.c reads it: `on` is a word, a day is a text."""


Loader.yaml_implicit_resolvers = {k: [r for r in v if r[0] not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
                                  for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))

# what a document of a kind must not become: (place, value); None removes
WRONG = {
    "facts": [("judged", "10 January"), ("kpi/kind", "pue"), ("kpi/total_mwh", 1.5), ("racks/installed", -1), ("luck", 1), ("site/id", None), ("kpi/complete_time_ppm/total", 1000001)],
    "certificate": [("verdict/kind", "ELIGIBLE"), ("term", "yearly"), ("evidence/tree_root", "00"), ("identity/number", ""), ("facts/judged", None), ("results/racks/installed", "many"), ("more", 1),
                    ("evidence/leaves/0/path/0", "xyz"), ("verdict/assumed", True)],
    "report": [("schema", "pued-report/2"), ("seq", -1), ("tree/root", "00"), ("total/known", "yes"), ("made", "today"), ("more", 1)],
    "pack": [("format", 2), ("criteria/0/quote", None), ("figures/0/status", "sure"), ("window/kind", "monthly"), ("validity/events/0", "sunrise"), ("vectors/0/verdict", "MAYBE"), ("figurs", [])],
}


def load(path, what):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    if what == "pack":
        return yaml.load(re.search(r"```yaml\n(.*?)```", text, re.S)[1] if path.endswith(".md") else text, Loader)
    document = json.loads(text)
    if set(document) >= {"payload", "signatures"}:
        document = json.loads(base64.urlsafe_b64decode(document["payload"] + "=" * (-len(document["payload"]) % 4)))
    return document


def validator(folder, what):
    docs = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in pathlib.Path(folder).glob("*.schema.json")}
    schema = docs[what + ".schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    store = {d["$id"]: d for d in docs.values() if "$id" in d}
    return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver(schema["$id"], schema, store=store))


def changed(document, path, value):
    out = copy.deepcopy(document)
    *way, last = [int(k) if k.isdigit() else k for k in path.split("/")]
    at = out
    for k in way:
        at = at[k]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return out


def check(folder, what, documents):
    """Problems, a line each."""
    v, problems = validator(folder, what), []
    for name, document in documents:
        problems += [f"{name}: /{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in v.iter_errors(document)]
    for path, value in WRONG[what]:
        if v.is_valid(changed(documents[0][1], path, value)):
            problems.append(f"accepted: {what}: {path} = {value}")
    return problems


if __name__ == "__main__":
    folder, what, *files = sys.argv[1:]
    loaded = [(f, load(f, what)) for f in files]
    if what == "facts":
        loaded = [(f, d["facts"]) for f, d in loaded]
    wrong = check(folder, what, loaded)
    print("\n".join(wrong) or f"{len(loaded)} documents, and {len(WRONG[what])} that are refused")
    sys.exit(1 if wrong else 0)
