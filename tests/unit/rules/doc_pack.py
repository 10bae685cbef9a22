"""The packs in docs/writing-a-pack.md are whole packs: they load and their vectors pass.  Arguments: puectl, the page."""
import os
import re
import subprocess
import sys
import tempfile

puectl, page = sys.argv[1:3]
texts = re.findall(r"```yaml\n(.*?)```", open(page, encoding="utf-8").read(), re.S)
good = len(texts) == 3
for text in texts:
    name = re.search(r"^pack: (\S+)", text, re.M).group(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        r = subprocess.run([puectl, "pack", "test", path], capture_output=True, text=True)
        print(r.stdout, r.stderr)
        good &= r.returncode == 0 and f"{text.count('  - {name: ', text.index('vectors:')) + text.count('  - name: ', text.index('vectors:'))} vectors, 0 failed" in r.stdout
sys.exit(0 if good else 1)
