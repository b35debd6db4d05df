/* SPDX-License-Identifier: BSD-3-Clause */
#include "setting.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS 3

struct unit {
	const char *name;
	double factor;
};

/* What a number is of: its units, and the largest that is accepted in the last of them. */
struct quantity {
	struct unit units[4];
	double max;
	const char *accepted;
};

static const struct quantity rate = {
	{ { "", 1 }, { "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 } }, 1e12,
	"bit/s such as 64k, 100M or 1G, at most 1000G; 0 for no limit"
};
static const struct quantity bytes = {
	{ { "", 1 }, { "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 } }, UINT32_MAX,
	"bytes such as 1500, 256k or 4M, at most 4G"
};
static const struct quantity duration = {
	{ { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { NULL, 0 } }, 3600e6,
	"a time such as 50us, 20ms or 1s, at most 3600s"
};
static const struct quantity share = {
	{ { "%", 1e4 }, { NULL, 0 } }, 1e6,
	"a share such as 1% or 0.01%, at most 100%"
};

struct part {
	const struct quantity *of;
	size_t at;	/* in the configuration */
};

#define PART(quantity, field) { &(quantity), offsetof(struct sani_impair_conf, field) }

static const struct setting {
	const char *name;
	const char *form;	/* for messages */
	unsigned int nb_least;
	unsigned int nb_most;
	struct part parts[PARTS];
} settings[] = {
	{ "rate", "RATE", 1, 1, { PART(rate, rate_bps) } },
	{ "queue", "BYTES", 1, 1, { PART(bytes, queue_bytes) } },
	{ "mark", "BYTES", 1, 1, { PART(bytes, mark_bytes) } },
	{ "delay", "TIME", 1, 1, { PART(duration, delay_us) } },
	{ "jitter", "TIME", 1, 1, { PART(duration, jitter_us) } },
	{ "mtu", "BYTES", 1, 1, { PART(bytes, mtu) } },
	{ "loss", "SHARE", 1, 1, { PART(share, loss_ppm) } },
	{ "burst", "BEGIN,END,LOSS", 1, 3,
	  { PART(share, burst_begin_ppm), PART(share, burst_end_ppm), PART(share, burst_loss_ppm) } },
	{ "dup", "SHARE", 1, 1, { PART(share, dup_ppm) } },
	{ "reorder", "SHARE,TIME", 2, 2, { PART(share, reorder_ppm), PART(duration, reorder_us) } },
	{ "corrupt", "SHARE", 1, 1, { PART(share, corrupt_ppm) } },
	{ "link", "up or down", 0, 0, { { NULL, 0 } } },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

const char *
setting_name(unsigned int i)
{
	return i < SETTINGS ? settings[i].name : NULL;
}

unsigned int
setting_sides(const char *word)
{
	if (strcmp(word, "left") == 0)
		return 1 << SIDE_LEFT;
	if (strcmp(word, "right") == 0)
		return 1 << SIDE_RIGHT;
	return strcmp(word, "both") == 0 ? 1 << SIDE_LEFT | 1 << SIDE_RIGHT : 0;
}

/* A number and a unit; "0" needs no unit. */
static bool
parse_number(const struct quantity *q, const char *text, double *number)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double n = strtod(text, &end);

	if (digits == 0 || text[0] == '.' || end != text + digits)
		return false;
	*number = n;
	if (n == 0 && *end == '\0')
		return true;
	for (unsigned int i = 0; i < 4 && q->units[i].name != NULL; i++)
		if (strcmp(end, q->units[i].name) == 0) {
			*number = n * q->units[i].factor;
			return *number <= q->max;
		}
	return false;
}

static void
store(struct sani_impair_conf *conf, const struct part *part, double number)
{
	uint64_t n = (uint64_t)llround(number);
	uint32_t n32 = (uint32_t)n;

	if (part->of == &rate)
		memcpy((char *)conf + part->at, &n, sizeof(n));
	else
		memcpy((char *)conf + part->at, &n32, sizeof(n32));
}

static bool
apply_parts(struct sani_impair_conf *conf, const struct setting *s, const char *value, char *why, size_t size)
{
	char text[64], *save = NULL, *word;
	double numbers[PARTS] = { 0 };
	unsigned int n = 0;

	snprintf(text, sizeof(text), "%s", value);
	for (word = strtok_r(text, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save), n++) {
		if (n < s->nb_most && !parse_number(s->parts[n].of, word, &numbers[n])) {
			snprintf(why, size, "%s is \"%s\", accepted is %s.", s->name, value,
				 s->parts[n].of->accepted);
			return false;
		}
	}
	/* nothing is nothing, however many parts it has */
	if (n > s->nb_most || (n < s->nb_least && (n == 0 || numbers[0] > 0))) {
		snprintf(why, size, "%s is \"%s\", accepted is %s.", s->name, value, s->form);
		return false;
	}
	for (unsigned int i = 0; i < s->nb_most; i++)
		store(conf, &s->parts[i], numbers[i]);
	return true;
}

static bool
apply_link(struct sani_impair_conf *conf, const char *value, char *why, size_t size)
{
	bool up = strcmp(value, "up") == 0;

	if (!up && strcmp(value, "down") != 0) {
		snprintf(why, size, "link is \"%s\", accepted is up or down.", value);
		return false;
	}
	conf->down = !up;
	return true;
}

bool
setting_apply(struct sani_impair_conf *conf, const char *name, const char *value, char *why, size_t size)
{
	size_t len;

	for (unsigned int i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (settings[i].nb_most == 0)
			return apply_link(conf, value, why, size);
		return apply_parts(conf, &settings[i], value, why, size);
	}
	len = (size_t)snprintf(why, size, "\"%s\" is no setting; there are:", name);
	for (unsigned int i = 0; i < SETTINGS && len < size; i++)
		len += (size_t)snprintf(why + len, size - len, "%s %s", i > 0 ? "," : "", settings[i].name);
	return false;
}
