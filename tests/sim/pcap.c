/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/pcap.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *file;

void
sim_pcap_open(const char *path)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };

	if (file != NULL)
		fclose(file);
	file = NULL;
	if (path == NULL)
		return;
	file = fopen(path, "wb");
	if (file == NULL || fwrite(head, sizeof(head), 1, file) != 1) {
		perror(path);
		exit(1);
	}
}

void
sim_pcap_frame(uint64_t at_us, const uint8_t *frame, uint32_t len)
{
	uint32_t record[4] = { (uint32_t)(at_us / 1000000), (uint32_t)(at_us % 1000000), len, len };

	if (file == NULL)
		return;
	fwrite(record, sizeof(record), 1, file);
	fwrite(frame, len, 1, file);
}
