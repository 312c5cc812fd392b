/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/lock.h"

struct host_lock host_lock;
