"""docs/faults.md: every class has a row, and every test that a row names is there.

usage: faults.py SOURCE_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
wanted = ["F-dev-%d" % i for i in range(1, 35)] + ["F-net-%d" % i for i in range(1, 8)]
rows, wrong = {}, []
for line in (root / "docs/faults.md").read_text().splitlines():
    cells = [c.strip() for c in line.strip("|").split(" | ")]
    if re.fullmatch(r"F-(dev|net)-\d+", cells[0]):
        rows[cells[0]] = re.findall(r"`(tests/[^`]+)`: (.+?)(?:; (?=`)| \|$|$)", line)
for name in wanted:
    if not rows.get(name):
        wrong.append("%s has no test" % name)
    for path, words in rows.get(name, []):
        file = root / path
        if not file.is_file() or words not in file.read_text():
            wrong.append("%s: '%s' does not stand in %s" % (name, words, path))
print("\n".join(wrong + ["%d classes, %d tests, %d wrong" % (len(rows), sum(map(len, rows.values())), len(wrong))]))
sys.exit(bool(wrong) or len(rows) != len(wanted))
