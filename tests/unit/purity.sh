#!/bin/bash
# tests/unit/purity.sh LIBRARY... - the pure libraries must not import what knows a clock, a file, chance or the world.
bad=0
forbidden='time|clock_gettime|gettimeofday|localtime|localtime_r|gmtime|gmtime_r|mktime|strftime|clock|open|open64|openat|fopen|fopen64|creat|read|write|close|socket|connect|send|recv|bind|listen|poll|select|epoll_.*|rand|rand_r|random|srand|srandom|getrandom|arc4random|RAND_bytes|getenv|secure_getenv|setenv|pthread_.*|printf|puts|putchar|fputs|fwrite|stdout|stderr|stdin|system|popen|fork|exec.*|sleep|usleep|nanosleep|exit|_exit|abort|syslog|signal|sigaction|tzset|setlocale|EVP_PKEY_keygen'
for library in "$@"; do
	found=$(nm -u "$library" 2>/dev/null | awk '$1=="U" {print $2}' | sed 's/@.*//' | sort -u | grep -xE "$forbidden")
	[ -z "$found" ] || { echo "$library is not pure; it uses:" $found; bad=1; }
done
exit $bad
