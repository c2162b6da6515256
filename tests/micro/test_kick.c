/* vcpu_kick: it stops a guest that never leaves by itself, and is never lost. */
#ifdef MICRO_GUEST
#include "tests/micro/guest.h"

GUEST(spins)
{
	report(1);
	for (;;)
		cpu_pause();
}

#else
#include "tests/micro/micro.h"

#include <stdatomic.h>
#include <time.h>

#define ROUNDS 500

static void *kick_spinning(void *argument)
{
	struct micro *micro = argument;

	micro_wait_reports(micro, 1);
	vcpu_kick(&micro->vcpus[0]);
	return NULL;
}

/* Runs the guest until it spins and was kicked out of it. */
static void run_to_spin(struct micro *micro)
{
	pthread_t kicker = micro_thread(kick_spinning, micro);
	struct micro_end end = micro_run(micro, "spins");

	pthread_join(kicker, NULL);
	cr_assert_eq(end.stop, VCPU_KICKED, "%s", end.error.text);
}

MICRO_TEST(kick, stops_a_guest_that_spins)
{
	struct micro micro;

	micro_create(&micro, 1);
	run_to_spin(&micro);
	cr_assert_eq(micro.report_count, 1);
	micro_destroy(&micro);
}

MICRO_TEST(kick, before_the_run_is_kept_for_it)
{
	struct micro_end end;
	struct micro micro;

	micro_create(&micro, 1);
	vcpu_kick(&micro.vcpus[0]);
	end = micro_run(&micro, "spins");
	cr_assert_eq(end.stop, VCPU_KICKED);
	cr_assert_eq(micro.report_count, 0, "the guest did not run");
	micro_destroy(&micro);
}

struct race {
	struct micro micro;
	atomic_uint returned;
};

/* One kick for each return of vcpu_run, at ever another moment of it. */
static void *kick_racing(void *argument)
{
	struct race *race = argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		while (atomic_load(&race->returned) < round)
			__builtin_ia32_pause();
		for (volatile unsigned wait = 0; wait < round * 37 % 1000; wait++)
			;
		vcpu_kick(&race->micro.vcpus[0]);
	}
	return NULL;
}

MICRO_TEST(kick, at_any_moment_is_not_lost)
{
	struct race race = {.returned = 0};
	pthread_t kicker;
	struct error err;

	micro_create(&race.micro, 1);
	run_to_spin(&race.micro);
	vcpu_run(&race.micro.vcpus[0], &err); /* micro_run's own kick, at its end */
	kicker = micro_thread(kick_racing, &race);
	for (unsigned round = 0; round < ROUNDS; round++) {
		cr_assert_eq(vcpu_run(&race.micro.vcpus[0], &err), VCPU_KICKED);
		atomic_fetch_add(&race.returned, 1);
	}
	pthread_join(kicker, NULL);
	micro_destroy(&race.micro);
}
#endif
