/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <san/host.h>

#include "api/conf.h"
#include "base/error.h"
#include "sock/sock.h"

int
san_host_create(const struct san_conf *conf, struct san_host **host)
{
	struct sani_api_conf resolved;
	struct sani_sock_conf sock;
	int rc;

	if (conf == NULL || host == NULL)
		return sani_error_set(-EINVAL, "san_host_create: no configuration, or nowhere to put the"
				      " host");
	if (sani_lib_check() < 0)
		return sani_error_set(-ENETDOWN, "the library is not started: call san_startup() first");
	rc = sani_conf_resolve(conf, &resolved);
	if (rc < 0)
		return rc;
	sock.nb_slots = resolved.nb_slots;
	sock.ring_size = resolved.ring;
	sock.nb_loans = resolved.nb_loans;
	sock.sleep_after_us = resolved.sleep_after_us;
	return sani_sock_host_create(&resolved.host, &sock, host);
}

unsigned int
san_host_cores(const struct san_host *host)
{
	return sani_sock_host_below(host)->nb_cores;
}

struct san_core *
san_core_get(struct san_host *host, unsigned int index)
{
	struct sani_host *below = sani_sock_host_below(host);

	return index < below->nb_cores ? below->cores[index]->ctx : NULL;
}

int
san_core_claim(struct san_core *core)
{
	return core == NULL ? -EINVAL : sani_sock_claim(core);
}

int
san_core_release(struct san_core *core)
{
	return core == NULL ? -EINVAL : sani_sock_release(core);
}

int
san_core_poll(struct san_core *core)
{
	return core == NULL ? -EINVAL : sani_sock_poll(core);
}

int
san_core_wait(struct san_core *core, uint64_t timeout_us)
{
	return core == NULL ? -EINVAL : sani_sleep_wait(core, timeout_us);
}

int
san_core_fd(struct san_core *core)
{
	return core == NULL ? -EINVAL : sani_sleep_fd(core);
}

int
san_core_arm(struct san_core *core)
{
	return core == NULL ? -EINVAL : sani_sleep_arm(core);
}

int
san_run(struct san_core *core, int (*step)(struct san_core *core, void *arg), void *arg)
{
	int rc;

	if (step == NULL)
		return -EINVAL;
	do {
		int done = san_core_poll(core);

		rc = done < 0 ? done : step(core, arg);
		if (rc == 0)
			rc = sani_sleep_rest(core, done);
	} while (rc == 0);
	return rc;
}

static uint64_t
sum(const struct sani_host *host, enum sani_counter which)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < host->nb_cores; i++)
		v += __atomic_load_n(&host->cores[i]->ctr.v[which], __ATOMIC_RELAXED);
	return v;
}

unsigned int
san_host_counters(const struct san_host *host, struct san_counter *list, unsigned int max)
{
	const struct sani_host *below = sani_sock_host_below(host);
	unsigned int i;

	for (i = 0; list != NULL && i < max && i < SANI_NB_COUNTERS; i++)
		list[i] = (struct san_counter){
			.name = sani_counter_name((enum sani_counter)i),
			.text = sani_counter_text((enum sani_counter)i),
			.value = sum(below, (enum sani_counter)i),
		};
	return SANI_NB_COUNTERS;
}

void
san_host_usage(const struct san_host *host, struct san_usage *usage)
{
	sani_sock_usage(host, usage);
}
