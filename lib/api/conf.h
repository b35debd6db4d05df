/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Configuration: what struct san_conf holds and what a host is made from.
 *
 * Model:     a configuration is a set of sections with the text of their keys and where each came
 *            from. A key is checked alone when it is set, against its line of one table (conf_keys.c),
 *            from which defaults, error sentences and the tables of doc/configuration.md come too. What
 *            concerns several keys is checked by sani_conf_resolve().
 * Repeats:   a key given twice in one file is an error; a later file and san_conf_set() replace.
 * Threads:   one thread at a time for one configuration. Control path only.
 * Errors:    negative errno, with a sentence by sani_error_set(): where, key, found, accepted.
 * Files:     conf_keys.c the table; conf.c sections and keys; conf_file.c the file; conf_resolve.c
 *            from text to struct sani_api_conf.
 */
#ifndef SANI_API_CONF_H
#define SANI_API_CONF_H

#include <san/host.h>

#include "core/core.h"

enum sani_section_kind {
	SANI_SECTION_HOST,
	SANI_SECTION_PORT,
	SANI_SECTION_INTERFACE,
	SANI_NB_SECTION_KINDS
};

enum sani_key_type {
	SANI_KEY_NUMBER,	/**< min..max */
	SANI_KEY_NAME,		/**< 1 to 31 of letters, digits, '.', '_' and '-' */
	SANI_KEY_DEVICE,	/**< port/port.h says what a device is */
	SANI_KEY_SUBNET,	/**< IPv4 address and prefix length */
	SANI_KEY_ADDRESS,	/**< IPv4 address */
	SANI_KEY_MAC,		/**< Unicast */
	SANI_KEY_LEND,		/**< "auto" or "restart" */
	SANI_KEY_OFFLOAD,	/**< "auto", "checksums" or "segments" */
};

enum sani_key_id {
	SANI_CONF_NAME,
	SANI_CONF_CORES,
	SANI_CONF_SOCKETS,
	SANI_CONF_CONNECTIONS,
	SANI_CONF_HALF_OPEN,
	SANI_CONF_LISTENERS,
	SANI_CONF_TIME_WAIT,
	SANI_CONF_WINDOW_MAX,
	SANI_CONF_TIME_WAIT_RECORDS,
	SANI_CONF_MTU_PROBING,
	SANI_CONF_MBUFS,
	SANI_CONF_LOANS,
	SANI_CONF_REQUEST_RING,
	SANI_CONF_SLEEP_AFTER,
	SANI_CONF_DEVICE,
	SANI_CONF_RX_DESC,
	SANI_CONF_TX_DESC,
	SANI_CONF_LEND,
	SANI_CONF_OFFLOAD,
	SANI_CONF_PORT,
	SANI_CONF_ADDRESS,
	SANI_CONF_GATEWAY,
	SANI_CONF_MAC,
	SANI_CONF_MTU,
	SANI_NB_KEYS
};

/** One line of the table. */
struct sani_key {
	enum sani_section_kind section;
	const char *name;
	enum sani_key_type type;
	bool must;		/**< The section needs it. */
	uint32_t min;		/**< SANI_KEY_NUMBER only. */
	uint32_t max;		/**< Likewise. */
	const char *def;	/**< Default as documented; a number unless it begins with a letter. NULL: none. */
	const char *text;	/**< One sentence. */
};

extern const struct sani_key sani_keys[SANI_NB_KEYS];

/** Longest sani_key_accepted() [bytes], terminator included. */
#define SANI_KEY_ACCEPTED 160

/** Longest name of a section [bytes], terminator included; that of struct sani_iface. */
#define SANI_CONF_NAME_LEN 32

/** "host", "port" or "interface". */
const char *
sani_section_word(enum sani_section_kind kind);

/** Find a key of a section; SANI_NB_KEYS: there is none. */
enum sani_key_id
sani_key_find(enum sani_section_kind kind, const char *name);

/** The key of the section that name is most like; SANI_NB_KEYS: it is like none. */
enum sani_key_id
sani_key_nearest(enum sani_section_kind kind, const char *name);

/** Is value accepted by the key alone? */
bool
sani_key_check(const struct sani_key *key, const char *value);

/** Write what the key accepts, "a whole number from 1 to 64". @return buf, SANI_KEY_ACCEPTED bytes. */
const char *
sani_key_accepted(const struct sani_key *key, char *buf);

/** Is text a name (SANI_KEY_NAME)? */
bool
sani_conf_is_name(const char *text);

/** Where something came from. */
struct sani_conf_origin {
	const char *file;	/**< NULL: by san_conf_set(). Lives as long as the configuration. */
	unsigned int line;	/**< From 1. */
	unsigned int load;	/**< Which san_conf_load(), from 1; 0: san_conf_set(). */
};

struct sani_conf_value {
	char *text;		/**< Own; NULL: not set. */
	struct sani_conf_origin origin;
};

struct sani_conf_section {
	enum sani_section_kind kind;
	char name[SANI_CONF_NAME_LEN];	/**< Empty for [host]. */
	struct sani_conf_origin origin;
	struct sani_conf_value values[SANI_NB_KEYS];
};

#define SANI_CONF_SECTIONS (1 + 2 * SANI_IP_IFACES)
#define SANI_CONF_FILES 16

struct san_conf {
	unsigned int nb_sections;
	struct sani_conf_section sections[SANI_CONF_SECTIONS];
	unsigned int nb_files;
	char *files[SANI_CONF_FILES];	/**< Own; paths as given. */
};

/** Longest "FILE:LINE" that a sentence begins with [bytes]; a longer path loses its beginning. */
#define SANI_CONF_WHERE 200

/** Write "FILE:LINE" or "configuration". @return buf, SANI_CONF_WHERE bytes. */
const char *
sani_conf_where(const struct sani_conf_origin *origin, char *buf);

/**
 * Find a section, or make it.
 *
 * @param[in]  heading  "host", "port NAME", "interface NAME".
 * @param[out] section  Set only on success.
 * @retval 0 -EINVAL
 */
int
sani_conf_open_section(struct san_conf *conf, const struct sani_conf_origin *origin,
		       const char *heading, struct sani_conf_section **section);

/** Set a key of a section. @retval 0 -EINVAL -ENOMEM */
int
sani_conf_put(struct sani_conf_section *section, const struct sani_conf_origin *origin,
	      const char *key, const char *value);

/** What a host is made from. */
struct sani_api_conf {
	struct sani_host_conf host;	/**< first_core_id is 0: the caller's to set. */
	uint32_t nb_slots;		/**< Sockets of a core. */
	uint32_t ring;			/**< Places of a thread's request ring to one core. */
	uint32_t nb_loans;		/**< See sock/sock.h. */
	uint32_t sleep_after_us;	/**< Likewise. */
};

/**
 * Check the whole and fill in the defaults.
 *
 * @param[in]  conf  The configuration.
 * @param[out] out   Filled on success. Ports: name, device, nb_queues, descriptors, mtu, mac. Interfaces: name,
 *                   address, prefix, gateway, mtu; the rest is 0.
 * @retval 0 -EINVAL
 */
int
sani_conf_resolve(const struct san_conf *conf, struct sani_api_conf *out);

#endif
