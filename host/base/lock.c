/* SPDX-License-Identifier: MIT */
#include "host/base/lock.h"

struct host_lock host_lock;
