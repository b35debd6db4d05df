/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of a configuration. rte_cfgfile reads it, but it knows no line numbers, skips lines that it does
 * not understand, and cuts what is too long. So the text is scanned first: what rte_cfgfile would pass
 * over or cut is refused, and the line of each heading and each key is noted. Both then see the same
 * things in the same order, and the n-th of one is the n-th of the other.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <rte_cfgfile.h>

#include "api/conf.h"
#include "base/error.h"

#define COMMENT '#'

/* rte_cfgfile reads a line into CFG_NAME_LEN + CFG_VALUE_LEN + 4 bytes and refuses more. */
#define LINE_MAX_LEN (CFG_NAME_LEN + CFG_VALUE_LEN)

/* More headings and keys than a configuration can hold. */
#define ITEMS_MAX (SANI_CONF_SECTIONS * SANI_NB_KEYS * 2)

struct scan {
	struct sani_conf_origin at;	/* line: the one being read */
	bool in_section;
	unsigned int nb_items;
	unsigned int next;		/* the walk over rte_cfgfile's answer is here */
	unsigned int lines[ITEMS_MAX];	/* of each heading and key */
};

static int
refuse_line(const struct scan *scan, const char *found, const char *accepted)
{
	char where[SANI_CONF_WHERE];

	return sani_error_set(-EINVAL, "%s: found %s, accepted is %s.",
			      sani_conf_where(&scan->at, where), found, accepted);
}

/* Take blanks off both ends. */
static char *
trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static int
note_item(struct scan *scan)
{
	if (scan->nb_items == ITEMS_MAX)
		return refuse_line(scan, "more sections and keys than there are", "a shorter file");
	scan->lines[scan->nb_items++] = scan->at.line;
	return 0;
}

static int
scan_heading(struct scan *scan, char *text)
{
	char *end = strchr(text, ']');

	if (end == NULL)
		return refuse_line(scan, "a section without \"]\"",
				   "[host], [port NAME] or [interface NAME]");
	if (end[1] != '\0')
		return refuse_line(scan, "text behind \"]\"", "a comment that begins with \"#\"");
	*end = '\0';
	if (strlen(trim(text + 1)) >= CFG_NAME_LEN)
		return refuse_line(scan, "a section of more than 63 characters",
				   "[host], [port NAME] or [interface NAME]");
	scan->in_section = true;
	return note_item(scan);
}

static int
scan_key(struct scan *scan, char *text)
{
	char *equals = strchr(text, '=');
	char found[120];

	if (equals == NULL) {
		snprintf(found, sizeof(found), "\"%.80s\"", text);
		return refuse_line(scan, found, "\"[SECTION]\", \"KEY = VALUE\" or \"# COMMENT\"");
	}
	*equals = '\0';
	snprintf(found, sizeof(found), "key \"%.64s\"", trim(text));
	if (!scan->in_section) {
		strcat(found, " before any section");
		return refuse_line(scan, found, "a section such as [host] in front of it");
	}
	if (strlen(trim(text)) >= CFG_NAME_LEN) {
		strcat(found, " and more");
		return refuse_line(scan, found, "a key of at most 63 characters");
	}
	if (strlen(trim(equals + 1)) >= CFG_VALUE_LEN) {
		strcat(found, " with a longer value");
		return refuse_line(scan, found, "a value of at most 255 characters");
	}
	return note_item(scan);
}

static int
scan_line(struct scan *scan, char *line, size_t len)
{
	char *comment;

	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len > LINE_MAX_LEN)
		return refuse_line(scan, "a line of more than 320 characters", "a shorter one");
	comment = memchr(line, COMMENT, len);
	if (comment != NULL) {
		*comment = '\0';
		len = (size_t)(comment - line);
	}
	for (size_t i = 0; i < len; i++) {
		/* rte_cfgfile makes something of its own of a backslash, and stops at a NUL */
		if (line[i] == '\\' || (iscntrl((unsigned char)line[i]) &&
					!isspace((unsigned char)line[i])))
			return refuse_line(scan, "a backslash or a control character",
					   "text without them");
	}
	line = trim(line);
	if (line[0] == '\0')
		return 0;
	return line[0] == '[' ? scan_heading(scan, line) : scan_key(scan, line);
}

static int
scan_text(struct scan *scan, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int rc = 0;

	scan->at.line = 0;
	while (rc == 0 && (len = getline(&line, &size, file)) >= 0) {
		scan->at.line++;
		rc = scan_line(scan, line, (size_t)len);
	}
	/* Also for lack of memory getline() ends as it does at the end of the file. */
	if (rc == 0 && !feof(file))
		rc = sani_error_set(errno == ENOMEM ? -ENOMEM : -EINVAL, "%.200s: cannot be read (%s).",
				    scan->at.file, strerror(errno));
	free(line);
	return rc;
}

/* The file is read twice, so it has to be one that can be. */
static int
open_and_scan(struct scan *scan)
{
	const char *path = scan->at.file;
	struct stat st;
	FILE *file = fopen(path, "re");
	int rc;

	if (file == NULL)
		return sani_error_set(-ENOENT, "%.200s: cannot be opened (%s), accepted is the path of "
				      "a configuration file.", path, strerror(errno));
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
		rc = sani_error_set(-EINVAL, "%.200s: is not a regular file, accepted is the path of "
				    "a configuration file.", path);
	else
		rc = scan_text(scan, file);
	fclose(file);
	return rc;
}

/* The line of the next heading or key; false: the file changed between the two readings. */
static bool
take_line(struct scan *scan)
{
	if (scan->next == scan->nb_items)
		return false;
	scan->at.line = scan->lines[scan->next++];
	return true;
}

static int
refuse_changed(struct scan *scan)
{
	scan->at.line = 0;
	return refuse_line(scan, "a file that changed while it was read", "one that does not");
}

static int
take_entries(struct scan *scan, struct sani_conf_section *section,
	     const struct rte_cfgfile_entry *entries, int nb)
{
	int rc = 0;

	for (int i = 0; i < nb && rc == 0; i++) {
		if (!take_line(scan))
			return refuse_changed(scan);
		rc = sani_conf_put(section, &scan->at, entries[i].name, entries[i].value);
	}
	return rc;
}

static int
open_section_once(struct san_conf *conf, struct scan *scan, const char *heading,
		  struct sani_conf_section **section)
{
	unsigned int before = conf->nb_sections;
	char where[SANI_CONF_WHERE];
	int rc = sani_conf_open_section(conf, &scan->at, heading, section);

	if (rc != 0)
		return rc;
	if (conf->nb_sections == before && (*section)->origin.load == scan->at.load)
		return sani_error_set(-EINVAL, "%s: section [%s] is given again, accepted is one "
				      "(the first is in line %u).", sani_conf_where(&scan->at, where),
				      heading, (*section)->origin.line);
	(*section)->origin = scan->at;
	return 0;
}

static int
take_section(struct san_conf *conf, struct scan *scan, struct rte_cfgfile *cfg, int index)
{
	char heading[CFG_NAME_LEN];
	struct rte_cfgfile_entry *entries;
	struct sani_conf_section *section;
	int nb = rte_cfgfile_section_num_entries_by_index(cfg, heading, index);
	int rc;

	if (nb < 0 || !take_line(scan))
		return refuse_changed(scan);
	rc = open_section_once(conf, scan, heading, &section);
	if (rc != 0 || nb == 0)
		return rc;
	entries = calloc((size_t)nb, sizeof(*entries));
	if (entries == NULL)
		return sani_error_set(-ENOMEM, "%.200s: no memory.", scan->at.file);
	nb = rte_cfgfile_section_entries_by_index(cfg, index, heading, entries, nb);
	rc = take_entries(scan, section, entries, nb);
	free(entries);
	return rc;
}

static int
take_file(struct san_conf *conf, struct scan *scan)
{
	const struct rte_cfgfile_parameters params = { .comment_character = COMMENT };
	struct rte_cfgfile *cfg;
	int nb;
	int rc = 0;

	cfg = rte_cfgfile_load_with_params(scan->at.file, CFG_FLAG_EMPTY_VALUES, &params);
	if (cfg == NULL)
		return refuse_changed(scan);
	nb = rte_cfgfile_num_sections(cfg, "", 0);
	for (int i = 0; i < nb && rc == 0; i++)
		rc = take_section(conf, scan, cfg, i);
	rte_cfgfile_close(cfg);
	return rc;
}

int
san_conf_load(struct san_conf *conf, const char *path)
{
	struct scan *scan;
	char *copy;
	int rc;

	if (conf == NULL || path == NULL)
		return sani_error_set(-EINVAL, "configuration: the path of the file is missing.");
	if (conf->nb_files == SANI_CONF_FILES)
		return sani_error_set(-EINVAL, "%.200s: is one file too many, accepted are %d.", path,
				      SANI_CONF_FILES);
	scan = calloc(1, sizeof(*scan));
	copy = strdup(path);
	if (scan == NULL || copy == NULL) {
		free(scan);
		free(copy);
		return sani_error_set(-ENOMEM, "%.200s: no memory.", path);
	}
	conf->files[conf->nb_files++] = copy;
	scan->at.file = copy;
	scan->at.load = conf->nb_files;
	rc = open_and_scan(scan);
	if (rc == 0)
		rc = take_file(conf, scan);
	free(scan);
	return rc;
}
