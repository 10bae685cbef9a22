/* kill -9 at random moments: what was acknowledged is there, nothing is there twice, the chain verifies. */
#include "tests/unit/test.h"
#include "tests/unit/store/kit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The child goes on with the workload where the store stands and tells the parent what is durable. */
static void child(int to_parent, struct kit_check have, uint64_t steps)
{
	struct store_options o = kit_options(kit_dir());
	struct err err;
	struct store *s = store_open(&o, &err);
	if (!s || !store_series(s, kit_series(), KIT_SERIES, &err) || !kit_refold(s, have, &err))
		_exit(1);
	for (uint64_t k = have.batches; k < have.batches + steps; k++) {
		if (!kit_step(s, k, &err))
			_exit(2);
		if (k % 4 == 0) {
			uint64_t durable = k + 1;
			if (!store_flush(s, &err) || write(to_parent, &durable, sizeof durable) != sizeof durable)
				_exit(3);
		}
	}
	_exit(0);
}

static void kill_at_random(void **state)
{
	(void)state;
	const int rounds = getenv("PUED_LONG") && atoi(getenv("PUED_LONG")) ? 1000 : 100;
	const uint64_t seed = 1234567;
	struct rng rng = { seed };
	struct kit_check at = { 0 };
	int killed = 0;
	printf("seed %llu, %d rounds\n", (unsigned long long)seed, rounds);
	for (int round = 0; round < rounds; round++) {
		int fds[2];
		kit_dir();              /* made here, not in the child */
		assert_int_equal(pipe(fds), 0);
		fflush(NULL);
		pid_t pid = fork();
		if (pid == 0) {
			close(fds[0]);
			child(fds[1], at, 2000);
		}
		close(fds[1]);
		uint64_t durable = at.batches, word, wanted = rng_next(&rng) % 6;
		/* after some acknowledgements, then a moment more: 0..2 ms, the length of a commit */
		for (uint64_t i = 0; i < wanted && read(fds[0], &word, sizeof word) == sizeof word; i++)
			durable = word;
		struct timespec moment = { 0, (long)(rng_next(&rng) % 2000000) };
		nanosleep(&moment, NULL);
		kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			fail_msg("round %d: the child ended with %d", round, WEXITSTATUS(status));
		killed += WIFSIGNALED(status);
		while (read(fds[0], &word, sizeof word) == sizeof word)
			durable = word;
		close(fds[0]);
		struct store_options o = kit_options(kit_dir());
		struct err err = { 0 };
		at = (struct kit_check){ durable, durable > at.batches ? durable / 3 : at.commits };
		if (!kit_verify(&o, &at, &err))
			fail_msg("round %d: %s", round, err.text);
		if (at.batches > 3000) {        /* a fresh store now and then: the first commits are the riskiest */
			kit_clean();
			at = (struct kit_check){ 0 };
		}
		if (round % 10 == 0 && at.batches) {
			struct store_audit a;
			assert_true(store_audit(kit_dir(), NULL, &a, &err));
			assert_string_equal(a.first_bad, "");
		}
	}
	assert_true(killed > rounds / 2);
	kit_clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kill_at_random) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
