"""The pack in docs/writing-a-pack.md is a whole pack: it loads and its vectors pass.  Arguments: puectl, the page."""
import os
import re
import subprocess
import sys
import tempfile

puectl, page = sys.argv[1:3]
text = re.search(r"```yaml\n(.*?)```", open(page, encoding="utf-8").read(), re.S).group(1)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "example-city-2026.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    r = subprocess.run([puectl, "pack", "test", path], capture_output=True, text=True)
    print(r.stdout, r.stderr)
    sys.exit(0 if r.returncode == 0 and "8 vectors, 0 failed" in r.stdout else 1)
