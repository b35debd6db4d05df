/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations and captures: W1 to W12. Counts are kept under the one lock of host.c. */
#include <stdlib.h>
#include <time.h>

#include "spi/wsk/priv.h"

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct _WSK_CLIENT *
client_of(const WSK_REGISTRATION *reg)
{
	return reg->ReservedRegistrationContext;
}

NTSTATUS
san_wsk_register(struct san_host *host, PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration)
{
	struct _WSK_CLIENT *c;

	if (WskClientNpi == NULL || WskRegistration == NULL || WskClientNpi->Dispatch == NULL ||
	    WskClientNpi->Dispatch->Reserved != 0)
		return STATUS_INVALID_PARAMETER;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	c->wanted = host;
	c->context = WskClientNpi->ClientContext;
	c->dispatch = WskClientNpi->Dispatch;
	*WskRegistration = (WSK_REGISTRATION){ .ReservedRegistrationState = 1, .ReservedRegistrationContext = c };
	return STATUS_SUCCESS;
}

NTSTATUS
WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration)
{
	return san_wsk_register(NULL, WskClientNpi, WskRegistration);
}

static bool
is_used(const struct _WSK_CLIENT *c)
{
	return c->captures > 0 || c->calls > 0 || c->socks > 0;
}

/* Something that uses the host begins. Locked. */
static void
use(struct _WSK_CLIENT *c, uint32_t *count)
{
	(*count)++;
	c->host->users++;
}

static void
free_client(struct _WSK_CLIENT *c)
{
	sani_wsk_client_free_sds(c);
	free(c);
}

/* Of a client whose WskDeregister() could not wait. Locked. */
static void
free_orphan(struct _WSK_CLIENT *c)
{
	if (c->orphan && !is_used(c) && c->waiting == 0)
		free_client(c);
}

/* ... and ends. Locked; c may be gone afterwards. */
static void
unuse(struct _WSK_CLIENT *c, uint32_t *count)
{
	struct sani_wsk_host *h = c->host;

	(*count)--;
	if (!is_used(c))
		c->host = NULL;
	free_orphan(c);
	sani_wsk_host_put(h);
}

void
sani_wsk_client_put_sock(struct _WSK_CLIENT *c)
{
	sani_wsk_lock();
	unuse(c, &c->socks);
	sani_wsk_unlock();
}

void
sani_wsk_client_put_call(struct _WSK_CLIENT *c)
{
	sani_wsk_lock();
	unuse(c, &c->calls);
	sani_wsk_unlock();
}

void
sani_wsk_client_count_call(struct _WSK_CLIENT *c)
{
	use(c, &c->calls);
}

bool
sani_wsk_client_take(struct _WSK_CLIENT *c, struct sani_wsk_core *wc, struct sani_wsk_sock *s, PIRP irp)
{
	if (!sani_wsk_take(s, wc, irp))
		return false;
	irp->Step |= SANI_WSK_CLIENT;
	irp->List = c;
	sani_wsk_lock();
	use(c, &c->calls);
	sani_wsk_unlock();
	return true;
}

/* A socket that is accepted, too: its client has one already, or a request for one. */
static void
count_sock(struct _WSK_CLIENT *c)
{
	sani_wsk_lock();
	use(c, &c->socks);
	c->had_sock = true;
	sani_wsk_unlock();
}

struct sani_wsk_sock *
sani_wsk_sock_make(struct _WSK_CLIENT *c, struct sani_wsk_core *wc, ULONG category)
{
	struct sani_wsk_sock *s = aligned_alloc(SANI_CACHE_LINE, sizeof(*s));

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->pub.Dispatch = sani_wsk_table(category);
	s->core = wc;
	s->client = c;
	s->category = (uint8_t)category;
	count_sock(c);
	return s;
}

struct sani_wsk_core *
sani_wsk_client_core(struct _WSK_CLIENT *c)
{
	struct sani_wsk_host *h = c->host;
	unsigned int i;

	for (i = 0; i < h->nb_cores; i++)
		if (h->cores[i]->thread == &sani_wsk_mark)
			return h->cores[i];
	return h->cores[__atomic_fetch_add(&h->next_core, 1, __ATOMIC_RELAXED) % h->nb_cores];
}

VOID
WskDeregister(PWSK_REGISTRATION WskRegistration)
{
	struct _WSK_CLIENT *c = client_of(WskRegistration);
	bool over;

	if (c == NULL)
		return;
	sani_wsk_lock();
	c->ending = true;
	sani_wsk_changed();
	sani_wsk_unlock();
	sani_wsk_client_end_changes(c);
	do {
		sani_wsk_lock();
		over = !is_used(c) && c->waiting == 0;
		if (!over && sani_layer_in_round()) {
			c->orphan = true;
			sani_wsk_unlock();
			return;
		}
		if (!over && !sani_layer_polls())
			sani_wsk_wait_change();
		sani_wsk_unlock();
		if (!over)
			sani_layer_poll_own();
	} while (!over);
	WskRegistration->ReservedRegistrationContext = NULL;
	free_client(c);
}

/* Locked. @return Whether there is nothing to wait for. */
static bool
try_capture(struct _WSK_CLIENT *c, NTSTATUS *status)
{
	*status = STATUS_DEVICE_NOT_READY;
	if (c->ending)
		return true;
	if (WSK_MAJOR_VERSION(c->dispatch->Version) != 1) {
		*status = STATUS_NOINTERFACE;
		return true;
	}
	if (c->host != NULL && !c->host->ready)
		return false;
	if (c->host == NULL)
		c->host = sani_wsk_host_find(c->wanted);
	if (c->host == NULL)
		return false;
	use(c, &c->captures);
	*status = STATUS_SUCCESS;
	return true;
}

NTSTATUS
WskCaptureProviderNPI(PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout, PWSK_PROVIDER_NPI WskProviderNpi)
{
	int64_t end_ms = WaitTimeout == WSK_INFINITE_WAIT ? INT64_MAX : now_ms() + WaitTimeout;
	struct _WSK_CLIENT *c;
	NTSTATUS status;

	if (WskRegistration == NULL || WskProviderNpi == NULL)
		return STATUS_INVALID_PARAMETER;
	c = client_of(WskRegistration);
	if (c == NULL)
		return STATUS_DEVICE_NOT_READY;
	sani_wsk_lock();
	c->waiting++;
	while (!try_capture(c, &status) && now_ms() < end_ms && !sani_layer_in_round())
		sani_wsk_wait_change();
	c->waiting--;
	sani_wsk_changed();
	free_orphan(c);
	sani_wsk_unlock();
	if (status == STATUS_SUCCESS)
		*WskProviderNpi = (WSK_PROVIDER_NPI){ .Client = c, .Dispatch = &sani_wsk_provider };
	return status;
}

VOID
WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration)
{
	struct _WSK_CLIENT *c = client_of(WskRegistration);

	if (c == NULL)
		return;
	sani_wsk_lock();
	if (c->captures > 0)
		unuse(c, &c->captures);
	sani_wsk_unlock();
}

NTSTATUS
WskQueryProviderCharacteristics(PWSK_REGISTRATION WskRegistration,
				PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics)
{
	const struct _WSK_CLIENT *c;
	bool ready;

	if (WskRegistration == NULL || WskProviderCharacteristics == NULL)
		return STATUS_INVALID_PARAMETER;
	c = client_of(WskRegistration);
	sani_wsk_lock();
	ready = c != NULL && !c->ending && sani_wsk_host_find(c->wanted) != NULL;
	sani_wsk_unlock();
	if (!ready)
		return STATUS_DEVICE_NOT_READY;
	*WskProviderCharacteristics = (WSK_PROVIDER_CHARACTERISTICS){
		.HighestVersion = MAKE_WSK_VERSION(1, 1),
		.LowestVersion = MAKE_WSK_VERSION(1, 0),
	};
	return STATUS_SUCCESS;
}
