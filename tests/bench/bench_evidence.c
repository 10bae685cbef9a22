/* bench_evidence [LEAVES] [METERS]: the audit of a year of evidence beside plain SHA-256 over the same bytes. */
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void leaf_text(struct buf *out, uint64_t k, int meters)
{
	buf_reset(out);
	buf_printf(out, "{\"type\":\"interval\",\"from\":%llu,\"to\":%llu,\"synced\":true,\"flags\":0,\"meters\":[", (unsigned long long)k * 900000,
		   (unsigned long long)(k + 1) * 900000);
	for (int i = 0; i < meters; i++)
		buf_printf(out, "%s[\"meter-%03d\",%llu,%llu]", i ? "," : "", i, (unsigned long long)(12500000 + k * 7 % 1000 + (uint64_t)i),
			   (unsigned long long)(k * 12500000 + (uint64_t)i));
	buf_str(out, "]}");
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[600];
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	uint64_t leaves = argc > 1 ? strtoull(argv[1], NULL, 10) : 35040;
	int meters = argc > 2 ? atoi(argv[2]) : 200;
	char dir[] = "bench-evidence-XXXXXX";
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	struct hash h;
	if (!mkdtemp(dir))
		return 1;
	struct store_options o = { .dir = dir, .reserve_bytes = -1 };
	struct store *s = store_open(&o, &err);
	bool good = s != NULL;
	uint64_t bytes = 0;
	for (uint64_t k = 0; good && k < leaves; k++) {
		leaf_text(&text, k, meters);
		struct leaf leaf = { LEAF_INTERVAL, { (int64_t)k * 900000 }, text.data, text.len };
		struct commit c = { .leaves = &leaf, .n_leaves = 1 };
		bytes += text.len;
		good = store_commit(s, &c, &err) && (k % 500 != 499 || store_flush(s, &err));
	}
	store_close(s);
	double a = now();
	struct store_audit audit;
	good = good && store_audit(dir, NULL, &audit, &err);
	double b = now(), hashing = 0;
	for (uint64_t k = 0; k < leaves; k++) {
		leaf_text(&text, k, meters);
		double c = now();
		sha256(text.data, text.len, &h);
		hashing += now() - c;
	}
	remove_dir(dir);
	if (!good || audit.first_bad[0]) {
		fprintf(stderr, "bench_evidence: %s\n", good ? audit.first_bad : err.text);
		return 1;
	}
	printf("%llu leaves of %d meters, %.1f MB: audit %.2f s CPU, plain SHA-256 %.2f s, ratio %.2f\n", (unsigned long long)leaves, meters, (double)bytes / 1e6, b - a,
	       hashing, (b - a) / hashing);
	return 0;
}
