/* Threads on their CPUs. The host's own: with one CPU there is little to tell apart, so those tests say that
 * they skip. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/plan/placement.h"

static struct error err;
static struct cpu_set usable; /* what this test may run on */

static struct cpu_set affinity_of(pid_t thread)
{
	struct cpu_set set = {0};
	cpu_set_t kernel;

	cr_assert_eq(sched_getaffinity(thread, sizeof(kernel), &kernel), 0);
	for (unsigned cpu = 0; cpu < CPU_SET_MAX; cpu++) {
		if (CPU_ISSET(cpu, &kernel))
			cpu_set_add(&set, cpu);
	}
	return set;
}

static struct cpu_set only(unsigned cpu)
{
	struct cpu_set set = {0};

	cpu_set_add(&set, cpu);
	return set;
}

static unsigned first_cpu(void)
{
	return cpu_set_next(&usable, 0);
}

static unsigned second_cpu(void)
{
	unsigned second = cpu_set_next(&usable, first_cpu() + 1);

	if (second == CPU_SET_MAX)
		cr_skip_test("wants two CPUs");
	return second;
}

static void setup(void)
{
	usable = affinity_of(0);
}

TestSuite(placement, .init = setup);

/* A thread that names itself and waits. */
struct thread {
	pthread_t thread;
	int vcpu; /* negative: a disk's */
	_Atomic pid_t id;
	atomic_bool over;
};

static void *thread_main(void *argument)
{
	struct thread *self = argument;

	if (self->vcpu >= 0)
		placement_name_vcpu((unsigned)self->vcpu);
	else
		placement_name_disk(0);
	self->id = (pid_t)syscall(SYS_gettid);
	while (!self->over)
		usleep(1000);
	return NULL;
}

static void thread_begin(struct thread *self, int vcpu, const pthread_attr_t *attributes)
{
	*self = (struct thread){.vcpu = vcpu};
	cr_assert_eq(pthread_create(&self->thread, attributes, thread_main, self), 0);
	while (!self->id)
		usleep(100);
}

static void thread_end(struct thread *self)
{
	self->over = true;
	pthread_join(self->thread, NULL);
}

static void runs_on(const struct thread *thread, struct cpu_set wanted)
{
	struct cpu_set set = affinity_of(thread->id);
	char is[CPU_SET_TEXT_MAX], should[CPU_SET_TEXT_MAX];

	cr_assert_str_eq(cpu_set_format(&set, is), cpu_set_format(&wanted, should));
}

Test(placement, threads_move_to_their_cpus_and_back)
{
	unsigned first = first_cpu(), second = second_cpu();
	struct guest_placement pinned = {.pin_count = 1, .pins = {(uint16_t)second}};
	struct guest_placement shared = {.cpus = usable};
	struct thread vcpu0, vcpu1, disk;

	pinned.cpus = usable;
	thread_begin(&vcpu0, 0, NULL);
	thread_begin(&vcpu1, 1, NULL);
	thread_begin(&disk, -1, NULL);
	cr_assert_eq(placement_apply(getpid(), &pinned, "g", &err), 0, "%s", err.text);
	runs_on(&vcpu0, only(second));
	runs_on(&vcpu1, usable); /* it has no pin */
	runs_on(&disk, usable);
	pinned.cpus = only(first);
	cr_assert_eq(placement_apply(getpid(), &pinned, "g", &err), 0, "%s", err.text);
	runs_on(&vcpu0, only(second));
	runs_on(&vcpu1, only(first));
	runs_on(&disk, only(first));
	cr_assert_eq(placement_apply(getpid(), &shared, "g", &err), 0, "%s", err.text);
	runs_on(&vcpu0, usable);
	thread_end(&vcpu0);
	thread_end(&vcpu1);
	thread_end(&disk);
}

Test(placement, single_vcpus_and_all_others_have_their_own)
{
	static struct cpu_set vcpu_pins[WANTS_VCPUS_MAX];
	unsigned first = first_cpu(), second = second_cpu();
	struct guest_placement placement = {
		.cpus = usable, .vcpu_pins = vcpu_pins, .emulator_pin = only(first)};
	struct thread vcpu0, vcpu1, disk;
	pthread_attr_t attributes;
	struct cpu_set entered;

	vcpu_pins[0] = only(second);
	thread_begin(&vcpu0, 0, NULL);
	thread_begin(&disk, -1, NULL);
	cr_assert_eq(placement_apply(getpid(), &placement, "g", &err), 0, "%s", err.text);
	runs_on(&vcpu0, only(second));
	runs_on(&disk, only(first));
	cr_assert_eq(placement_enter(&placement, "g", &err), 0);
	entered = affinity_of(0);
	cr_assert_eq(cpu_set_count(&entered), 1);
	cr_assert(cpu_set_has(&entered, first));
	pthread_attr_init(&attributes);
	cr_assert_eq(placement_vcpu_attributes(&placement, 1, &attributes), 0);
	thread_begin(&vcpu1, 1, &attributes);
	runs_on(&vcpu1, usable); /* not its maker's */
	pthread_attr_destroy(&attributes);
	thread_end(&vcpu0);
	thread_end(&vcpu1);
	thread_end(&disk);
}

Test(placement, another_process_is_moved)
{
	struct guest_placement placement = {.cpus = only(second_cpu())};
	pid_t child = fork();
	struct cpu_set set;

	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_gt(child, 0);
	cr_assert_eq(placement_apply(child, &placement, "g", &err), 0, "%s", err.text);
	set = affinity_of(child);
	cr_assert(cpu_set_equal(&set, &placement.cpus));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert_eq(placement_apply(child, &placement, "g", &err), -ESRCH);
}

Test(placement, thread_begins_on_its_pin)
{
	struct guest_placement placement = {
		.cpus = usable, .pin_count = 2, .pins = {(uint16_t)first_cpu(), (uint16_t)second_cpu()}};
	pthread_attr_t attributes;
	struct thread vcpu;

	pthread_attr_init(&attributes);
	cr_assert_eq(placement_vcpu_attributes(&placement, 1, &attributes), 0);
	thread_begin(&vcpu, 1, &attributes);
	runs_on(&vcpu, only(second_cpu()));
	thread_end(&vcpu);
	pthread_attr_destroy(&attributes);
}

Test(placement, process_enters_its_cpus)
{
	struct guest_placement placement = {.cpus = only(first_cpu())};
	struct guest_placement anywhere = {0};
	struct cpu_set set;

	cr_assert_eq(placement_enter(&placement, "g", &err), 0, "%s", err.text);
	set = affinity_of(0);
	cr_assert(cpu_set_equal(&set, &placement.cpus));
	cr_assert_eq(placement_enter(&anywhere, "g", &err), 0);
	set = affinity_of(0);
	cr_assert(cpu_set_equal(&set, &placement.cpus), "no CPUs named is no change");
}

Test(placement, cpus_that_are_not_there_are_refused)
{
	struct guest_placement placement = {.cpus = only(CPU_SET_MAX - 1)};

	cr_assert_eq(placement_enter(&placement, "g", &err), -EINVAL);
	cr_assert_str_eq(err.text,
			 "guest g: cannot run on CPUs 1023: they are offline, or not this process's to use");
	cr_assert_eq(placement_apply(getpid(), &placement, "g", &err), -EINVAL);
}

Test(placement, odd_names_are_no_vcpus)
{
	struct guest_placement placement = {.cpus = usable, .pin_count = 1, .pins = {(uint16_t)second_cpu()}};
	static const char *const names[] = {"vcpu",    "vcpu ",          "vcpu x", "vcpu 0x",
					    "vcpu -1", "vcpu 999999999", "avcpu 0"};
	struct thread other;

	thread_begin(&other, 7, NULL);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_assert_eq(pthread_setname_np(other.thread, names[i]), 0);
		cr_assert_eq(placement_apply(getpid(), &placement, "g", &err), 0, "%s", err.text);
		runs_on(&other, usable);
	}
	thread_end(&other);
}
