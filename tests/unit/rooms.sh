#!/bin/bash
# tests/unit/rooms.sh - the architecture is a table; this test holds the code against it (docs/rooms.md).
set -u
cd "$1" || exit 1
bad=0
# room: rooms it may include
while read -r room allowed; do
	for file in $(git ls-files "$room" 2>/dev/null | grep -E '\.[ch]$' || true; [ -d .git ] || [ -f .git ] || find "$room" -name '*.[ch]'); do
		grep -nE '^#include "' "$file" | while IFS= read -r line; do
			target=$(sed -E 's/^[0-9]+:#include "([^"\/]*)\/.*/\1/' <<<"$line")
			case " $room $allowed " in *" $target "*) ;; *) echo "$file:${line%%:*}: room '$room' may not include '$target' (allowed: $allowed)"; exit 9 ;; esac
		done || bad=1
	done
done <<'T'
core
rules core
collectors core
store core
publish core rules
agent core rules collectors store publish
hub core rules store publish agent
T
# room: system headers it must not see
while read -r room pattern; do
	if git grep -nE "^#include <($pattern)" -- "$room/*.c" "$room/*.h"; then echo "room '$room' may not include these"; bad=1; fi
done <<'T'
core time\.h>|unistd\.h>|fcntl\.h>|sys/(socket|stat|time|random)|pthread|sqlite3|jansson|modbus|net-snmp|mosquitto|systemd|microhttpd
rules time\.h>|unistd\.h>|fcntl\.h>|sys/(socket|stat|time|random)|pthread|sqlite3|modbus|net-snmp|mosquitto|systemd|microhttpd|yaml
collectors sqlite3|mosquitto|microhttpd|jansson|yaml
store modbus|net-snmp|mosquitto|systemd|microhttpd|jansson|yaml
publish sqlite3|modbus|net-snmp|systemd|yaml
T
# No code path writes to a device.
if git grep -nE 'modbus_(write|mask_write)|SNMP_MSG_SET\b|\bsnmp_set\b|modbus_reply' -- collectors agent core hub; then
	echo "writing to a device is not possible by design; remove these"; bad=1
fi
# A city's name never stands in C.
if git grep -niE 'baoding|保定|henan|河南|beijing|北京' -- 'core/*.[ch]' 'rules/*.[ch]' 'collectors/*.[ch]' 'store/*.[ch]' 'publish/*.[ch]' 'agent/*.[ch]'; then
	echo "a city's name belongs into a pack"; bad=1
fi
exit $bad
