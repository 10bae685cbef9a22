#!/usr/bin/python3
"""The examples of docs/evidence-format.md are what the independent decoders make of them: examples.py EVIDENCE_FORMAT.md"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import sealed  # noqa: E402
from verify_store import i64, root_of, sha  # noqa: E402

QUALITY = ["good", "stale", "substituted", "bad", "missing"]
leaves = []


def leaf(kind, at, text, want):
    leaves.append(sha(b"\0", bytes([int(kind)]), i64(int(at)), b"" if text == '""' else text.encode()))
    return leaves[-1].hex() == want


def root(n, want):
    return root_of(leaves[:int(n)]).hex() == want


def column(data, values):
    want = [int(v) for v in values.split(",")]
    reader = sealed.Bytes(bytes.fromhex(data))
    have = sealed.column(reader, len(want))
    reader.end()
    return have == want


def stamps(data, values):
    return sealed.stamps(bytes.fromhex(data)) == [tuple(map(int, v.split("/"))) for v in values.split(",")]


def block(data, *rest):
    number, samples = sealed.block(bytes.fromhex(data))
    said = ", ".join(f"{QUALITY[q]} (reason {r})" if v is None else f"{QUALITY[q]} {v}" for q, r, v in samples)
    return f"{number}: {said}" == " ".join(rest)


def quarters(data, *rest):
    said = [f"{at}: {n}, {not_good} not good, {low}..{high}, last {last}, sum {total}" for at, n, not_good, low, high, last, total in sealed.quarters(bytes.fromhex(data))]
    return said == [" ".join(rest)]


def main():
    text = Path(sys.argv[1]).read_text()
    lines = re.search(r"```examples\n(.*?)```", text, re.S)[1].splitlines()
    kinds = {f.__name__: f for f in (leaf, root, column, stamps, block, quarters)}
    for line in lines:
        name, *words = line.split()
        assert kinds[name](*words), line
    assert {line.split()[0] for line in lines} == set(kinds)
    print(f"{len(lines)} examples hold")


if __name__ == "__main__":
    main()
