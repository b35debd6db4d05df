/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "impair.h"

static const char usage[] =
	"san-impair EAL-ARGUMENTS -- --left DEVICE --right DEVICE [SETTINGS] [OPTIONS]\n"
	"\n"
	"Passes frames between two ports over a link that is slow, long, lossy or worse.\n"
	"\n"
	"  --left DEVICE, --right DEVICE\n"
	"                       the ports, as the configuration of a host names them, for example\n"
	"                       net_tap0,iface=a or net_af_packet0,iface=b,framecnt=4096\n"
	"Settings, of both directions or of those that --to has named before:\n"
	"  --to left|right|both the settings behind it are for the frames to that side\n"
	"  --rate RATE          of the bottleneck: 100M; no limit\n"
	"  --queue BYTES        of the bottleneck: 256k; only --frames bounds it\n"
	"  --mark BYTES         a frame that finds more in the queue is marked CE if it is ECN capable\n"
	"  --delay TIME         one way: 20ms\n"
	"  --jitter TIME        more delay at random, up to so much\n"
	"  --mtu BYTES          longer IP packets are dropped\n"
	"  --loss SHARE         of frames, each by itself: 1%\n"
	"  --burst BEGIN[,END[,LOSS]]\n"
	"                       shares: a burst begins with a frame, is over with it, loses it: 0.1%,10%\n"
	"  --dup SHARE          frames that come twice\n"
	"  --reorder SHARE,TIME frames that are held up, and how long: 1%,5ms\n"
	"  --corrupt SHARE      frames in which one bit is turned\n"
	"  --link up|down\n"
	"Options:\n"
	"  --seed N             of all chances, default 1\n"
	"  --frames N           on the way at most in each direction, default 16384\n"
	"  --sleep US           longest sleep when nothing is to do, default 50; 0: it polls all the time\n"
	"  --commands           read settings from standard input, one a line: \"loss 1%\" or\n"
	"                       \"right loss 1%\"; \"stats\" prints the counters\n"
	"  --stats SECONDS      print the counters so often, not only at the end\n"
	"  --seconds N          end by itself\n"
	"\n"
	"k, M, G are powers of a thousand; times need us, ms or s.\n"
	"It ends with SIGINT or SIGTERM. Frames have at most 1514 bytes: where a kernel sends over veth, switch\n"
	"off what it leaves to a network card: ethtool -K INTERFACE tx off sg off tso off gso off gro off\n";

#define SECOND_US 1000000u
#define COMMANDS_EACH_US 1000u

/* A sleep ends late by so much; what is due earlier is waited for awake. */
#define WAKE_UP_US 20u

enum option_id {
	OPT_LEFT = 256,
	OPT_RIGHT,
	OPT_TO,
	OPT_SEED,
	OPT_FRAMES,
	OPT_SLEEP,
	OPT_COMMANDS,
	OPT_STATS,
	OPT_SECONDS,
	OPT_SETTING,	/* and one for each setting */
};

static const struct option own_options[] = {
	{ "left", required_argument, NULL, OPT_LEFT },
	{ "right", required_argument, NULL, OPT_RIGHT },
	{ "to", required_argument, NULL, OPT_TO },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "frames", required_argument, NULL, OPT_FRAMES },
	{ "sleep", required_argument, NULL, OPT_SLEEP },
	{ "commands", no_argument, NULL, OPT_COMMANDS },
	{ "stats", required_argument, NULL, OPT_STATS },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
};

#define OWN_OPTIONS (sizeof(own_options) / sizeof(own_options[0]))
#define LIST 64

static void
list_options(struct option list[LIST])
{
	memset(list, 0, LIST * sizeof(*list));
	memcpy(list, own_options, sizeof(own_options));
	for (unsigned int i = 0; setting_name(i) != NULL && OWN_OPTIONS + i < LIST - 1; i++)
		list[OWN_OPTIONS + i] = (struct option){ .name = setting_name(i), .has_arg = required_argument,
							 .val = OPT_SETTING + (int)i };
}

static void
take_setting(struct impair_options *o, unsigned int sides, const char *name, const char *value)
{
	char why[256];

	for (unsigned int i = 0; i < SIDES; i++)
		if ((sides & 1u << i) && !setting_apply(&o->conf[i], name, value, why, sizeof(why)))
			prog_refuse("--%s", why);
}

static void
take_option(struct impair_options *o, int id, const char *value)
{
	switch (id) {
	case OPT_LEFT:
		o->left = value;
		break;
	case OPT_RIGHT:
		o->right = value;
		break;
	case OPT_SEED:
		o->seed = prog_number("--seed", value, 0, UINT64_MAX / 2);
		break;
	case OPT_FRAMES:
		o->frames = (uint32_t)prog_number("--frames", value, 1, 4u << 20);
		break;
	case OPT_SLEEP:
		o->sleep_us = (uint32_t)prog_number("--sleep", value, 0, 1000);
		break;
	case OPT_COMMANDS:
		o->commands = true;
		break;
	case OPT_STATS:
		o->stats_s = prog_number("--stats", value, 1, UINT32_MAX);
		break;
	case OPT_SECONDS:
		o->seconds = prog_number("--seconds", value, 1, UINT32_MAX);
		break;
	}
}

static void
take_options(struct impair_options *o, int argc, char **argv)
{
	unsigned int sides = setting_sides("both");
	struct option list[LIST];
	int id;

	list_options(list);
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (id == '?')
			prog_refuse("\"%s\" is not an option, or lacks its value.", argv[optind - 1]);
		if (id >= OPT_SETTING)
			take_setting(o, sides, setting_name((unsigned int)(id - OPT_SETTING)), optarg);
		else if (id != OPT_TO)
			take_option(o, id, optarg);
		else if ((sides = setting_sides(optarg)) == 0)
			prog_refuse("--to is \"%s\", accepted is left, right or both.", optarg);
	}
	if (optind < argc)
		prog_refuse("\"%s\" is not an option.", argv[optind]);
	if (o->left == NULL || o->right == NULL)
		prog_refuse("--left DEVICE or --right DEVICE is missing; own arguments stand behind \"--\".");
}

static bool
start_eal(int argc, char **argv)
{
	char **list = calloc((size_t)argc + 1, sizeof(*list));
	int rc = -1;

	/* a list of its own: the EAL moves its arguments about, and ours are behind them */
	if (list != NULL) {
		memcpy(list, argv, (size_t)argc * sizeof(*list));
		rc = rte_eal_init(argc, list);
	}
	free(list);
	if (rc < 0)
		prog_complain("the EAL did not start (%s): its own lines above say why; without huge pages "
			      "give it --no-huge.", rte_strerror(rte_errno));
	return rc >= 0;
}

/* Rest until the next frame is due, but not long: frames that come are seen only when awake. */
static void
rest(const struct bridge *b, uint32_t sleep_us)
{
	uint64_t now_us = prog_now_us(), next_us = bridge_next(b), left_us = sleep_us;
	struct timespec ts = { 0 };

	if (next_us != SANI_NEVER && next_us < now_us + WAKE_UP_US + left_us)
		left_us = next_us > now_us + WAKE_UP_US ? next_us - now_us - WAKE_UP_US : 0;
	if (left_us == 0) {
		sched_yield();
		return;
	}
	ts.tv_nsec = (long)left_us * 1000;
	nanosleep(&ts, NULL);
}

static void
run(struct bridge *b, const struct impair_options *o)
{
	uint64_t start_us = prog_now_us(), commands_us = 0, stats_us = start_us + o->stats_s * SECOND_US;

	while (!prog_stop) {
		unsigned int n = bridge_round(b);
		uint64_t now_us = prog_now_us();

		if (o->commands && now_us >= commands_us) {
			commands_us = now_us + COMMANDS_EACH_US;
			commands_read(b);
		}
		if (o->stats_s > 0 && now_us >= stats_us) {
			stats_us += o->stats_s * SECOND_US;
			bridge_say(b);
		}
		if (o->seconds > 0 && now_us - start_us >= o->seconds * SECOND_US)
			break;
		if (n == 0)
			rest(b, o->sleep_us);
	}
}

int
main(int argc, char **argv)
{
	struct impair_options options = { .seed = 1, .frames = 16384, .sleep_us = 50 };
	struct bridge bridge;
	char **own;
	int nb_own = prog_split(&argc, argv, usage, &own);
	bool good;

	take_options(&options, nb_own, own);
	if (!start_eal(argc, argv))
		return 1;
	prog_catch_signals();
	/* else the kernel adds up to 50 us to each sleep */
	prctl(PR_SET_TIMERSLACK, 1000UL);
	good = bridge_open(&bridge, &options);
	if (good) {
		prog_say("bridging %s and %s", options.left, options.right);
		run(&bridge, &options);
		bridge_say(&bridge);
	}
	bridge_close(&bridge);
	rte_eal_cleanup();
	return good ? 0 : 1;
}
