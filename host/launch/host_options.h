/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_LAUNCH_HOST_OPTIONS_H
#define PVT_HOST_LAUNCH_HOST_OPTIONS_H

#include <stddef.h>

/* \refhost.opt: defect=NAME (any number of times), log=0|1|2. Changes the text; halts with a message on an error. */
void host_options_apply(char *text, size_t length);

#endif
