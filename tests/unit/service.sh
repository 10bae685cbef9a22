#!/bin/bash
# tests/unit/service.sh UNIT - the unit's sandbox must let pued do what it does: ask the kernel for the state of the clock.
unit="$1" bad=0
say() { echo "$unit: $1"; bad=1; }
grep -q '^ProtectClock=yes' "$unit" && say "ProtectClock=yes forbids adjtimex(2), which only reads here; the clock's state is evidence"
grep -q '^SystemCallFilter=.*\badjtimex\b' "$unit" || say "SystemCallFilter must name adjtimex: @system-service does not hold it"
grep -q '^SystemCallErrorNumber=EPERM' "$unit" || say "SystemCallErrorNumber=EPERM is missing: a forbidden call would kill the process"
grep -q '^RestartPreventExitStatus=.*\b78\b' "$unit" || say "RestartPreventExitStatus must hold 78: starting a wrong configuration again does not help"
grep -qE '^Type=notify$' "$unit" && grep -qE '^WatchdogSec=' "$unit" || say "Type=notify and WatchdogSec belong together"
exit $bad
