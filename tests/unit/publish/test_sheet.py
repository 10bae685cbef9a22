#!/usr/bin/python3
"""The certificate's sheet: what a reader of the PDF finds in it.  Arguments: sheet_tool, example-cert.json."""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kit import check, finish  # noqa: E402

TOOL, EXAMPLE = sys.argv[1:3]
for program in ("pdftotext", "pdffonts", "pdfinfo"):
    if not shutil.which(program):
        print(program + " is not installed (poppler-utils)")
        sys.exit(77)

with open(EXAMPLE, encoding="utf-8") as f:
    CERT = json.load(f)
DIR = tempfile.mkdtemp(prefix="sheet-")


def draw(cert, lang, name="sheet"):
    source, pdf = os.path.join(DIR, name + ".json"), os.path.join(DIR, name + "-" + lang + ".pdf")
    with open(source, "w", encoding="utf-8") as f:
        json.dump(cert, f, ensure_ascii=False)
    run = subprocess.run([TOOL, source, lang, pdf], capture_output=True, text=True)
    return run.returncode, run.stderr, pdf


def words(pdf):
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    return re.sub(r"\s+", " ", text), text.split("\f")[:-1]


def drawn(name, cert, lang, wanted, unwanted=()):
    code, err, pdf = draw(cert, lang, name)
    check(name + " " + lang + " is drawn", code == 0, err)
    if code:
        return None, []
    text, pages = words(pdf)
    for word in wanted:             # how wide a blank is, pdftotext guesses
        check(name + " " + lang + " says " + word, word.replace(" ", "") in text.replace(" ", ""))
    for word in unwanted:
        check(name + " " + lang + " does not say " + word, word not in text)
    return pdf, pages


FIGURES = ["1.243 ± 0.006", "28,310,000.0 kW·h", "22,776,000.0 kW·h", "demo-baoding-2025-001", "2025-01-01..2025-12-31", "ISO/IEC 30134-2:2026",
           "1,000,000.00", "500,000.00", "计算功能占比大于70%", "机架数不低于1000架", "PUE低于1.25", "760/1024", "74.22 %", "示例云计算有限公司",
           "Example Cloud Co., Ltd.", "SN-mains-a", "0.2S / 0.2S", "CAL-2024-ups-2", "2026-06-30", "2,350,296.0 kW·h", "0.0080 / 0.0124", "650.0 kW·h",
           "no answer for 28 min", CERT["evidence"]["tree_root"], "3f0a1b2c4d5e6f70", "puectl verify FILE --trust KEYS", "leaf:35101"]

# the example, in both languages, each of which says everything in both
for lang in ("zh", "en"):
    pdf, pages = drawn("example", CERT, lang, FIGURES + ["申报单位", "Applicant", "符合条件", "ELIGIBLE", "上限不是拨款决定", "A bound, not a grant", "盖章", "seal"],
                       ["中期", "INTERIM", "Interim"])
    check("every page says it is simulated", pages and all("模拟数据" in p and "SIMULATED" in p for p in pages), str(len(pages)))
    fonts = subprocess.run(["pdffonts", pdf], capture_output=True, text=True).stdout.splitlines()[2:]
    check("fonts are embedded subsets", fonts and all(re.match(r"[A-Z]{6}\+WenQuanYi", line) and " yes yes yes " in line for line in fonts), "\n".join(fonts))
    info = subprocess.run(["pdfinfo", "-isodates", pdf], capture_output=True, text=True).stdout
    check("A4", "595 x 842" in info or "A4" in info)
    check("dated by the certificate", re.search(r"CreationDate:\s+2026-01-10T02:00:00", info), info)
    again = pdf + ".again"
    os.rename(pdf, again)
    os.environ["SOURCE_DATE_EPOCH"] = "1"
    os.environ["TZ"] = "America/New_York"
    draw(CERT, lang, "example")
    check("two runs are the same bytes", open(pdf, "rb").read() == open(again, "rb").read())
    check("size", os.path.getsize(pdf) < 300000, str(os.path.getsize(pdf)))


def variant(**changes):
    cert = copy.deepcopy(CERT)
    for path, value in changes.items():
        place = cert
        keys = path.split("__")
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    return cert


drawn("real", variant(simulated=False), "zh", ["1.243"], ["模拟数据", "SIMULATED"])
pdf, pages = drawn("interim", variant(simulated=False, term="interim", results__pue__name="iPUE2"), "zh", ["iPUE2 = 1.243", "中期", "INTERIM"], ["模拟"])
check("every page says it is interim", all("中期" in p and "INTERIM" in p for p in pages))
drawn("interim and simulated", variant(term="interim"), "en", ["INTERIM", "SIMULATED", "Interim Certificate"])

# nothing is eligible by default
drawn("no number", variant(results__pue__value=None, results__pue__u=None, facts__kpi__why_not="IT meter ups-2: 31 days are missing",
                           verdict__kind="INSUFFICIENT_DATA", verdict__sentence={"zh": "数据不足", "en": "Data are lacking"}, amount__upper_bound_fen=0),
      "en", ["No PUE can be stated", "IT meter ups-2: 31 days are missing", "INSUFFICIENT DATA"], [" ELIGIBLE", "Upper bound of the subsidy", "PUE2 = 1.243"])
drawn("not eligible", variant(verdict__kind="NOT_ELIGIBLE", amount__upper_bound_fen=0), "zh", ["不符合条件", "NOT ELIGIBLE"], ["补贴金额上限"])
drawn("a verdict of the future", variant(verdict__kind="SOMETHING_NEW", verdict__sentence={"zh": "甲", "en": "A"}, amount__upper_bound_fen=0), "zh",
      ["数据不足,无法判定"], ["符合条件"])

# open ends
many = variant()
many["meters"] = [dict(CERT["meters"][0], id="feed-%d" % i) for i in range(40)] + [dict(CERT["meters"][2], id="rack-%d" % i, role="rack") for i in range(400)]
pdf, pages = drawn("many meters", many, "zh", ["feed-39", "另有 400 块机架电表"], ["rack-7 "])
check("the footer counts pages", pages and all("%d/%d" % (i + 1, len(pages)) in re.sub(r"\s", "", p) for i, p in enumerate(pages)))
holes = variant()
for month in holes["results"]["months"][3:5]:
    month.update(value=None, it_mwh=0, u_ppm_rho0=None, u_ppm_rho1=-1)
drawn("months without a value", holes, "zh", ["2025-04", "— / —"])
bare = {k: CERT[k] for k in ("format", "identity", "issued", "simulated", "term", "site", "applicant")}
bare.update(verdict={"kind": "INCOMPLETE", "criteria": []}, results={"pue": {}}, declarations=[])
drawn("the bare minimum", bare, "en", ["INCOMPLETE", "No PUE can be stated"])
markup = variant(site__name={"zh": "<b>甲</b>&amp;\"' 站", "en": "<script>x</script> &lt;"})
drawn("markup is text", markup, "zh", ["<b>甲</b>&amp;\"' 站"])
long = variant(site__name={"zh": "很长" * 90, "en": "very long " * 30}, applicant__name={"zh": "长" * 60, "en": "l" * 150})
drawn("long names", long, "zh", ["1.243 ± 0.006"])

# refused
for name, cert in (("no certificate", {"a": 1}), ("no date", variant(issued="soon")), ("simulated not said", variant(simulated=None))):
    code, err, _ = draw(cert, "zh", "refused")
    check(name + " is refused", code == 65 and "sheet:" in err, "%d %s" % (code, err))

shutil.rmtree(DIR)
finish()
