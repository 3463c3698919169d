// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Encoders with parameters for one field: embedding, convolution, entities. Each adds to y (n, H) what its field gives.
#include "reference.h"

enum { UNITS = 32, TAPS = 9 };

static int32_t cells(const ShoalRefEncoder *e) { return e->rows * e->columns; }

int64_t shoal_ref_encoder_inputs(const ShoalRefEncoder *e) {
  return (int64_t)cells(e) * e->channels + (e->kind == SHOAL_REF_ENTITIES ? 1 : 0);
}

int64_t shoal_ref_encoder_params(const ShoalRefEncoder *e, int32_t hidden) {
  int64_t features = (int64_t)e->columns * e->channels, planes = (int64_t)e->channels * e->categories;
  switch (e->kind) {
    case SHOAL_REF_EMBEDDING: return (int64_t)cells(e) * e->channels * e->categories * hidden;
    case SHOAL_REF_CONV:
      return UNITS * TAPS * planes + UNITS + UNITS * TAPS * UNITS + UNITS + hidden * UNITS * cells(e);
    default: return UNITS * features + UNITS + (int64_t)hidden * UNITS;
  }
}

int64_t shoal_ref_encoder_work(const ShoalRefEncoder *e, int32_t hidden) {
  if (e->kind == SHOAL_REF_CONV) { return (int64_t)cells(e) * (2 * e->channels * e->categories + 4 * UNITS); }
  return e->kind == SHOAL_REF_ENTITIES ? (int64_t)e->rows * (UNITS + hidden) : 0;
}

// ---------------------------------------------------------------------------------------------------- embedding

// Where in the table the row of element i begins.
static int64_t table_at(const ShoalRefEncoder *e, int32_t hidden, const double *x, int32_t i) {
  return ((int64_t)i * e->categories + (int64_t)x[i]) * hidden;
}

// ---------------------------------------------------------------------------------------------------- convolution

// y (out, cells) = relu(b + w * x), x (in, cells), w (out, in, 3, 3), zeros around.
static void convolution(const ShoalRefEncoder *e, int32_t in, int32_t out, const double *x, const double *w,
                        const double *b, double *y) {
  for (int32_t o = 0; o < out; o++) {
    for (int32_t row = 0; row < e->rows; row++) {
      for (int32_t column = 0; column < e->columns; column++) {
        double sum = b[o];
        for (int32_t i = 0; i < in; i++) {
          for (int32_t tap = 0; tap < TAPS; tap++) {
            int32_t r = row + tap / 3 - 1, c = column + tap % 3 - 1;
            if (r < 0 || r >= e->rows || c < 0 || c >= e->columns) { continue; }
            sum += w[((int64_t)o * in + i) * TAPS + tap] * x[i * cells(e) + r * e->columns + c];
          }
        }
        y[o * cells(e) + row * e->columns + column] = sum > 0.0 ? sum : 0.0;
      }
    }
  }
}

// From dy (out, cells) and y: dx (in, cells) =, dw +=, db +=.
static void convolution_backward(const ShoalRefEncoder *e, int32_t in, int32_t out, const double *x, const double *w,
                                 const double *y, const double *dy, double *dx, double *dw, double *db) {
  for (int64_t i = 0; i < (int64_t)in * cells(e); i++) { dx[i] = 0.0; }
  for (int32_t o = 0; o < out; o++) {
    for (int32_t row = 0; row < e->rows; row++) {
      for (int32_t column = 0; column < e->columns; column++) {
        int32_t at = o * cells(e) + row * e->columns + column;
        double d = y[at] > 0.0 ? dy[at] : 0.0;
        db[o] += d;
        for (int32_t i = 0; i < in; i++) {
          for (int32_t tap = 0; tap < TAPS; tap++) {
            int32_t r = row + tap / 3 - 1, c = column + tap % 3 - 1;
            if (r < 0 || r >= e->rows || c < 0 || c >= e->columns) { continue; }
            dw[((int64_t)o * in + i) * TAPS + tap] += d * x[i * cells(e) + r * e->columns + c];
            dx[i * cells(e) + r * e->columns + c] += d * w[((int64_t)o * in + i) * TAPS + tap];
          }
        }
      }
    }
  }
}

// planes (channels * categories, cells) = one-hots of x (cells, channels).
static void one_hot(const ShoalRefEncoder *e, const double *x, double *planes) {
  for (int32_t cell = 0; cell < cells(e); cell++) {
    for (int32_t channel = 0; channel < e->channels; channel++) {
      for (int32_t c = 0; c < e->categories; c++) {
        planes[(channel * e->categories + c) * cells(e) + cell] = x[cell * e->channels + channel] == c;
      }
    }
  }
}

// One sample. From dy (H,): dparams +=; dy null: y (H,) += alone.
static void conv_sample(const ShoalRefEncoder *e, int32_t hidden, const double *x, const double *params, double *y,
                        const double *dy, double *dparams, double *work) {
  int32_t planes = e->channels * e->categories;
  int64_t flat = (int64_t)UNITS * cells(e), bias1 = UNITS * (int64_t)planes * TAPS, kernel2 = bias1 + UNITS;
  int64_t bias2 = kernel2 + UNITS * UNITS * TAPS, project = bias2 + UNITS;
  double *input = work, *first = input + (int64_t)planes * cells(e), *second = first + flat;
  double *dfirst = second + flat, *dsecond = dfirst + flat, *dinput = dsecond + flat;
  one_hot(e, x, input);
  convolution(e, planes, UNITS, input, params, params + bias1, first);
  convolution(e, UNITS, UNITS, first, params + kernel2, params + bias2, second);
  if (!dy) {
    shoal_ref_linear(1, (int32_t)flat, hidden, second, params + project, 0, 1, y);
    return;
  }
  shoal_ref_linear_backward(1, (int32_t)flat, hidden, second, params + project, dy, dsecond, dparams + project, 0);
  convolution_backward(e, UNITS, UNITS, first, params + kernel2, second, dsecond, dfirst, dparams + kernel2,
                       dparams + bias2);
  convolution_backward(e, planes, UNITS, input, params, first, dfirst, dinput, dparams, dparams + bias1);
}

// ---------------------------------------------------------------------------------------------------- entities

// One sample, whose x is the number of valid entities and then all of them. As conv_sample.
static void entities_sample(const ShoalRefEncoder *e, int32_t hidden, const double *x, const double *params, double *y,
                            const double *dy, double *dparams, double *work) {
  int32_t features = e->columns * e->channels, valid = (int32_t)x[0];
  int64_t bias = UNITS * (int64_t)features, project = bias + UNITS;
  double *units = work, *given = units + (int64_t)e->rows * UNITS;
  valid = valid < 0 ? 0 : valid > e->rows ? e->rows : valid;
  shoal_ref_linear(valid, features, UNITS, x + 1, params, params + bias, 0, units);
  shoal_ref_activation(0, (int64_t)valid * UNITS, units);
  shoal_ref_linear(valid, UNITS, hidden, units, params + project, 0, 0, given);
  for (int32_t h = 0; h < hidden && valid; h++) {
    int32_t best = 0;
    for (int32_t i = 1; i < valid; i++) {
      if (given[i * hidden + h] > given[best * hidden + h]) { best = i; }
    }
    if (!dy) {
      y[h] += given[best * hidden + h];
      continue;
    }
    for (int32_t u = 0; u < UNITS; u++) {
      double unit = units[best * UNITS + u];
      dparams[project + h * UNITS + u] += dy[h] * unit;
      if (unit <= 0.0) { continue; }
      double d = dy[h] * params[project + h * UNITS + u];
      dparams[bias + u] += d;
      for (int32_t f = 0; f < features; f++) { dparams[u * features + f] += d * x[1 + best * features + f]; }
    }
  }
}

// ---------------------------------------------------------------------------------------------------- all

void shoal_ref_encoder(const ShoalRefEncoder *e, int32_t hidden, int64_t n, int64_t stride, const double *x,
                       const double *params, double *y, double *work) {
  for (int64_t s = 0; s < n; s++, x += stride, y += hidden) {
    if (e->kind == SHOAL_REF_CONV) {
      conv_sample(e, hidden, x, params, y, 0, 0, work);
    } else if (e->kind == SHOAL_REF_ENTITIES) {
      entities_sample(e, hidden, x, params, y, 0, 0, work);
    } else {
      for (int32_t i = 0; i < cells(e) * e->channels; i++) {
        const double *row = params + table_at(e, hidden, x, i);
        for (int32_t h = 0; h < hidden; h++) { y[h] += row[h]; }
      }
    }
  }
}

void shoal_ref_encoder_backward(const ShoalRefEncoder *e, int32_t hidden, int64_t n, int64_t stride, const double *x,
                                const double *params, const double *dy, double *dparams, double *work) {
  for (int64_t s = 0; s < n; s++, x += stride, dy += hidden) {
    if (e->kind == SHOAL_REF_CONV) {
      conv_sample(e, hidden, x, params, 0, dy, dparams, work);
    } else if (e->kind == SHOAL_REF_ENTITIES) {
      entities_sample(e, hidden, x, params, 0, dy, dparams, work);
    } else {
      for (int32_t i = 0; i < cells(e) * e->channels; i++) {
        double *row = dparams + table_at(e, hidden, x, i);
        for (int32_t h = 0; h < hidden; h++) { row[h] += dy[h]; }
      }
    }
  }
}
