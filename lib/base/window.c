/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/window.h"

void (*sani_window_hook)(void);
