"""What several tests of programs share: counted checks that say what failed, and the last line."""
import sys

passed = failed = 0


def check(name, good, more=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print("FAILED", name, more)


def finish():
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed != 0)
