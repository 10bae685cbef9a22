"""Every quote of a pack is a byte-exact part of the policy's text.  Arguments: puectl, pack, policy text beside the project."""
import os
import subprocess
import sys

puectl, pack, text = sys.argv[1:4]
text = os.path.join(os.environ["PUED_SHARED"], "policy/baoding-2024.txt") if "PUED_SHARED" in os.environ else text
if not os.path.exists(text):
    print("the text of the policy is not at hand (" + os.path.basename(text) + "); quotes are not checked")
    sys.exit(77)
good = subprocess.run([puectl, "pack", "check", pack, "--text", text], capture_output=True, text=True)
print(good.stdout, good.stderr)
# one changed character must be noticed, or the check checks nothing
edited = os.path.join(os.environ.get("TMPDIR", "/tmp"), "quotes-%d.yaml" % os.getpid())
source = open(pack, encoding="utf-8").read()
with open(edited, "w", encoding="utf-8") as f:
    f.write(source.replace("quote: 机架数不低于1000架", "quote: 机架数不低于1000个", 1))
bad = subprocess.run([puectl, "pack", "check", edited, "--text", text], capture_output=True, text=True)
os.unlink(edited)
sys.exit(0 if good.returncode == 0 and bad.returncode == 78 and "not in the text" in bad.stderr else 1)
