/* SPDX-License-Identifier: MIT */
#include "host/base/lock.h"

#include "lib/hot.h"

HOT_DATA struct host_lock host_lock;
