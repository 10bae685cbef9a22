/* Runs a fuzz target without libFuzzer: each seed file as it is, cut at every byte, and under seeded mutations.  The seed is
 * fixed, so a red run is the same run again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MAX = 65536, MUTATIONS = 1500, CUTS = 400 };
static uint64_t state;

static size_t below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return n ? (size_t)((state >> 33) % n) : 0;
}

/* The target gets a block of exactly its size, so that one byte too far is seen by the sanitizer. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	if (!exact)
		abort();
	memcpy(exact, bytes, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void mutate(const uint8_t *seed, size_t len)
{
	static uint8_t work[MAX * 2];
	static const char interesting[] = "\0\xff\"'{}[]<>:#&*-?|\n\t,/%0129eEzZ";
	memcpy(work, seed, len);
	for (size_t edits = 1 + below(8); edits > 0; edits--) {
		size_t at = below(len + 1), from = below(len), n = below(len - from) % 64;
		switch (below(4)) {
		case 0:
			work[below(len)] = (uint8_t)interesting[below(sizeof interesting - 1)];
			break;
		case 1:
			work[below(len)] ^= (uint8_t)(1u << below(8));
			break;
		case 2:         /* repeat a piece */
			if (len + n > sizeof work)
				break;
			memmove(work + at + n, work + at, len - at);
			memmove(work + at, work + from, n);
			len += n;
			break;
		default:        /* drop a piece */
			memmove(work + from, work + from + n, len - from - n);
			len -= n;
			break;
		}
		if (!len)
			break;
	}
	run(work, len);
}

int main(int argc, char **argv)
{
	static uint8_t seed[MAX];
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (!f) {
			perror(argv[i]);
			return 1;
		}
		size_t len = fread(seed, 1, sizeof seed, f);
		fclose(f);
		state = 42;
		run(seed, len);
		for (size_t k = 0; k < CUTS && len; k++)
			run(seed, len * k / CUTS);
		for (int k = 0; k < MUTATIONS && len; k++)
			mutate(seed, len);
	}
	printf("%d seeds, seed 42\n", argc - 1);
	return argc < 2;
}
