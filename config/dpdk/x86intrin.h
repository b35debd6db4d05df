/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In place of the compiler's, for DPDK's rte_vect.h: what it defines goes no further than SSE4 where there is no AVX, but
 * the compiler's has the intrinsics of every processor there is, 50,000 lines, and half of the time of a compilation.
 */
#ifdef __AVX__
#include_next <x86intrin.h>
#else
#include <nmmintrin.h>
#endif
