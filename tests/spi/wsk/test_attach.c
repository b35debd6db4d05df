/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs come and go: registration, capture, release, and what the end of a registration waits for. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const WSK_CLIENT_DISPATCH version_1_0 = { MAKE_WSK_VERSION(1, 0), 0, NULL };
static const WSK_CLIENT_DISPATCH version_1_99 = { MAKE_WSK_VERSION(1, 99), 0, NULL };
static const WSK_CLIENT_DISPATCH version_2_0 = { MAKE_WSK_VERSION(2, 0), 0, NULL };

static uint8_t in[4096];

static NTSTATUS
join(PWSK_REGISTRATION reg, const WSK_CLIENT_DISPATCH *calls)
{
	WSK_CLIENT_NPI npi = { NULL, calls };

	return san_wsk_register(world.net.host[CLIENT], &npi, reg);
}

/* A call that blocks, on a thread of its own. */
struct blocked {
	pthread_t thread;
	PWSK_REGISTRATION reg;
	ULONG timeout;
	WSK_PROVIDER_NPI npi;
	NTSTATUS status;
	int over;
};

static bool
is_over(struct blocked *b)
{
	return __atomic_load_n(&b->over, __ATOMIC_ACQUIRE) != 0;
}

static void *
deregister(void *arg)
{
	struct blocked *b = arg;

	WskDeregister(b->reg);
	__atomic_store_n(&b->over, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *
capture(void *arg)
{
	struct blocked *b = arg;

	b->status = WskCaptureProviderNPI(b->reg, b->timeout, &b->npi);
	__atomic_store_n(&b->over, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void
begin(struct blocked *b, void *(*call)(void *), PWSK_REGISTRATION reg)
{
	b->reg = reg;
	assert_int_equal(pthread_create(&b->thread, NULL, call, b), 0);
}

/* The hosts are polled all the while. */
static void
assert_still_blocked(struct blocked *b)
{
	uint64_t until_ms = net_now_ms() + 50;

	while (net_now_ms() < until_ms)
		world_step();
	assert_false(is_over(b));
}

static void
finish(struct blocked *b)
{
	UNTIL(is_over(b));
	pthread_join(b->thread, NULL);
}

RULES("W1")
static void
registrations_are_independent(void)
{
	WSK_REGISTRATION reg[3];
	WSK_PROVIDER_NPI npi;
	unsigned int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(join(&reg[i], &version_1_0), STATUS_SUCCESS);
	WskDeregister(&reg[1]);
	assert_int_equal(WskCaptureProviderNPI(&reg[0], WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg[2], WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	WskReleaseProviderNPI(&reg[2]);
	WskReleaseProviderNPI(&reg[0]);
	WskDeregister(&reg[0]);
	WskDeregister(&reg[2]);
}

RULES("W1 W2")
static void
registration_is_used_again_after_its_end(void)
{
	WSK_REGISTRATION reg;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		WSK_PROVIDER_NPI npi;

		memset(&reg, (int)i, sizeof(reg));
		assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
		assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
		assert_non_null(npi.Client);
		assert_non_null(npi.Dispatch);
		WskReleaseProviderNPI(&reg);
		WskDeregister(&reg);
	}
}

RULES("W3 W4")
static void
registration_does_not_need_a_provider(void)
{
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;
	WSK_PROVIDER_CHARACTERISTICS range;

	world_settle();
	assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), 0);
	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_DEVICE_NOT_READY);
	assert_int_equal(WskQueryProviderCharacteristics(&reg, &range), STATUS_DEVICE_NOT_READY);
	assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), 0);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
}

RULES("W4")
static void
capture_waits_as_long_as_it_is_told(void)
{
	struct blocked b = { .timeout = 100 };
	WSK_REGISTRATION reg;
	uint64_t began_ms;

	world_settle();
	assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), 0);
	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	began_ms = net_now_ms();
	begin(&b, capture, &reg);
	finish(&b);
	assert_int_equal(b.status, STATUS_DEVICE_NOT_READY);
	assert_true(net_now_ms() - began_ms >= 99);
	WskDeregister(&reg);
	assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), 0);
}

RULES("W4 W5")
static void
capture_waits_until_there_is_a_provider(void)
{
	struct blocked b = { .timeout = WSK_INFINITE_WAIT };
	WSK_REGISTRATION reg;

	world_settle();
	assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), 0);
	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	begin(&b, capture, &reg);
	assert_still_blocked(&b);
	assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), 0);
	finish(&b);
	assert_int_equal(b.status, STATUS_SUCCESS);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
}

RULES("W5 W9")
static void
end_of_a_registration_waits_for_each_capture(void)
{
	struct blocked b = { 0 };
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;

	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	begin(&b, deregister, &reg);
	assert_still_blocked(&b);
	WskReleaseProviderNPI(&reg);
	assert_still_blocked(&b);
	WskReleaseProviderNPI(&reg);
	finish(&b);
}

RULES("W6")
static void
other_version_is_told_the_range_and_comes_again(void)
{
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;
	WSK_PROVIDER_CHARACTERISTICS range = { 0, 0 };

	assert_int_equal(join(&reg, &version_2_0), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_NOINTERFACE);
	assert_int_equal(WskQueryProviderCharacteristics(&reg, &range), STATUS_SUCCESS);
	assert_int_equal(WSK_MAJOR_VERSION(range.LowestVersion), 1);
	assert_int_equal(WSK_MAJOR_VERSION(range.HighestVersion), 1);
	assert_true(range.LowestVersion <= range.HighestVersion);
	WskDeregister(&reg);
	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
}

RULES("W7")
static void
provider_reports_its_own_minor_version(void)
{
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;
	WSK_PROVIDER_CHARACTERISTICS range;
	USHORT version;

	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	assert_int_equal(WskQueryProviderCharacteristics(&reg, &range), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	version = npi.Dispatch->Version;
	assert_int_equal(WSK_MAJOR_VERSION(version), 1);
	assert_in_range(version, version_1_0.Version, range.HighestVersion);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
	/* A program of a later minor version gets the same superset of its version's past. */
	assert_int_equal(join(&reg, &version_1_99), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	assert_int_equal(WSK_MAJOR_VERSION(npi.Dispatch->Version), 1);
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
}

RULES("W8 W60 S5.2")
static void
sockets_outlive_the_release_of_the_provider(void)
{
	struct pair p = world_pair();
	struct blocked b = { 0 };
	struct req *r;

	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	r = post_receive(p.end[CLIENT], in, 5, WSK_FLAG_WAITALL);
	post_send(p.end[SERVER], "still", 5, 0);
	assert_int_equal(await(r), STATUS_SUCCESS);
	begin(&b, deregister, world.reg[CLIENT]);
	assert_still_blocked(&b);
	shut(p.end[CLIENT]);
	finish(&b);
	world.registered[CLIENT] = false;
}

RULES("W9 W60 W63 W64 S5.2 S5.6 S5.13")
static void
end_of_a_registration_waits_for_sockets_with_everything_pending(void)
{
	struct pair p = world_pair();
	struct end *l = bound(CLIENT, WSK_FLAG_LISTEN_SOCKET, 80);
	struct blocked b = { 0 };
	struct req *r[4];
	unsigned int i;

	r[0] = post_receive(p.end[CLIENT], in, sizeof(in), 0);
	r[1] = post_accept(l);
	r[2] = post_connect(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), 76, 80);
	r[3] = post_control(l, ASK(WskIoctl, SIO_ADDRESS_LIST_CHANGE, 0, NULL, 0, NULL, 0, NULL));
	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	begin(&b, deregister, world.reg[CLIENT]);
	assert_still_blocked(&b);
	for (i = 0; i < 4; i++)
		assert_int_equal(r[i]->done, 0);
	shut(r[2]->end);
	shut(l);
	assert_still_blocked(&b);
	shut(p.end[CLIENT]);
	finish(&b);
	world.registered[CLIENT] = false;
	for (i = 0; i < 4; i++) {
		assert_int_equal(r[i]->done, 1);
		assert_int_equal(r[i]->status, STATUS_CANCELLED);
	}
}

RULES("W9")
static void
end_of_a_registration_waits_for_a_request_of_the_client(void)
{
	struct blocked b = { 0 };
	struct req *r = post_socket_connect(CLIENT, 76, 80);

	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	begin(&b, deregister, world.reg[CLIENT]);
	assert_still_blocked(&b);
	assert_int_equal(r->done, 0);
	assert_true(IoCancelIrp(r->irp));
	finish(&b);
	world.registered[CLIENT] = false;
	assert_int_equal(r->done, 1);
	assert_int_equal(r->status, STATUS_CANCELLED);
}

RULES("W9 W60 W62 W65 S5.2 S5.11 S5.12 S5.14")
static void
program_of_one_thread_closes_and_deregisters(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], in, sizeof(in), 0);
	struct req *c = post_close(p.end[CLIENT]);

	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	WskDeregister(world.reg[CLIENT]);
	world.registered[CLIENT] = false;
	assert_int_equal(r->done, 1);
	assert_int_equal(r->status, STATUS_CANCELLED);
	assert_int_equal(c->done, 1);
	assert_int_equal(c->status, STATUS_SUCCESS);
}

RULES("W10")
static void
nothing_is_captured_after_the_end_of_a_registration(void)
{
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;

	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	WskDeregister(&reg);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_DEVICE_NOT_READY);
}

RULES("W10")
static void
nothing_is_captured_while_a_registration_ends(void)
{
	struct blocked b = { 0 };
	WSK_REGISTRATION reg;
	WSK_PROVIDER_NPI npi;

	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_SUCCESS);
	begin(&b, deregister, &reg);
	assert_still_blocked(&b);
	assert_int_equal(WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi), STATUS_DEVICE_NOT_READY);
	WskReleaseProviderNPI(&reg);
	finish(&b);
}

RULES("W10")
static void
capture_that_waits_fails_when_the_registration_ends(void)
{
	struct blocked waiting = { .timeout = WSK_INFINITE_WAIT };
	struct blocked ending = { 0 };
	WSK_REGISTRATION reg;

	world_settle();
	assert_int_equal(san_wsk_stop(world.net.host[CLIENT]), 0);
	assert_int_equal(join(&reg, &version_1_0), STATUS_SUCCESS);
	begin(&waiting, capture, &reg);
	assert_still_blocked(&waiting);
	begin(&ending, deregister, &reg);
	finish(&waiting);
	finish(&ending);
	assert_int_equal(waiting.status, STATUS_DEVICE_NOT_READY);
	assert_int_equal(san_wsk_start(world.net.host[CLIENT], 0), 0);
}

RULES("W11 W9")
static void
wait_for_a_change_of_transports_is_cancelled_by_the_end(void)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[CLIENT];
	struct req *r = req_new(NULL);
	struct blocked b = { 0 };

	r->returned = npi->Dispatch->WskControlClient(npi->Client, WSK_TRANSPORT_LIST_CHANGE, 0,
						      NULL, 0, NULL, NULL, r->irp);
	assert_int_equal(r->returned, STATUS_PENDING);
	world_steps(50);
	assert_int_equal(r->done, 0);
	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	begin(&b, deregister, world.reg[CLIENT]);
	finish(&b);
	world.registered[CLIENT] = false;
	assert_int_equal(r->done, 1);
	assert_int_equal(r->status, STATUS_CANCELLED);
}

RULES("W12")
static void
nothing_is_called_after_the_end_of_a_registration(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	unsigned int now;

	e->take = SIZE_MAX;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	post_send(p.end[SERVER], in, sizeof(in), 0);
	post_receive(e, in, sizeof(in), 0);
	post_close(e);
	WskReleaseProviderNPI(world.reg[CLIENT]);
	world.captured[CLIENT] = false;
	WskDeregister(world.reg[CLIENT]);
	world.registered[CLIENT] = false;
	assert_int_equal(e->closing->done, 1);
	world_steps(20);
	now = world.now;
	world_steps(300);
	assert_int_equal(world.now, now);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(registrations_are_independent),
	WORLD_CASE(registration_is_used_again_after_its_end),
	WORLD_CASE(registration_does_not_need_a_provider),
	WORLD_CASE(capture_waits_as_long_as_it_is_told),
	WORLD_CASE(capture_waits_until_there_is_a_provider),
	WORLD_CASE(end_of_a_registration_waits_for_each_capture),
	WORLD_CASE(other_version_is_told_the_range_and_comes_again),
	WORLD_CASE(provider_reports_its_own_minor_version),
	WORLD_CASE(sockets_outlive_the_release_of_the_provider),
	WORLD_CASE(end_of_a_registration_waits_for_sockets_with_everything_pending),
	WORLD_CASE(end_of_a_registration_waits_for_a_request_of_the_client),
	WORLD_CASE(program_of_one_thread_closes_and_deregisters),
	WORLD_CASE(nothing_is_captured_after_the_end_of_a_registration),
	WORLD_CASE(nothing_is_captured_while_a_registration_ends),
	WORLD_CASE(capture_that_waits_fails_when_the_registration_ends),
	WORLD_CASE(wait_for_a_change_of_transports_is_cancelled_by_the_end),
	WORLD_CASE(nothing_is_called_after_the_end_of_a_registration),
};

WORLD_MAIN("wsk registration", cases)
