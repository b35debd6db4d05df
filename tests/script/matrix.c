/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct matrix_state *const states[] = {
	&matrix_closed, &matrix_listen, &matrix_syn_sent, &matrix_syn_received, &matrix_syn_received_active,
	&matrix_established,
	&matrix_fin_wait_1, &matrix_fin_wait_2, &matrix_close_wait, &matrix_closing, &matrix_last_ack,
	&matrix_time_wait,
};

static const char *const event_names[] = {
#define X(event) #event,
	MATRIX_EVENTS(X)
#undef X
};

static size_t
count_rows(const struct play_row *rows)
{
	size_t n = 0;

	while (rows[n].kind != PLAY_END)
		n++;
	return n;
}

/* How the state is reached, then the cell; a cell that is not there leaves no rows, and the case fails. */
static const struct play_row *
join(const struct play_row *reach, const struct play_row *cell)
{
	size_t n = count_rows(reach), m;
	struct play_row *rows;

	if (cell == NULL)
		return NULL;
	m = count_rows(cell) + 1;
	rows = calloc(n + m, sizeof(*rows));
	memcpy(rows, reach, n * sizeof(*rows));
	memcpy(rows + n, cell, m * sizeof(*rows));
	return rows;
}

int
main(int argc, char **argv)
{
	static struct play_case cases[RTE_DIM(states) * NB_EVENTS];
	static char names[RTE_DIM(cases)][64];
	size_t n = 0;

	for (size_t s = 0; s < RTE_DIM(states); s++)
		for (size_t e = 0; e < NB_EVENTS; e++, n++) {
			snprintf(names[n], sizeof(names[n]), "%s__%s", states[s]->name, event_names[e]);
			cases[n] = (struct play_case){ .name = names[n], .rows = join(states[s]->reach,
			states[s]->cell[e]) };
		}
	return play_main(&(struct play_args){ "matrix", cases, n, argc, argv });
}
