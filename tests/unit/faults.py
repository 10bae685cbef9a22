"""docs/faults.md: every class, ask and figure has a row, and every test that a row names is there; docs/crash-matrix.md: the same of its rows.

usage: faults.py SOURCE_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
wanted = ["F-dev-%d" % i for i in range(1, 35)] + ["F-net-%d" % i for i in range(1, 8)] + ["R%d" % i for i in range(1, 36)] + ["figure %d" % i for i in range(1, 5)]
rows, wrong = {}, []
for line in (root / "docs/faults.md").read_text().splitlines():
    cells = [c.strip() for c in line.strip("|").split(" | ")]
    if re.fullmatch(r"F-(dev|net)-\d+|R\d+|figure \d", cells[0]):
        rows[cells[0]] = re.findall(r"`((?:tests/[^`]+)|check)`: (.+?)(?:; (?=`)| \|$|$)", line)
for name in wanted:
    if not rows.get(name):
        wrong.append("%s has no test" % name)
    for path, words in rows.get(name, []):
        file = root / path
        if not file.is_file() or words not in file.read_text():
            wrong.append("%s: '%s' does not stand in %s" % (name, words, path))
crashes = [line for line in (root / "docs/crash-matrix.md").read_text().splitlines() if line.startswith("| ") and not line.startswith("| what ")]
for line in crashes:
    named = re.findall(r"`(tests/[^`]+)`: ([^;|]+?)(?=; `| \|)", line)
    if not named and "tests/" in line or line.count(" | ") == 4 and not named:
        wrong.append("no test in: %s" % line[:80])
    for path, words in named:
        file = root / path
        if not file.is_file() or words not in file.read_text():
            wrong.append("crash matrix: '%s' does not stand in %s" % (words, path))
if len(crashes) < 18:
    wrong.append("the crash matrix has %d rows" % len(crashes))
print("\n".join(wrong + ["%d classes, %d tests, %d wrong" % (len(rows), sum(map(len, rows.values())), len(wrong))]))
sys.exit(bool(wrong) or len(rows) != len(wanted))
