// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Cumulative mean and variance (Chan, Golub, LeVeque 1979), in float64.
#ifndef SHOAL_NORMALISE_H
#define SHOAL_NORMALISE_H

#include "shoal/shoal.h"

// Merge n numbers, given by their sums of (x - shift) and (x - shift)^2, into count, mean and m2.
static inline void shoal_moments_merge(double *count, double *mean, double *m2, double n, double shift, double sum,
                                       double squares) {
  if (n <= 0.0) { return; }
  double batch_mean = shift + sum / n, batch_m2 = squares - sum * sum / n, total = *count + n;
  double delta = batch_mean - *mean;
  *mean += delta * n / total;
  *m2 += (batch_m2 > 0.0 ? batch_m2 : 0.0) + delta * delta * *count * n / total;
  *count = total;
}

#endif
