/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "commands.h"

static const char usage[] =
	"san-bench EAL-ARGUMENTS -- COMMAND [OPTIONS]\n"
	"san-bench COMMAND [OPTIONS]\n"
	"\n"
	"Measures what the stack costs and how fast it is. COMMAND --help says what each command measures and\n"
	"which options it has. Figures go to standard output, as a table or with --json as JSON, all else to\n"
	"standard error.\n"
	"\n";

static const char usage_end[] =
	"\n"
	"Without EAL arguments: --no-huge --no-pci --no-shconf --no-telemetry -m 512 --log-level=error, on the\n"
	"first two processors. Figures to compare need huge pages, processors that nothing else uses, and the same\n"
	"place.\n"
	"Example: san-bench --no-pci --in-memory -l 0,1 -m 1024 -- rpc --connections 1,100,1000\n";

const struct bench_command *const bench_commands[] = {
	&bench_serve,
	&bench_rpc,
	&bench_latency,
	&bench_connect,
	&bench_floor,
	&bench_idle,
	&bench_close,
	&bench_stream,
	&bench_kernel,
	&bench_scale,
	NULL,
};

static const struct bench_command *
find_command(const char *name)
{
	for (unsigned int i = 0; name != NULL && bench_commands[i] != NULL; i++) {
		if (strcmp(bench_commands[i]->name, name) == 0)
			return bench_commands[i];
	}
	return NULL;
}

_Noreturn static void
print_usage(void)
{
	fputs(usage, stdout);
	for (unsigned int i = 0; bench_commands[i] != NULL; i++)
		printf("  %-10s  %s\n", bench_commands[i]->name, bench_commands[i]->summary);
	fputs(usage_end, stdout);
	exit(0);
}

/* An EAL on the first two processors that this process may use. */
static int
make_eal_arguments(char *name, char **argv)
{
	static char words[][20] = { "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "512",
				    "--log-level=error", "-l" };
	static char cpus[32];
	cpu_set_t mine;
	int n = 0, argc = 0;

	argv[argc++] = name;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		argv[argc++] = words[i];
	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		CPU_ZERO(&mine);
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++) {
		size_t at = strlen(cpus);

		if (CPU_ISSET((size_t)i, &mine))
			snprintf(cpus + at, sizeof(cpus) - at, "%s%d", n++ > 0 ? "," : "", i);
	}
	argv[argc++] = n > 0 ? cpus : words[5];
	argv[argc] = NULL;
	return argc;
}

static bool
asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

/*
 * Split into the EAL's arguments and our own: behind "--", or all of them when the first one is a command.
 * own[0] is the program, own[1] the command.
 */
static int
split(struct bench *b, int argc, char **argv, char ***own)
{
	static char *eal[16];
	char *slash = strrchr(argv[0], '/');
	int at = 1;

	prog_name = slash != NULL ? slash + 1 : argv[0];
	argv[0] = (char *)(uintptr_t)prog_name;
	if (argc > 1 && find_command(argv[1]) != NULL) {
		b->eal_argc = make_eal_arguments(argv[0], eal);
		b->eal_argv = eal;
		*own = argv;
		return argc;
	}
	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	if (at + 1 >= argc) {
		if (argc == 1 || asks_for_help(argc, argv))
			print_usage();
		if (at == argc)
			prog_refuse("there is no \"--\" before a command, and \"%s\" is not one.", argv[1]);
		prog_refuse("no command behind \"--\".");
	}
	argv[at] = argv[0];
	b->eal_argc = at;
	b->eal_argv = argv;
	*own = argv + at;
	return argc - at;
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	struct bench *b = &bench;
	char **own;
	int nb_own = split(b, argc, argv, &own);
	int status = 1;

	b->command = find_command(own[1]);
	if (b->command == NULL && asks_for_help(nb_own, own))
		print_usage();
	if (b->command == NULL)
		prog_refuse("\"%s\" is not a command.", own[1]);
	if (asks_for_help(nb_own, own)) {
		bench_print_help(b->command);
		return 0;
	}
	bench_take_options(b, nb_own, own);
	b->rows = bench_alloc(BENCH_ROWS_MAX * sizeof(*b->rows));
	if (b->rows != NULL && prog_start(&b->prog, b->eal_argc, b->eal_argv)) {
		bench_look(&b->machine);
		status = b->command->run(b);
		if (status != 0 && prog_stop)
			prog_complain("stopped by a signal.");
		/* repetitions that were over before it broke off are as good as others */
		if (status == 0 || b->nb_rows > 0)
			bench_print(b);
		prog_cleanup(&b->prog);
	}
	free(b->rows);
	return status;
}
