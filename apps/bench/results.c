/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static struct bench_row *
find_row(struct bench *b, const char *name)
{
	for (unsigned int i = 0; i < b->nb_rows; i++) {
		if (b->rows[i].place == b->place && strcmp(b->rows[i].name, name) == 0)
			return &b->rows[i];
	}
	return NULL;
}

struct bench_row *
bench_row(struct bench *b, const char *unit, const char *fmt, ...)
{
	char name[BENCH_TEXT];
	struct bench_row *row;
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	row = find_row(b, name);
	if (row != NULL)
		return row;
	if (b->nb_rows == BENCH_ROWS_MAX) {
		prog_complain("more than %d rows: \"%s\" is left out.", BENCH_ROWS_MAX, name);
		return NULL;
	}
	row = &b->rows[b->nb_rows++];
	memcpy(row->name, name, sizeof(name));
	row->unit = unit;
	row->place = b->place;
	return row;
}

void
bench_put(struct bench_row *row, double value)
{
	if (row != NULL && row->n < BENCH_REPEAT_MAX)
		row->value[row->n++] = value;
}

void
bench_disturbed(struct bench_row *row, uint64_t slices, uint64_t left_out)
{
	if (row == NULL)
		return;
	row->slices += slices;
	row->disturbed += left_out;
}

void
bench_note(struct bench_row *row, const char *fmt, ...)
{
	va_list args;

	if (row == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(row->note, sizeof(row->note), fmt, args);
	va_end(args);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static double
median_of(struct bench_row *row)
{
	unsigned int half = row->n / 2;

	qsort(row->value, row->n, sizeof(row->value[0]), compare);
	return row->n % 2 == 1 ? row->value[half] : (row->value[half - 1] + row->value[half]) / 2;
}

/* Whole numbers as they are, others with four digits that mean something, never 1e+06. */
static const char *
write_value(double v, char *text, size_t size)
{
	double a = v < 0 ? -v : v;
	bool whole = a < 1e15 && (double)(int64_t)v == v;
	int digits = whole || a >= 1000 ? 0 : a >= 100 ? 1 : a >= 10 ? 2 : a >= 0.1 ? 3 : 6;

	snprintf(text, size, "%.*f", digits, v);
	return text;
}

static void
print_row(struct bench_row *row, int width)
{
	char mid[32] = "-", least[32] = "-", most[32] = "-";

	if (row->n > 0) {
		write_value(median_of(row), mid, sizeof(mid));
		write_value(row->value[0], least, sizeof(least));
		write_value(row->value[row->n - 1], most, sizeof(most));
	}
	printf("%-*s  %-7s %10s %10s %10s  %-12s %3u", width, row->name, bench_place_name(row->place), mid, least,
	       most, row->unit, row->n);
	if (row->slices > 0)
		printf("  %3.0f %%", 100.0 * (double)row->disturbed / (double)row->slices);
	else
		printf("  %5s", "-");
	printf("%s%s\n", row->note[0] != '\0' ? "  " : "", row->note);
}

static void
print_table(struct bench *b)
{
	const struct bench_machine *m = &b->machine;
	int width = 4;

	for (unsigned int i = 0; i < b->nb_rows; i++) {
		int len = (int)strlen(b->rows[i].name);

		width = len > width ? len : width;
	}
	printf("san-bench %s on %u x %s, TSC %.0f MHz, Linux %s, %s, %s, load %.2f", b->command->name, m->cpus,
	       m->cpu, m->tsc_hz / 1e6, m->kernel, m->dpdk, m->memory, m->load);
	if (m->line_ns_max > 0)
		printf(", a line there and back %.0f to %.0f ns", m->line_ns_min, m->line_ns_max);
	printf("\n\n%-*s  %-7s %10s %10s %10s  %-12s %3s  %s\n", width, "what", "cores", "median", "least",
	       "most", "unit", "n", "left out");
	for (unsigned int i = 0; i < b->nb_rows; i++)
		print_row(&b->rows[i], width);
	fflush(stdout);
}

/* JSON (RFC 8259) */

static void
print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void
print_member(const char *name, const char *text)
{
	printf("\"%s\": ", name);
	print_string(text);
}

static void
print_json_row(struct bench_row *row)
{
	printf("{");
	print_member("name", row->name);
	printf(", ");
	print_member("unit", row->unit);
	printf(", ");
	print_member("cores", bench_place_name(row->place));
	if (row->n > 0) {
		double mid = median_of(row);

		printf(", \"median\": %.17g, \"least\": %.17g, \"most\": %.17g", mid, row->value[0],
		       row->value[row->n - 1]);
	} else {
		printf(", \"median\": null, \"least\": null, \"most\": null");
	}
	printf(", \"n\": %u, \"slices\": %llu, \"disturbed\": %llu, ", row->n, (unsigned long long)row->slices,
	       (unsigned long long)row->disturbed);
	print_member("note", row->note);
	printf("}");
}

static void
print_json_options(const struct bench *b)
{
	const char *comma = "";

	printf("\"options\": {");
	for (unsigned int i = 0; i < b->nb_options; i++) {
		const char *text = b->options[i].given != NULL ? b->options[i].given : b->options[i].option->value;

		if (text == NULL)
			continue;
		printf("%s", comma);
		print_member(b->options[i].option->name, text);
		comma = ", ";
	}
	printf("}");
}

static void
print_json(struct bench *b)
{
	const struct bench_machine *m = &b->machine;

	printf("{\"program\": \"san-bench\", ");
	print_member("command", b->command->name);
	printf(",\n ");
	print_json_options(b);
	printf(",\n \"machine\": {");
	print_member("cpu", m->cpu);
	printf(", \"cpus\": %u, \"tsc_hz\": %.0f, ", m->cpus, m->tsc_hz);
	print_member("kernel", m->kernel);
	printf(", ");
	print_member("dpdk", m->dpdk);
	printf(", ");
	print_member("memory", m->memory);
	printf(", \"load\": %.2f, \"line_ns\": [%.1f, %.1f]},\n \"rows\": [", m->load, m->line_ns_min, m->line_ns_max);
	for (unsigned int i = 0; i < b->nb_rows; i++) {
		printf("%s\n  ", i == 0 ? "" : ",");
		print_json_row(&b->rows[i]);
	}
	printf("\n ]}\n");
	fflush(stdout);
}

void
bench_print(struct bench *b)
{
	if (bench_number(b, "json"))
		print_json(b);
	else
		print_table(b);
}
