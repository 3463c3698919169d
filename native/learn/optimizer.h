// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The two update rules (docs/concepts/algorithm.md), on one matrix or one array at a time.
#ifndef SHOAL_OPTIMIZER_H
#define SHOAL_OPTIMIZER_H

#include "shoal/shoal.h"

// Floats of workspace that shoal_muon needs for a matrix.
SHOAL_API int64_t shoal_muon_floats(int32_t rows, int32_t columns);

// One step of Muon (Jordan et al. 2024) on w (rows, columns): m <- mu m + g, u = g + mu m, five Newton-Schulz
// iterations from u / (|u|_F + 1e-7) on the short side, w -= rate * sqrt(max(1, rows / columns)) * u'. g is scaled by
// `scale` (global-norm clipping) as it is read. In float32, single-threaded, the same bits everywhere.
SHOAL_API void shoal_muon(float *w, const float *g, float *m, int32_t rows, int32_t columns, float scale, float rate,
                          float momentum, float *workspace);

// One step of AdamW (Loshchilov, Hutter 2019) without decay: betas 0.9, 0.999, epsilon 1e-8; step counts from 1.
SHOAL_API void shoal_adamw(float *w, const float *g, float *m, float *v, int64_t n, float scale, float rate,
                           int64_t step);

#endif
