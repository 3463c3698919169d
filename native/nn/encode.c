// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The encoder's passes: rows become features and indices, and these the sum of what every field gives.
#include <string.h>

#include "nn/policy.h"

// `count` elements of an array as floats.
static void convert(float *restrict out, const uint8_t *restrict at, int32_t dtype, int32_t count) {
  switch (dtype) {
    case SHOAL_U8:
      for (int32_t i = 0; i < count; i++) { out[i] = (float)at[i]; }
      break;
    case SHOAL_F32: memcpy(out, at, 4 * (size_t)count); break;
    default:
      for (int32_t i = 0; i < count; i++) { out[i] = shoal_element(at, dtype, i); }
  }
}

// Rows of a table: element i of category c is at first + i * categories + c. Out of range counts as the nearest.
static void index_of(int32_t *restrict out, const uint8_t *restrict at, const ShoalEncode *e) {
  int32_t first = e->first, categories = e->categories, most = categories - 1;
  if (e->dtype == SHOAL_U8) {
    for (int32_t i = 0; i < e->count; i++) { out[i] = first + i * categories + (at[i] < most ? at[i] : most); }
    return;
  }
  for (int32_t i = 0; i < e->count; i++) {
    out[i] = first + i * categories + shoal_clampi((int32_t)shoal_element(at, e->dtype, i), 0, most);
  }
}

// The valid entities of row r, behind those of the row before.
static void append_entities(const ShoalPolicy *policy, const ShoalEncode *e, const uint8_t *row, ShoalOwnInput *own,
                            int32_t r) {
  int32_t features = e->columns * e->channels, bytes = shoal_dtype_bytes(e->dtype) * features;
  int32_t first = r ? own->first[r] : 0;
  int32_t valid = shoal_clampi((int32_t)shoal_element(row + e->valid, SHOAL_I16, 0), 0, e->rows);
  if (SHOAL_FAULT(policy, COUNT_IGNORED)) { valid = e->rows; }
  int64_t ld = shoal_padded(features);
  for (int32_t i = 0; i < valid; i++) {
    convert(own->entities + (first + i) * ld, row + e->offset + (int64_t)i * bytes, e->dtype, features);
  }
  own->first[r] = first;
  own->first[r + 1] = first + valid;
}

void shoal_encode(const ShoalPolicy *policy, const uint8_t *row, ShoalTape *tape, int32_t r) {
  float *x = tape->x + (int64_t)r * policy->ldx;
  int32_t *index = tape->index + (int64_t)r * policy->indices;
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    const uint8_t *at = row + e->offset;
    if (e->encoder == SHOAL_ENCODER_ONEHOT || e->encoder == SHOAL_ENCODER_EMBEDDING) {
      index_of(index + e->index, at, e);
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      shoal_conv_index(e, at, tape->own[e->own].index + (int64_t)r * e->count * SHOAL_CONV_TAPS);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      append_entities(policy, e, row, &tape->own[e->own], r);
    } else {
      float *restrict out = x + e->feature;
      convert(out, at, e->dtype, e->count);
      if (e->normalised < 0) { continue; }
      const float *restrict center = policy->center + e->normalised, *restrict scale = policy->scale + e->normalised;
      for (int32_t i = 0; i < e->count; i++) {
        out[i] = shoal_min(5.0f, shoal_max(-5.0f, (out[i] - center[i]) * scale[i]));  // in this order a NaN stays one
      }
    }
  }
}

// The categories that an index of a one-hot can name, on average over the fields.
static int32_t span_of(const ShoalPolicy *policy) { return (policy->hot + policy->hots - 1) / policy->hots; }

void shoal_encoder_forward(const ShoalPolicy *policy, ShoalTape *tape, int32_t n, int32_t R) {
  const ShoalTrunk *trunk = &policy->trunk[n];
  int32_t H = policy->hidden, wide = shoal_padded(H);
  float *y = tape->trunk[n].values[0];
  if (policy->dense) {
    shoal_product(policy, tape, y, policy->ldh, tape->x, policy->ldx, trunk->encoder, trunk->encoder_bias, R,
                  policy->dense, H, 0);
  } else {
    for (int32_t r = 0; r < R; r++) { memcpy(y + (int64_t)r * policy->ldh, trunk->encoder_bias, 4 * (size_t)wide); }
  }
  if (policy->hot16) {
    const uint32_t *packed = (const uint32_t *)(const void *)trunk->onehot_table;
    shoal_hot16(y, policy->ldh, packed, tape->index, policy->indices, R, policy->hots, policy->hot, H, tape->pairs);
  } else if (trunk->onehot >= 0) {
    shoal_gather(y, policy->ldh, trunk->onehot_table, tape->index, policy->indices, R, policy->hots, wide,
                 span_of(policy));
  }
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    const ShoalOwn *own = &trunk->own[e->own];
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      shoal_gather(y, policy->ldh, own->table, tape->index + e->index, policy->indices, R, e->count, wide,
                   e->categories);
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      shoal_conv_forward(policy, e, own, tape, n, R, y);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      shoal_entities_forward(policy, e, own, tape, n, R, y);
    }
  }
}

void shoal_encoder_backward(const ShoalPolicy *policy, ShoalTape *tape, int32_t n, int32_t R, const float *dx,
                            float *gradient) {
  const ShoalTrunk *trunk = &policy->trunk[n];
  int32_t H = policy->hidden, wide = shoal_padded(H);
  if (trunk->dense >= 0) {
    shoal_outer(policy, tape, gradient, trunk->dense, -1, dx, policy->ldh, tape->x, policy->ldx, R);
  }
  if (trunk->onehot >= 0) {
    float *table = gradient + policy->gradient_offset[trunk->onehot];
    if (policy->hot16) {
      shoal_hot16_outer(table, dx, policy->ldh, tape->index, policy->indices, R, policy->hots, policy->hot, H,
                        tape->pairs);
    } else {
      shoal_scatter(table, dx, policy->ldh, tape->index, policy->indices, R, policy->hots, wide, span_of(policy));
    }
  }
  shoal_column_sum(gradient + policy->gradient_offset[trunk->bias], dx, policy->ldh, R, H);
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    const ShoalOwn *own = &trunk->own[e->own];
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      shoal_scatter(gradient + policy->gradient_offset[own->parameters[0]], dx, policy->ldh, tape->index + e->index,
                    policy->indices, R, e->count, wide, e->categories);
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      shoal_conv_backward(policy, e, own, tape, n, R, dx, gradient);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      shoal_entities_backward(policy, e, own, tape, n, R, dx, gradient);
    }
  }
}
