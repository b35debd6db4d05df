/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <time.h>

#include "sock/layer.h"
#include "sock/priv.h"

#define WAIT_NS 1000000000	/* san/sock.h: at most one second */

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* True when the core has answered; false when it did not and never will: its entry is passed over. */
static bool
wait_for(struct sani_control *ctl, uint32_t number)
{
	uint64_t done = sani_control_call(number, SANI_CONTROL_DONE);
	uint64_t asked = sani_control_call(number, SANI_CONTROL_ASKED);
	int64_t end = now_ns() + WAIT_NS;

	while (now_ns() < end) {
		if (atomic_load_explicit(&ctl->call, memory_order_acquire) == done)
			return true;
		sched_yield();
	}
	if (atomic_compare_exchange_strong(&ctl->call, &asked,
					   sani_control_call(number, SANI_CONTROL_IDLE)))
		return false;
	while (atomic_load_explicit(&ctl->call, memory_order_acquire) != done)
		sched_yield();
	return true;
}

static int
ask(struct sani_thread *t, struct san_core *k, sani_control_fn fn, struct sani_control_args *args)
{
	struct sani_control *ctl = &t->control;
	struct sani_req req = { .kind = SANI_REQ_CONTROL, .id = ++ctl->number };
	struct sani_spsc *ring = sani_thread_ring(t, k->id);

	if (ring == NULL || sani_spsc_room(ring) == 0)
		return -EAGAIN;
	ctl->fn = fn;
	ctl->args = *args;
	/* release: what is asked before the call that shows it */
	atomic_store_explicit(&ctl->call, sani_control_call(req.id, SANI_CONTROL_ASKED),
			      memory_order_release);
	sani_spsc_put(ring, &req);
	sani_core_wake(k);
	if (!wait_for(ctl, req.id))
		return -EAGAIN;
	*args = ctl->args;
	return ctl->result;
}

static int
carry_out(struct sani_thread *t, struct san_core *k, sani_control_fn fn,
	  struct sani_control_args *args)
{
	if (!sani_is_on_core(k, t))
		return ask(t, k, fn, args);
	sani_core_stir(k);
	return fn(k, args);
}

static int
check_caller(struct sani_thread **t)
{
	int rc = sani_lib_check();

	*t = sani_thread_self();
	if (rc == 0 && !sani_thread_may_ask(*t))
		rc = -EPERM;
	return rc;
}

int
sani_layer_call(struct san_core *k, sani_control_fn fn, struct sani_control_args *args)
{
	struct sani_thread *t;
	int rc = check_caller(&t);

	return rc < 0 ? rc : carry_out(t, k, fn, args);
}

/* The core of an open socket, and its queue; bound: only the queue's thread may make this call. */
static int
resolve(san_handle h, bool bound, struct sani_thread **t, struct san_core **k, struct san_cq **cq)
{
	uint64_t w;
	int rc = check_caller(t);

	if (rc < 0)
		return rc;
	*k = sani_sock_core(sani_handle_core(h));
	if (*k == NULL || sani_handle_slot(h) >= (*k)->nb_slots)
		return -ENOTSOCK;
	w = atomic_load(&(*k)->slots->words[sani_handle_slot(h)]);
	if (!sani_word_is_open(w, sani_handle_gen(h)))
		return -ENOTSOCK;
	if (bound && sani_word_thread(w) != (*t)->id)
		return -EPERM;
	*cq = sani_cq_find(sani_word_cq(w));
	return 0;
}

static int
call(san_handle h, bool bound, sani_control_fn fn, struct sani_control_args *args)
{
	struct sani_thread *t;
	struct san_core *k;
	struct san_cq *cq;
	int rc = resolve(h, bound, &t, &k, &cq);

	args->sock = h;
	return rc < 0 ? rc : carry_out(t, k, fn, args);
}

/* The socket of a call on the owning core; NULL: it was closed meanwhile. */
static struct sani_sock *
target(struct san_core *k, const struct sani_control_args *args)
{
	struct sani_sock *so = sani_sock_of(k, args->sock);

	return so != NULL && so->close == SANI_CLOSE_NONE ? so : NULL;
}

static int
socket_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so;

	/* A cleanup's order to close all has been carried out here: nothing may open after it. */
	if (atomic_load_explicit(&k->closing_all, memory_order_relaxed))
		return -ENETDOWN;
	so = sani_sock_open(k, args->cq, args->lane);
	if (so == NULL)
		return -ENFILE;
	args->sock = sani_sock_handle(so);
	return 0;
}

/* The queue's lanes from all cores of a host: accepted sockets may live on any of them. */
static int
make_lanes(struct san_cq *cq, const struct san_host *host)
{
	unsigned int i;

	for (i = 0; i < host->nb_cores; i++)
		if (sani_cq_lane(cq, host->cores[i]->id) == NULL)
			return -ENOMEM;
	return 0;
}

int
sani_sock_socket(struct san_core *k, struct san_cq *cq, san_handle *h)
{
	struct sani_control_args args = { .cq = cq };
	struct sani_thread *t;
	int rc = check_caller(&t);

	if (rc < 0)
		return rc;
	if (atomic_load_explicit(&cq->thread_id, memory_order_relaxed) != t->id)
		return -EPERM;
	if (make_lanes(cq, k->host) < 0)
		return -ENOMEM;
	args.lane = sani_cq_lane(cq, k->id);
	rc = carry_out(t, k, socket_here, &args);
	if (rc == 0)
		*h = args.sock;
	return rc;
}

static bool
is_local(const struct san_core *k, const struct san_addr *addr)
{
	const struct sani_host *host = k->core->host;
	union sani_ip ip;
	unsigned int i;

	memcpy(ip.b, addr->ip, sizeof(ip.b));
	if (sani_ip_is_any(&ip))
		return true;
	for (i = 0; i < host->nb_ifaces; i++)
		if (sani_ip_eq(&ip, &host->ifaces[i].addr))
			return true;
	return false;
}

static int
bind_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);

	if (so == NULL)
		return -ENOTSOCK;
	if (so->phase != SANI_SOCK_NEW || so->bound)
		return -EINVAL;
	if (!is_local(k, &args->local))
		return -EADDRNOTAVAIL;
	so->share = args->value != 0;
	if (args->local.port != 0 && !so->share) {
		if (sani_host_port_take(k->core->host, args->local.port) < 0)
			return -EADDRINUSE;
		so->port_taken = true;
	}
	k->more[sani_sock_slot(so)].local = args->local;
	so->bound = true;
	return 0;
}

int
sani_sock_bind(san_handle h, const struct san_addr *local)
{
	struct sani_control_args args = { .local = *local };

	return call(h, true, bind_here, &args);
}

int
sani_layer_bind(san_handle h, const struct san_addr *local)
{
	struct sani_control_args args = { .local = *local, .value = true };

	return call(h, true, bind_here, &args);
}

static int
listen_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);

	return so != NULL ? sani_listen_start(k, so, args->value) : -ENOTSOCK;
}

int
sani_sock_listen(san_handle h, unsigned int backlog)
{
	struct sani_control_args args = { .value = backlog };

	return call(h, true, listen_here, &args);
}

int
sani_sock_move(san_handle h, struct san_cq *cq)
{
	struct sani_thread *t;
	struct san_core *k;
	struct san_cq *old;
	_Atomic uint64_t *word;
	uint64_t w;
	int rc = resolve(h, true, &t, &k, &old);

	if (rc < 0)
		return rc;
	if (atomic_load_explicit(&cq->thread_id, memory_order_relaxed) != t->id)
		return -EPERM;
	if (k->slots->records[sani_handle_slot(h)].posted != 0)
		return -EBUSY;
	if (make_lanes(cq, k->host) < 0)
		return -ENOMEM;
	sani_window();
	/* Counted before the word shows it: the close may come from another thread at once. */
	atomic_fetch_add(&cq->nb_sockets, 1);
	word = &k->slots->words[sani_handle_slot(h)];
	w = sani_word(sani_handle_gen(h), atomic_load(&old->id), SANI_SLOT_OPEN);
	if (!atomic_compare_exchange_strong(word, &w,
					    sani_word(sani_handle_gen(h), atomic_load(&cq->id),
						      SANI_SLOT_OPEN))) {
		atomic_fetch_sub(&cq->nb_sockets, 1);
		return -ENOTSOCK;
	}
	atomic_fetch_sub(&old->nb_sockets, 1);
	return 0;
}

static int
names_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);
	const struct sani_tuple *t;

	if (so == NULL)
		return -ENOTSOCK;
	args->local = sani_sock_local(k, so);
	args->peer = (struct san_addr){ 0 };
	if (so->conn == SANI_NONE)
		return 0;
	t = &sani_sock_conn(k, so)->tuple;
	memcpy(args->local.ip, t->local.b, sizeof(args->local.ip));
	memcpy(args->peer.ip, t->remote.b, sizeof(args->peer.ip));
	args->local.port = t->local_port;
	args->peer.port = t->remote_port;
	return 0;
}

int
sani_sock_names(san_handle h, struct san_addr *local, struct san_addr *peer)
{
	struct sani_control_args args = { 0 };
	int rc = call(h, false, names_here, &args);

	if (rc < 0)
		return rc;
	if (local != NULL)
		*local = args.local;
	if (peer != NULL)
		*peer = args.peer;
	return 0;
}

static int
info_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);
	struct san_tcp_info info;

	if (so == NULL)
		return -ENOTSOCK;
	if (so->conn == SANI_NONE)
		return -ENOTCONN;
	sani_tcp_info(sani_sock_conn(k, so), k->core->now_us, &info);
	info.size = RTE_MIN(args->info->size, info.size);
	memcpy(args->info, &info, info.size);
	return 0;
}

int
sani_sock_tcp_info(san_handle h, struct san_tcp_info *info)
{
	struct sani_control_args args = { .info = info };

	return call(h, false, info_here, &args);
}

static int
set_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);

	return so != NULL ? sani_option_set(k, so, (enum san_option)args->option, args->value) :
			    -ENOTSOCK;
}

static int
get_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_sock *so = target(k, args);

	return so != NULL ? sani_option_get(k, so, (enum san_option)args->option, &args->value) :
			    -ENOTSOCK;
}

int
sani_sock_set_option(san_handle h, enum san_option option, uint32_t value)
{
	struct sani_control_args args = { .option = option, .value = value };

	return call(h, false, set_here, &args);
}

int
sani_sock_get_option(san_handle h, enum san_option option, uint32_t *value)
{
	struct sani_control_args args = { .option = option };
	int rc = call(h, false, get_here, &args);

	if (rc == 0)
		*value = args.value;
	return rc;
}
