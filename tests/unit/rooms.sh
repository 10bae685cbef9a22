#!/bin/bash
# tests/unit/rooms.sh ROOT - the architecture is a table; this test holds the code against it (docs/rooms.md).
set -u
cd "$1" || exit 1
bad=0
# room: rooms it may include
while read -r room allowed; do
	grep -rnE '^#include "' --include='*.[ch]' "$room" | awk -v room="$room" -v allowed=" $room $allowed " -F'"' '
		{ split($2, part, "/"); if (index($2, "/") == 0 || index(allowed, " " part[1] " ") == 0) {
			sub(/:#include.*/, "", $1); printf "%s: room %s may not include \"%s\" (allowed:%s)\n", $1, room, $2, allowed; bad = 1 } }
		END { exit bad }' || bad=1
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
	if grep -rnE "^#include <($pattern)" --include='*.[ch]' "$room"; then echo "room '$room' may not include these"; bad=1; fi
done <<'T'
core time\.h>|unistd\.h>|fcntl\.h>|sys/(socket|stat|time|random)|pthread|sqlite3|jansson|modbus|net-snmp|mosquitto|systemd|microhttpd
rules time\.h>|unistd\.h>|fcntl\.h>|sys/(socket|stat|time|random)|pthread|sqlite3|modbus|net-snmp|mosquitto|systemd|microhttpd|yaml
collectors sqlite3|mosquitto|microhttpd|jansson|yaml
store modbus|net-snmp|mosquitto|systemd|microhttpd|jansson|yaml
publish sqlite3|modbus|net-snmp|systemd|yaml
T
# No code path writes to a device.
if grep -rnE 'modbus_(write|mask_write)|SNMP_MSG_SET\b|\bsnmp_set\b|modbus_reply' --include='*.[ch]' collectors agent core hub; then
	echo "writing to a device is not possible by design; remove these"; bad=1
fi
# A city's name never stands in C.
if grep -rniE 'baoding|保定|henan|河南|beijing|北京' --include='*.[ch]' core rules collectors store publish agent hub; then
	echo "a city's name belongs into a pack"; bad=1
fi
exit $bad
