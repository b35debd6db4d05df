/* SPDX-License-Identifier: BSD-3-Clause */
/* From the text of a configuration to what a host is made from (api/conf.h). */
#include <errno.h>
#include <stdio.h>

#include "api/conf.h"
#include "api/parse.h"
#include "base/error.h"

/* Values were checked when they were set, defaults by a test: reading them cannot fail. */
static uint32_t
read_number(const struct sani_conf_section *s, enum sani_key_id id)
{
	const char *text = s->values[id].text;
	uint32_t n = 0;

	if (text == NULL)
		text = sani_keys[id].def;
	sani_parse_number(text, strlen(text), UINT32_MAX, &n);
	return n;
}

static const struct sani_conf_section *
find_port(const struct san_conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->nb_sections; i++) {
		const struct sani_conf_section *s = &conf->sections[i];

		if (s->kind == SANI_SECTION_PORT && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static void
resolve_host(const struct sani_conf_section *s, struct sani_api_conf *out)
{
	struct sani_host_conf *host = &out->host;
	const char *name = s->values[SANI_CONF_NAME].text;

	snprintf(host->name, sizeof(host->name), "%s", name != NULL ? name :
		 sani_keys[SANI_CONF_NAME].def);
	host->nb_cores = read_number(s, SANI_CONF_CORES);
	host->nb_mbufs = read_number(s, SANI_CONF_MBUFS);
	host->nb_half_open = read_number(s, SANI_CONF_HALF_OPEN);
	host->nb_listeners = read_number(s, SANI_CONF_LISTENERS);
	host->nb_tw = read_number(s, SANI_CONF_TIME_WAIT_RECORDS);
	host->time_wait_ms = read_number(s, SANI_CONF_TIME_WAIT);
	host->window_max = read_number(s, SANI_CONF_WINDOW_MAX);
	host->mtu_probing = read_number(s, SANI_CONF_MTU_PROBING) != 0;
	out->nb_slots = read_number(s, SANI_CONF_SOCKETS);
	out->ring = read_number(s, SANI_CONF_REQUEST_RING);
	out->nb_loans = s->values[SANI_CONF_LOANS].text != NULL ? read_number(s, SANI_CONF_LOANS) :
			host->nb_mbufs / 4 / host->nb_cores;
	out->sleep_after_us = read_number(s, SANI_CONF_SLEEP_AFTER);
	host->nb_conns = s->values[SANI_CONF_CONNECTIONS].text != NULL ?
			 read_number(s, SANI_CONF_CONNECTIONS) : out->nb_slots + host->nb_half_open;
}

/* Every half-open connection is a connection. */
static int
check_host(const struct sani_conf_section *s, const struct sani_api_conf *out)
{
	const struct sani_conf_value *v = &s->values[SANI_CONF_CONNECTIONS];
	char where[SANI_CONF_WHERE];

	if (out->host.nb_conns >= out->host.nb_half_open)
		return 0;
	return sani_error_set(-EINVAL, "%s: key \"connections\" is \"%s\", accepted is at least the "
			      "value of half_open, %u.", sani_conf_where(&v->origin, where), v->text,
			      out->host.nb_half_open);
}

static int
check_mandatory(const struct sani_conf_section *s)
{
	char where[SANI_CONF_WHERE];
	char accepted[SANI_KEY_ACCEPTED];

	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		if (sani_keys[i].section != s->kind || !sani_keys[i].must ||
		    s->values[i].text != NULL)
			continue;
		return sani_error_set(-EINVAL, "%s: key \"%s\" of [%s %s] is missing, accepted is %s.",
				      sani_conf_where(&s->origin, where), sani_keys[i].name,
				      sani_section_word(s->kind), s->name,
				      sani_key_accepted(&sani_keys[i], accepted));
	}
	return 0;
}

/* Which of the interfaces resolved so far is on port? NULL: none. */
static const char *
find_user(const struct sani_host_conf *host, const char *port)
{
	for (unsigned int i = 0; i < host->nb_ifaces; i++) {
		if (strcmp(host->ports[i].name, port) == 0)
			return host->ifaces[i].name;
	}
	return NULL;
}

static int
check_port_ref(const struct san_conf *conf, const struct sani_conf_section *s,
	       const struct sani_host_conf *host)
{
	const struct sani_conf_value *v = &s->values[SANI_CONF_PORT];
	const char *user = find_user(host, v->text);
	char where[SANI_CONF_WHERE];

	sani_conf_where(&v->origin, where);
	if (find_port(conf, v->text) == NULL)
		return sani_error_set(-EINVAL, "%s: key \"port\" of [interface %s] is \"%s\", accepted "
				      "is the name of a section [port NAME].", where, s->name, v->text);
	if (user != NULL)
		return sani_error_set(-EINVAL, "%s: key \"port\" of [interface %s] is \"%s\", accepted "
				      "is a port that no other interface is on ([interface %s] is).",
				      where, s->name, v->text, user);
	return 0;
}

static enum sani_port_claim
read_claim(const char *text)
{
	if (text == NULL || strcmp(text, "auto") == 0)
		return SANI_PORT_CLAIM_NONE;
	return strcmp(text, "checksums") == 0 ? SANI_PORT_CLAIM_CHECKSUMS : SANI_PORT_CLAIM_SEGMENTS;
}

static void
resolve_port(const struct sani_conf_section *s, struct sani_port_conf *port)
{
	snprintf(port->name, sizeof(port->name), "%s", s->name);
	snprintf(port->device, sizeof(port->device), "%s", s->values[SANI_CONF_DEVICE].text);
	port->rx_desc = (uint16_t)read_number(s, SANI_CONF_RX_DESC);
	port->tx_desc = (uint16_t)read_number(s, SANI_CONF_TX_DESC);
	port->restart = s->values[SANI_CONF_LEND].text != NULL &&
			strcmp(s->values[SANI_CONF_LEND].text, "restart") == 0;
	port->claim = read_claim(s->values[SANI_CONF_OFFLOAD].text);
}

static int
check_address(const struct sani_conf_section *s, const struct sani_host_conf *host,
	      const struct sani_iface *iface)
{
	const struct sani_conf_value *v = &s->values[SANI_CONF_ADDRESS];
	char where[SANI_CONF_WHERE];

	for (unsigned int i = 0; i < host->nb_ifaces; i++) {
		if (sani_ip_eq(&host->ifaces[i].addr, &iface->addr))
			return sani_error_set(-EINVAL, "%s: key \"address\" of [interface %s] is \"%s\", "
					      "accepted is an address that no other interface has "
					      "([interface %s] has).",
					      sani_conf_where(&v->origin, where), s->name, v->text,
					      host->ifaces[i].name);
	}
	return 0;
}

static int
resolve_gateway(const struct sani_conf_section *s, struct sani_iface *iface)
{
	const struct sani_conf_value *v = &s->values[SANI_CONF_GATEWAY];
	char where[SANI_CONF_WHERE];
	uint32_t addr = rte_be_to_cpu_32(sani_ip_v4_be(&iface->addr));
	uint32_t gateway_be = 0;
	uint32_t gateway;
	uint32_t host_mask = iface->prefix == 32 ? 0 : UINT32_MAX >> iface->prefix;

	if (v->text == NULL)
		return 0;
	sani_parse_v4(v->text, strlen(v->text), &gateway_be);
	gateway = rte_be_to_cpu_32(gateway_be);
	/* in the network, not ourselves, and (below /31) neither the network nor its broadcast */
	if (((gateway ^ addr) & ~host_mask) != 0 || gateway == addr ||
	    (iface->prefix < 31 && ((gateway & host_mask) == 0 ||
				    (gateway & host_mask) == host_mask)))
		return sani_error_set(-EINVAL, "%s: key \"gateway\" of [interface %s] is \"%s\", "
				      "accepted is another host's address in the network %s.",
				      sani_conf_where(&v->origin, where), s->name, v->text,
				      s->values[SANI_CONF_ADDRESS].text);
	iface->has_gateway = true;
	iface->gateway = sani_ip_from_v4(gateway_be);
	return 0;
}

static int
resolve_iface(const struct san_conf *conf, const struct sani_conf_section *s,
	      struct sani_host_conf *host)
{
	struct sani_port_conf *port = &host->ports[host->nb_ifaces];
	struct sani_iface *iface = &host->ifaces[host->nb_ifaces];
	const char *mac = s->values[SANI_CONF_MAC].text;
	uint32_t v4_be = 0;
	int rc = check_mandatory(s);

	if (rc == 0)
		rc = check_port_ref(conf, s, host);
	if (rc != 0)
		return rc;
	resolve_port(find_port(conf, s->values[SANI_CONF_PORT].text), port);
	port->nb_queues = (uint16_t)host->nb_cores;
	port->mtu = (uint16_t)read_number(s, SANI_CONF_MTU);
	port->has_mac = mac != NULL && sani_parse_mac(mac, port->mac.addr_bytes) == 0;
	snprintf(iface->name, sizeof(iface->name), "%s", s->name);
	iface->mtu = port->mtu;
	sani_parse_subnet(s->values[SANI_CONF_ADDRESS].text, &v4_be, &iface->prefix);
	iface->addr = sani_ip_from_v4(v4_be);
	rc = check_address(s, host, iface);
	if (rc == 0)
		rc = resolve_gateway(s, iface);
	if (rc == 0)
		host->nb_ifaces++;
	return rc;
}

static int
check_port_used(const struct sani_conf_section *s, const struct sani_host_conf *host)
{
	char where[SANI_CONF_WHERE];

	if (find_user(host, s->name) != NULL)
		return 0;
	return sani_error_set(-EINVAL, "%s: section [port %s] is used by no interface, accepted is a "
			      "port that one section [interface NAME] names in its key \"port\".",
			      sani_conf_where(&s->origin, where), s->name);
}

static int
check_some_iface(const struct san_conf *conf, const struct sani_host_conf *host)
{
	const struct sani_conf_origin last = {
		.file = conf->nb_files > 0 ? conf->files[conf->nb_files - 1] : NULL,
	};
	char where[SANI_CONF_WHERE];

	if (host->nb_ifaces > 0)
		return 0;
	return sani_error_set(-EINVAL, "%s: there is no section [interface NAME], accepted are 1 "
			      "to %u.", sani_conf_where(&last, where), SANI_IP_IFACES);
}

/* [host] may be missing: every key of it has a default. */
static const struct sani_conf_section *
find_host(const struct san_conf *conf)
{
	static const struct sani_conf_section none = { .kind = SANI_SECTION_HOST };

	for (unsigned int i = 0; i < conf->nb_sections; i++) {
		if (conf->sections[i].kind == SANI_SECTION_HOST)
			return &conf->sections[i];
	}
	return &none;
}

/* What is asked of each section of a kind; the first error ends it. */
static int
resolve_sections(const struct san_conf *conf, enum sani_section_kind kind,
		 struct sani_host_conf *host)
{
	int rc = 0;

	for (unsigned int i = 0; i < conf->nb_sections && rc == 0; i++) {
		const struct sani_conf_section *s = &conf->sections[i];

		if (s->kind != kind)
			continue;
		if (kind == SANI_SECTION_PORT)
			rc = check_mandatory(s);
		else
			rc = resolve_iface(conf, s, host);
	}
	return rc;
}

int
sani_conf_resolve(const struct san_conf *conf, struct sani_api_conf *out)
{
	int rc;

	if (conf == NULL || out == NULL)
		return sani_error_set(-EINVAL, "configuration: there is none.");
	memset(out, 0, sizeof(*out));
	resolve_host(find_host(conf), out);
	rc = check_host(find_host(conf), out);
	if (rc == 0)
		rc = resolve_sections(conf, SANI_SECTION_PORT, &out->host);
	if (rc == 0)
		rc = resolve_sections(conf, SANI_SECTION_INTERFACE, &out->host);
	if (rc == 0)
		rc = check_some_iface(conf, &out->host);
	for (unsigned int i = 0; i < conf->nb_sections && rc == 0; i++) {
		if (conf->sections[i].kind == SANI_SECTION_PORT)
			rc = check_port_used(&conf->sections[i], &out->host);
	}
	return rc;
}
