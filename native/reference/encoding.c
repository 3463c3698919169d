// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// From packed observation rows to features. Vector fields are normalised,
//   x^ = clip((x - mean) / max(sigma, 1e-3), +-5);
// flags are taken as they are; every element of a grid or category becomes a one-hot block of its own, or goes raw to
// an encoder of its own, as sets do. Dense, one-hot and own inputs each stand in the order of the fields, elements in
// the order of the row.
#include "reference.h"

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static int32_t elements(const ShoalField *field) { return field->rows * field->columns * field->channels; }

static int32_t is_dense(const ShoalField *field) {
  return field->kind == SHOAL_KIND_VECTOR || field->kind == SHOAL_KIND_FLAG;
}

static double element(const ShoalField *field, const uint8_t *row, int32_t i) {
  const uint8_t *at = row + field->offset + (int64_t)i * shoal_dtype_bytes(field->dtype);
  int16_t short_value;
  float float_value;
  switch (field->dtype) {
    case SHOAL_U8: return *at;
    case SHOAL_I8: return (int8_t)*at;
    case SHOAL_I16: __builtin_memcpy(&short_value, at, 2); return short_value;
    default: __builtin_memcpy(&float_value, at, 4); return (double)float_value;
  }
}

// SHOAL_REF_* of an own encoder; -1: none, the field is dense or one-hot.
static int32_t own_kind(const ShoalField *field, int32_t grid) {
  if (field->kind == SHOAL_KIND_SET) { return SHOAL_REF_ENTITIES; }
  if (is_dense(field)) { return -1; }
  if (field->kind == SHOAL_KIND_GRID && grid == SHOAL_GRID_CONV) { return SHOAL_REF_CONV; }
  return field->categories > 32 ? SHOAL_REF_EMBEDDING : -1;
}

int32_t shoal_ref_features(const ShoalSpec *spec, int32_t grid, int32_t *dense, int32_t *hot, int32_t *own,
                           ShoalRefEncoder *encoders) {
  int32_t count = 0;
  *dense = *hot = *own = 0;
  for (int32_t f = 0; f < spec->num_fields; f++) {
    const ShoalField *field = &spec->fields[f];
    int32_t kind = own_kind(field, grid);
    if (field->kind == SHOAL_KIND_IMAGE || count == SHOAL_REF_OWN) { return -1; }
    if (kind >= 0) {
      encoders[count] = (ShoalRefEncoder){kind, field->rows, field->columns, field->channels, field->categories};
      *own += (int32_t)shoal_ref_encoder_inputs(&encoders[count++]);
    } else if (is_dense(field)) {
      *dense += elements(field);
    } else {
      *hot += elements(field) * field->categories;
    }
  }
  return count;
}

void shoal_ref_encode(const ShoalSpec *spec, int32_t grid, int64_t n, const uint8_t *rows, const double *mean,
                      const double *sigma, double *dense, double *hot, double *own) {
  for (int64_t r = 0; r < n; r++) {
    const uint8_t *row = rows + r * spec->row_bytes;
    int32_t feature = 0;
    for (int32_t f = 0; f < spec->num_fields; f++) {
      const ShoalField *field = &spec->fields[f];
      int32_t kind = own_kind(field, grid);
      if (kind == SHOAL_REF_ENTITIES) { *own++ = element(&spec->fields[field->count_field], row, 0); }
      for (int32_t i = 0; i < elements(field); i++) {
        double x = element(field, row, i);
        if (kind >= 0) {
          *own++ = x;
          continue;
        }
        if (!is_dense(field)) {
          for (int32_t c = 0; c < field->categories; c++) { *hot++ = x == c; }
          continue;
        }
        if (field->kind == SHOAL_KIND_VECTOR && mean) {
          double spread = sigma[feature] > 1e-3 ? sigma[feature] : 1e-3;
          x = clip((x - mean[feature]) / spread, -5.0, 5.0);
        }
        *dense++ = x;
        feature++;
      }
    }
  }
}
