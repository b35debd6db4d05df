/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Httpd: a directory, read into memory at start, over HTTP/1.1 (RFC 9110, RFC 9112).
 *
 * files.c reads the directory; request.c reads a request; conn.c is a connection's life; main.c the loop.
 * Only what was loaded can be served: no path of a request ever reaches the file system.
 */
#ifndef APPS_HTTPD_HTTPD_H
#define APPS_HTTPD_HTTPD_H

#include "../common/prog.h"

/** A loaded file. */
struct file {
	char *path;		/**< As in a request: "/sub/page.html". */
	const char *type;
	unsigned char *data;
	size_t len;
};

struct files {
	struct file *list;	/**< Sorted by path. */
	size_t nb;
	uint64_t bytes;
	uint64_t max_bytes;
};

/** Read a directory and what is in it; names that begin with '.' and links are left out. False: complained. */
bool
files_load(struct files *files, const char *root);

/** Find by path; a path that ends in '/' means its index.html. NULL: there is none. */
const struct file *
files_find(const struct files *files, const char *path);

void
files_free(struct files *files);

/** Longest head of a request [bytes]. */
#define REQUEST_MAX 8192

/** A request as far as this server cares. */
struct request {
	int status;		/**< 200, or the error to answer: 400, 405, 431, 505. */
	bool head;		/**< HEAD: no body is sent. */
	bool keep_alive;
	size_t len;		/**< Of its head [bytes]; the next request begins there. */
	char path[REQUEST_MAX];	/**< Decoded, without query. */
};

/**
 * Read the first request of a buffer.
 * @return False: its end has not come yet. With status above 399 the connection is closed after the answer.
 */
bool
request_read(const char *data, size_t len, struct request *r);

struct server {
	struct prog *prog;
	const struct files *files;
	san_handle listener;
	bool listening;			/**< Accepts are posted again. */
	uint64_t closes_due;
	uint64_t open;
	uint64_t accepted;
	uint64_t requests;
	uint64_t errors;		/**< Requests answered with 4xx or 5xx. */
	uint64_t broken;		/**< Connections that ended by an error. */
	uint64_t refused;		/**< For lack of room. */
	uint64_t bytes;
	struct conn *conns;
	struct request request;		/**< The one being read. */
};

/** A new connection. False: no memory. */
bool
conn_open(struct server *s, san_handle sock);

/** An operation or the close of a connection has ended. */
void
conn_event(struct server *s, const struct san_completion *comp);

/** Close those that have waited too long for something. */
void
conn_expire(struct server *s, uint64_t now_us);

void
conn_close_all(struct server *s);

#endif
