/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "httpd.h"

#define FILES_MAX 100000
#define DEPTH_MAX 32

static const char *
type_of(const char *path)
{
	static const struct {
		const char *ending;
		const char *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" }, { ".htm", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
		{ ".txt", "text/plain; charset=utf-8" }, { ".md", "text/markdown; charset=utf-8" },
		{ ".json", "application/json" }, { ".xml", "application/xml" },
		{ ".svg", "image/svg+xml" }, { ".png", "image/png" }, { ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" }, { ".gif", "image/gif" }, { ".webp", "image/webp" },
		{ ".ico", "image/x-icon" }, { ".pdf", "application/pdf" }, { ".wasm", "application/wasm" },
		{ ".gz", "application/gzip" }, { ".mp4", "video/mp4" },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(dot, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static bool
read_all(int fd, unsigned char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, data, len);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Room for one more; the list grows by doubling. */
static struct file *
add_file(struct files *files)
{
	struct file *list = files->list;

	if (files->nb == FILES_MAX) {
		prog_complain("--root has more than %d files.", FILES_MAX);
		return NULL;
	}
	if ((files->nb & (files->nb - 1)) == 0) {
		list = realloc(list, (files->nb == 0 ? 1 : 2 * files->nb) * sizeof(*list));
		if (list == NULL) {
			prog_complain("no memory.");
			return NULL;
		}
		files->list = list;
	}
	memset(&list[files->nb], 0, sizeof(*list));
	return &list[files->nb];
}

static bool
load_file(struct files *files, int fd, const char *path, size_t len)
{
	struct file *file;

	if (len > files->max_bytes - files->bytes) {
		prog_complain("--root has more than %llu bytes; --max-bytes allows more.",
			      (unsigned long long)files->max_bytes);
		return false;
	}
	file = add_file(files);
	if (file == NULL)
		return false;
	file->path = strdup(path);
	file->data = malloc(len + 1);
	file->len = len;
	file->type = type_of(path);
	files->nb++;
	files->bytes += len;
	if (file->path == NULL || file->data == NULL) {
		prog_complain("no memory for %s (%zu bytes).", path, len);
		return false;
	}
	if (!read_all(fd, file->data, len)) {
		prog_complain("%s cannot be read: %s.", path, strerror(errno));
		return false;
	}
	return true;
}

static bool
load_folder(struct files *files, int fd, const char *path, int depth);

/* fd is closed here. */
static bool
load_entry(struct files *files, int fd, const char *path, int depth)
{
	struct stat st;
	bool good = true;

	if (fstat(fd, &st) != 0) {
		prog_complain("%s: %s.", path, strerror(errno));
		good = false;
	} else if (S_ISDIR(st.st_mode)) {
		return load_folder(files, fd, path, depth + 1);
	} else if (S_ISREG(st.st_mode)) {
		good = load_file(files, fd, path, (size_t)st.st_size);
	}
	close(fd);
	return good;
}

static bool
load_name(struct files *files, int folder, const char *path, const char *name, int depth)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full)) {
		prog_complain("%s/%s: the path is too long.", path, name);
		return false;
	}
	/* NONBLOCK: a pipe must not hold the start up; it is left out then */
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return true;
	if (fd < 0) {
		prog_complain("%s: %s.", full, strerror(errno));
		return false;
	}
	return load_entry(files, fd, full, depth);
}

static bool
load_folder(struct files *files, int fd, const char *path, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	bool good = true;

	if (dir == NULL || depth > DEPTH_MAX) {
		prog_complain("%s: %s.", path, dir == NULL ? strerror(errno) : "folders are too deep");
		if (dir == NULL)
			close(fd);
		else
			closedir(dir);
		return false;
	}
	while (good && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			good = load_name(files, fd, path, entry->d_name, depth);
	}
	closedir(dir);
	return good;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

bool
files_load(struct files *files, const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		prog_complain("--root is \"%s\" (%s), accepted is a folder that can be read.", root,
			      strerror(errno));
		return false;
	}
	if (!load_folder(files, fd, "", 0))
		return false;
	if (files->nb > 0)
		qsort(files->list, files->nb, sizeof(*files->list), compare_paths);
	return true;
}

const struct file *
files_find(const struct files *files, const char *path)
{
	char full[REQUEST_MAX + 16];
	struct file key = { .path = full };
	size_t len = strlen(path);

	if (files->nb == 0)
		return NULL;
	snprintf(full, sizeof(full), "%s%s", path,
		 len > 0 && path[len - 1] == '/' ? "index.html" : "");
	return bsearch(&key, files->list, files->nb, sizeof(key), compare_paths);
}

void
files_free(struct files *files)
{
	for (size_t i = 0; i < files->nb; i++) {
		free(files->list[i].path);
		free(files->list[i].data);
	}
	free(files->list);
}
