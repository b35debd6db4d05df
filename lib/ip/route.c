/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <rte_byteorder.h>

#include "ip/priv.h"

void
sani_ip_init_nets(struct sani_ip_engine *ip)
{
	for (unsigned int i = 0; i < ip->nb_ifaces; i++) {
		const struct sani_iface *ifc = &ip->ifaces[i];
		struct sani_ip_net *net = &ip->nets[i];

		net->addr_be = sani_ip_v4_be(&ifc->addr);
		net->mask_be = ifc->prefix == 0 ? 0 :
			       rte_cpu_to_be_32(UINT32_MAX << (32 - ifc->prefix));
		net->host_be = ifc->prefix < 31 ? ~net->mask_be : 0;
		net->gateway_be = ifc->has_gateway ? sani_ip_v4_be(&ifc->gateway) : 0;
		net->source_be = UINT64_MAX;
	}
}

/* The longest prefix wins; among equals the interface that has src. */
static int
find_link(const struct sani_ip_engine *ip, uint32_t dst_be, uint32_t src_be)
{
	int best = -1;

	for (unsigned int i = 0; i < ip->nb_ifaces; i++) {
		if (!sani_ip_on_link(ip, i, dst_be))
			continue;
		if (best < 0 || ip->ifaces[i].prefix > ip->ifaces[best].prefix ||
		    (ip->ifaces[i].prefix == ip->ifaces[best].prefix && ip->nets[i].addr_be == src_be))
			best = (int)i;
	}
	return best;
}

/* The first gateway; one on the interface that has src goes before it. */
static int
find_gateway(const struct sani_ip_engine *ip, uint32_t src_be)
{
	int best = -1;

	for (unsigned int i = 0; i < ip->nb_ifaces; i++) {
		if (ip->nets[i].gateway_be == 0)
			continue;
		if (best < 0 || ip->nets[i].addr_be == src_be)
			best = (int)i;
	}
	return best;
}

int
sani_ip_find_hop(const struct sani_ip_engine *ip, const union sani_ip *dst,
		 const union sani_ip *src, struct sani_ip_hop *hop)
{
	uint32_t dst_be = sani_ip_v4_be(dst);
	uint32_t src_be = sani_ip_v4_be(src);
	int i;

	if (sani_ip_is_any(dst))
		return -EINVAL;
	if (!sani_ip_is_v4(dst))
		return -ENETUNREACH;
	if (!sani_ip_is_host(dst_be))
		return rte_be_to_cpu_32(dst_be) >> 24 == 127 ? -ENETUNREACH : -EINVAL;
	i = find_link(ip, dst_be, src_be);
	if (i >= 0) {
		if (sani_ip_is_broadcast(ip, (unsigned int)i, dst_be))
			return -EINVAL;
		*hop = (struct sani_ip_hop){ .iface = (uint8_t)i, .next_be = dst_be };
	} else {
		i = find_gateway(ip, src_be);
		if (i < 0)
			return -ENETUNREACH;
		*hop = (struct sani_ip_hop){ .iface = (uint8_t)i, .next_be = ip->nets[i].gateway_be };
	}
	/* What is for ourselves would never come back from the link. */
	return sani_ip_is_ours(ip, dst_be) ? -ENETUNREACH : 0;
}

int
sani_ip_route(const struct sani_ip_engine *ip, const union sani_ip *dst, struct sani_ip_route *route)
{
	static const union sani_ip any;
	struct sani_ip_hop hop;
	int rc = sani_ip_find_hop(ip, dst, &any, &hop);

	if (rc < 0)
		return rc;
	route->iface = hop.iface;
	route->src = ip->ifaces[hop.iface].addr;
	route->next_hop = sani_ip_from_v4(hop.next_be);
	route->mtu = ip->ifaces[hop.iface].mtu;
	return 0;
}

bool
sani_ip_first_hop(const struct sani_ip_engine *ip, const union sani_ip *dst, const union sani_ip *src,
		  union sani_ip *first)
{
	struct sani_ip_hop hop;

	if (sani_ip_find_hop(ip, dst, src, &hop) < 0)
		return false;
	*first = sani_ip_from_v4(hop.next_be);
	return true;
}

int
sani_ip_iface_of(const struct sani_ip_engine *ip, const union sani_ip *addr)
{
	for (unsigned int i = 0; i < ip->nb_ifaces; i++)
		if (sani_ip_eq(&ip->ifaces[i].addr, addr))
			return (int)i;
	return -1;
}
