/* Thousands of devices for tests/bench/daemon.py; prints its ports, and at SIGTERM when they were asked.
 * usage: bench_devices [silent] */
#include "tests/bench/devices.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void on_signal(int number)
{
	(void)number;
	devices_end = 1;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	uint16_t tcp = 0, udp = 0;
	struct gaps *gaps = calloc(1, sizeof *gaps);
	struct sigaction end = { .sa_handler = on_signal };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGTERM, &end, NULL);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	struct devices_options o = { .moving = true, .silent = argc > 1 && !strcmp(argv[1], "silent"), .gaps = gaps };
	o.listener = devices_listen(&tcp);
	o.udp = devices_bind(&udp);
	if (!gaps || o.listener < 0 || o.udp < 0) {
		perror("bench_devices");
		return 1;
	}
	printf("ready modbus %u snmp %u\n", tcp, udp);
	fflush(stdout);
	devices_serve(&o);
	printf("{\"asked\": %llu, \"p50\": %lld, \"p99\": %lld, \"p999\": %lld, \"most\": %lld, \"above_1010\": %llu, \"above_1500\": %llu}\n", (unsigned long long)gaps->asked,
	       (long long)gaps_quantile(gaps, 50000), (long long)gaps_quantile(gaps, 99000), (long long)gaps_quantile(gaps, 99900), (long long)gaps_quantile(gaps, 100000),
	       (unsigned long long)gaps_above(gaps, 1010), (unsigned long long)gaps_above(gaps, 1500));
	free(gaps);
	return 0;
}
