/* SPDX-License-Identifier: BSD-3-Clause */
/* Sections and keys of a configuration (api/conf.h). */
#include "api/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

struct san_conf *
san_conf_create(void)
{
	return calloc(1, sizeof(struct san_conf));
}

void
san_conf_destroy(struct san_conf *conf)
{
	if (conf == NULL)
		return;
	for (unsigned int i = 0; i < conf->nb_sections; i++) {
		for (unsigned int key = 0; key < SANI_NB_KEYS; key++)
			free(conf->sections[i].values[key].text);
	}
	for (unsigned int i = 0; i < conf->nb_files; i++)
		free(conf->files[i]);
	free(conf);
}

const char *
sani_conf_where(const struct sani_conf_origin *origin, char *buf)
{
	/* room for ":4294967295" and the terminator */
	const size_t max = SANI_CONF_WHERE - 12;
	const char *file = origin->file;
	size_t len;

	if (file == NULL) {
		snprintf(buf, SANI_CONF_WHERE, "configuration");
		return buf;
	}
	len = strlen(file);
	if (len > max)
		file += len - max;
	if (origin->line == 0)
		snprintf(buf, SANI_CONF_WHERE, "%s", file);
	else
		snprintf(buf, SANI_CONF_WHERE, "%s:%u", file, origin->line);
	return buf;
}

/* Split "port  NAME" at its blanks: which kind is it, and what is the name? NULL: no such kind. */
static const char *
split_heading(const char *heading, enum sani_section_kind *kind)
{
	size_t len = strcspn(heading, " \t");

	for (unsigned int i = 0; i < SANI_NB_SECTION_KINDS; i++) {
		const char *word = sani_section_word((enum sani_section_kind)i);

		if (strlen(word) == len && strncmp(word, heading, len) == 0) {
			*kind = (enum sani_section_kind)i;
			heading += len;
			return heading + strspn(heading, " \t");
		}
	}
	return NULL;
}

static struct sani_conf_section *
find_section(struct san_conf *conf, enum sani_section_kind kind, const char *name)
{
	for (unsigned int i = 0; i < conf->nb_sections; i++) {
		struct sani_conf_section *s = &conf->sections[i];

		if (s->kind == kind && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static unsigned int
count_sections(const struct san_conf *conf, enum sani_section_kind kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < conf->nb_sections; i++)
		n += conf->sections[i].kind == kind;
	return n;
}

int
sani_conf_open_section(struct san_conf *conf, const struct sani_conf_origin *origin,
		       const char *heading, struct sani_conf_section **section)
{
	enum sani_section_kind kind = SANI_SECTION_HOST;
	char where[SANI_CONF_WHERE];
	const char *name = split_heading(heading, &kind);
	bool named = kind != SANI_SECTION_HOST;

	if (name == NULL || (!named && name[0] != '\0'))
		return sani_error_set(-EINVAL, "%s: [%.64s] is not a section, accepted are [host], "
				      "[port NAME] and [interface NAME].",
				      sani_conf_where(origin, where), heading);
	if (named && !sani_conf_is_name(name))
		return sani_error_set(-EINVAL, "%s: section [%.64s] has the name \"%.64s\", accepted "
				      "are 1 to 31 letters, digits, '.', '_' or '-'.",
				      sani_conf_where(origin, where), heading, name);
	*section = find_section(conf, kind, name);
	if (*section != NULL)
		return 0;
	if (named && count_sections(conf, kind) == SANI_IP_IFACES)
		return sani_error_set(-EINVAL, "%s: section [%s] is one too many, accepted are %u "
				      "sections of this kind.", sani_conf_where(origin, where),
				      heading, SANI_IP_IFACES);
	*section = &conf->sections[conf->nb_sections++];
	(*section)->kind = kind;
	(*section)->origin = *origin;
	snprintf((*section)->name, sizeof((*section)->name), "%s", name);
	return 0;
}

/* The keys of a section, separated by commas. */
static const char *
list_keys(enum sani_section_kind kind, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		if (sani_keys[i].section == kind && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						len > 0 ? ", " : "", sani_keys[i].name);
	}
	return buf;
}

static int
refuse_key(const struct sani_conf_section *section, const struct sani_conf_origin *origin,
	   const char *name)
{
	enum sani_key_id nearest = sani_key_nearest(section->kind, name);
	char where[SANI_CONF_WHERE];
	char keys[160];

	sani_conf_where(origin, where);
	list_keys(section->kind, keys, sizeof(keys));
	if (nearest == SANI_NB_KEYS)
		return sani_error_set(-EINVAL, "%s: \"%.64s\" is not a key of a section [%s], accepted "
				      "are %s.", where, name, sani_section_word(section->kind), keys);
	return sani_error_set(-EINVAL, "%s: \"%.64s\" is not a key of a section [%s] (did you mean "
			      "\"%s\"?), accepted are %s.", where, name,
			      sani_section_word(section->kind), sani_keys[nearest].name, keys);
}

int
sani_conf_put(struct sani_conf_section *section, const struct sani_conf_origin *origin,
	      const char *key, const char *value)
{
	enum sani_key_id id = sani_key_find(section->kind, key);
	struct sani_conf_value *v;
	char where[SANI_CONF_WHERE];
	char accepted[SANI_KEY_ACCEPTED];
	char *copy;

	if (id == SANI_NB_KEYS)
		return refuse_key(section, origin, key);
	sani_conf_where(origin, where);
	if (!sani_key_check(&sani_keys[id], value))
		return sani_error_set(-EINVAL, "%s: key \"%s\" is \"%.80s\", accepted is %s.", where,
				      key, value, sani_key_accepted(&sani_keys[id], accepted));
	v = &section->values[id];
	if (v->text != NULL && origin->load != 0 && v->origin.load == origin->load)
		return sani_error_set(-EINVAL, "%s: key \"%s\" is given again, accepted is one "
				      "(the first is in line %u).", where, key, v->origin.line);
	copy = strdup(value);
	if (copy == NULL)
		return sani_error_set(-ENOMEM, "%s: no memory for key \"%s\".", where, key);
	free(v->text);
	v->text = copy;
	v->origin = *origin;
	return 0;
}

int
san_conf_set(struct san_conf *conf, const char *section, const char *key, const char *value)
{
	const struct sani_conf_origin origin = { .file = NULL };
	struct sani_conf_section *s;
	int rc;

	if (conf == NULL || section == NULL || key == NULL || value == NULL)
		return sani_error_set(-EINVAL, "configuration: section, key or value is missing.");
	rc = sani_conf_open_section(conf, &origin, section, &s);
	if (rc != 0)
		return rc;
	return sani_conf_put(s, &origin, key, value);
}
