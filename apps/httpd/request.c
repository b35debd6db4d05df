/* SPDX-License-Identifier: BSD-3-Clause */
/* One request (RFC 9112): strict where it could be read in two ways, and only what GET and HEAD need. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpd.h"

/* A piece of the head. */
struct piece {
	const char *at;
	size_t len;
};

static bool
is_text(struct piece p, const char *text)
{
	return p.len == strlen(text) && memcmp(p.at, text, p.len) == 0;
}

static bool
is_text_any_case(struct piece p, const char *text)
{
	return p.len == strlen(text) && strncasecmp(p.at, text, p.len) == 0;
}

/* Cut off what stands before c, and c; false: no c. */
static bool
cut(struct piece *rest, char c, struct piece *before)
{
	const char *at = memchr(rest->at, c, rest->len);

	if (at == NULL)
		return false;
	before->at = rest->at;
	before->len = (size_t)(at - rest->at);
	rest->len -= before->len + 1;
	rest->at = at + 1;
	return true;
}

static struct piece
trim(struct piece p)
{
	while (p.len > 0 && (p.at[0] == ' ' || p.at[0] == '\t')) {
		p.at++;
		p.len--;
	}
	while (p.len > 0 && (p.at[p.len - 1] == ' ' || p.at[p.len - 1] == '\t'))
		p.len--;
	return p;
}

static int
read_hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	if (c >= '0' && c <= '9')
		return c - '0';
	return at != NULL && at - digits >= 10 ? (int)(at - digits) : -1;
}

/* Decode %XX up to the query; false: bad digits or a NUL. */
static bool
decode_path(struct piece target, char *path)
{
	for (size_t i = 0; i < target.len && target.at[i] != '?'; i++) {
		char c = target.at[i];

		if (c == '%') {
			int high = i + 2 < target.len ? read_hex(target.at[i + 1]) : -1;
			int low = i + 2 < target.len ? read_hex(target.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return false;
		*path++ = c;
	}
	*path = '\0';
	return true;
}

/* "GET /path HTTP/1.1" */
static void
read_request_line(struct piece line, struct request *r)
{
	struct piece method;
	struct piece target;

	if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || line.len != 8 ||
	    memcmp(line.at, "HTTP/", 5) != 0 || target.len == 0) {
		r->status = 400;
		return;
	}
	if (memcmp(line.at, "HTTP/1.", 7) != 0) {
		r->status = 505;
		return;
	}
	r->keep_alive = line.at[7] != '0';
	r->head = is_text(method, "HEAD");
	if (!r->head && !is_text(method, "GET"))
		r->status = 405;
	else if (target.at[0] != '/' || !decode_path(target, r->path))
		r->status = 400;
}

/* "close, x": is word in the list? */
static bool
has_word(struct piece list, const char *word)
{
	struct piece item;

	while (cut(&list, ',', &item)) {
		if (is_text_any_case(trim(item), word))
			return true;
	}
	return is_text_any_case(trim(list), word);
}

/* Headers of one request, as far as they have been seen. */
struct seen {
	unsigned int hosts;
	bool close;
	bool keep_alive;
	bool body;
};

static bool
read_header(struct piece line, struct seen *seen)
{
	struct piece name;

	/* no folding, no blank before the colon: RFC 9112 5.1 and 5.2 */
	if (!cut(&line, ':', &name) || name.len == 0 || memchr(name.at, ' ', name.len) != NULL ||
	    memchr(name.at, '\t', name.len) != NULL)
		return false;
	line = trim(line);
	if (is_text_any_case(name, "host")) {
		seen->hosts++;
	} else if (is_text_any_case(name, "connection")) {
		seen->close |= has_word(line, "close");
		seen->keep_alive |= has_word(line, "keep-alive");
	} else if (is_text_any_case(name, "transfer-encoding")) {
		seen->body = true;
	} else if (is_text_any_case(name, "content-length")) {
		seen->body |= !is_text(line, "0");
	}
	return true;
}

static struct piece
next_line(struct piece *head)
{
	struct piece line = { head->at, head->len };

	/* the head ends with a line end, so there is one */
	cut(head, '\n', &line);
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
read_head(struct piece head, struct request *r)
{
	struct seen seen = { 0 };
	bool first_version;

	read_request_line(next_line(&head), r);
	first_version = !r->keep_alive;
	while (head.len > 0 && r->status == 200) {
		struct piece line = next_line(&head);

		if (line.len > 0 && !read_header(line, &seen))
			r->status = 400;
	}
	/* a body is not asked for; where the next request begins behind one is not worked out */
	if (r->status == 200 && (seen.body || seen.hosts > 1 || (seen.hosts == 0 && !first_version)))
		r->status = 400;
	r->keep_alive = first_version ? seen.keep_alive : true;
	if (seen.close)
		r->keep_alive = false;
	if (r->status != 200)
		r->keep_alive = false;
}

bool
request_read(const char *data, size_t len, struct request *r)
{
	const char *end;
	size_t skip = 0;

	/* RFC 9112 2.2: an empty line before the request is passed over */
	while (len - skip >= 2 && data[skip] == '\r' && data[skip + 1] == '\n')
		skip += 2;
	end = memmem(data + skip, len - skip, "\r\n\r\n", 4);
	r->status = 200;
	r->head = false;
	r->keep_alive = false;
	r->path[0] = '\0';
	r->len = len;
	if (end == NULL && len < REQUEST_MAX)
		return false;
	if (end == NULL) {
		r->status = 431;
		return true;
	}
	r->len = (size_t)(end + 4 - data);
	read_head((struct piece){ data + skip, (size_t)(end + 2 - (data + skip)) }, r);
	return true;
}
