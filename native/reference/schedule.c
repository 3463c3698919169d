// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Schedules are functions of progress = step / total alone.
#include <math.h>

#include "reference.h"

double shoal_ref_schedule(int32_t kind, double progress) {
  double p = progress < 0.0 ? 0.0 : progress > 1.0 ? 1.0 : progress;
  switch (kind) {
    case SHOAL_SCHEDULE_LINEAR: return 1.0 - p;
    case SHOAL_SCHEDULE_COSINE: return 0.5 * (1.0 + cos(3.14159265358979323846 * p));
    default: return 1.0;
  }
}

double shoal_ref_anneal(double first, double last, double factor) { return last + (first - last) * factor; }
