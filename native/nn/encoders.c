// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// Building the encoder: which encoder each field gets, the parameters of own encoders, their memory and packing.
#include "nn/encoders.h"

#include <stdio.h>
#include <string.h>

#include "nn/policy.h"

enum { MOST_COLUMNS = 16384 };       // of a matrix that starts orthogonal: initialise.c's vectors
enum { MOST_TABLE_ROWS = 1 << 20 };  // of an embedding
static const float GAIN = 1.41421356f;

static int32_t encoder_of(const ShoalPolicy *policy, const ShoalField *field) {
  switch (field->kind) {
    case SHOAL_KIND_VECTOR:
    case SHOAL_KIND_FLAG: return SHOAL_ENCODER_DENSE;
    case SHOAL_KIND_SET: return SHOAL_ENCODER_ENTITIES;
    case SHOAL_KIND_GRID:
      if (policy->config.grid == SHOAL_GRID_CONV) { return SHOAL_ENCODER_CONV; }
      break;
    default: break;
  }
  return field->categories <= SHOAL_ONEHOT_MOST ? SHOAL_ENCODER_ONEHOT : SHOAL_ENCODER_EMBEDDING;
}

static const char *place(ShoalPolicy *policy, ShoalEncode *e, const ShoalField *field) {
  const ShoalField *fields = policy->spec.fields;
  switch (e->encoder) {
    case SHOAL_ENCODER_DENSE:
      e->feature = policy->dense;
      policy->dense += e->count;
      if (field->kind == SHOAL_KIND_VECTOR && policy->config.normalize) {
        e->normalised = policy->normalised;
        policy->normalised += e->count;
      }
      return 0;
    case SHOAL_ENCODER_ONEHOT:
      e->index = policy->hots;
      e->first = policy->hot;
      policy->hots += e->count;
      policy->hot += e->count * e->categories;
      return 0;
    case SHOAL_ENCODER_EMBEDDING:
      if ((int64_t)e->count * e->categories > MOST_TABLE_ROWS) {
        return "the native backend's embeddings take fields of at most 1048576 elements times categories";
      }
      break;
    case SHOAL_ENCODER_CONV:
      if (e->rows * e->columns * SHOAL_CONV_UNITS > MOST_COLUMNS ||
          e->channels * e->categories * SHOAL_CONV_TAPS > MOST_COLUMNS) {
        return "the native backend's convolutions take grids of at most 512 cells and 1820 categories times channels";
      }
      break;
    case SHOAL_ENCODER_ENTITIES:
      if (e->columns * e->channels > MOST_COLUMNS || e->rows > INT16_MAX) {
        return "the native backend takes sets of at most 32767 entities of at most 16384 features";
      }
      e->valid = fields[field->count_field].offset;
      break;
  }
  if (policy->num_own == SHOAL_OWN_MOST) {
    return "the native backend takes at most 8 fields that are sets, convolved grids or of more than 32 categories";
  }
  e->own = policy->num_own++;
  return 0;
}

const char *shoal_plan_fields(ShoalPolicy *policy) {
  for (int32_t f = 0; f < policy->spec.num_fields; f++) {
    const ShoalField *field = &policy->spec.fields[f];
    if (field->kind == SHOAL_KIND_IMAGE) {
      return "the native backend has no encoder for images; the torch backend has";
    }
    ShoalEncode *e = &policy->encodes[policy->num_encodes++];
    *e = (ShoalEncode){
        .encoder = encoder_of(policy, field),
        .dtype = field->dtype,
        .offset = field->offset,
        .rows = field->rows,
        .columns = field->columns,
        .channels = field->channels,
        .count = field->rows * field->columns * field->channels,
        .categories = field->categories,
        .normalised = -1,
    };
    const char *message = place(policy, e, field);
    if (message) { return message; }
  }
  policy->indices = policy->hots;
  for (int32_t f = 0; f < policy->num_encodes; f++) {  // the embeddings' behind the one-hots'
    ShoalEncode *e = &policy->encodes[f];
    if (e->encoder != SHOAL_ENCODER_EMBEDDING) { continue; }
    e->index = policy->indices;
    policy->indices += e->count;
  }
  if (policy->dense > MOST_COLUMNS || policy->hot > MOST_COLUMNS || !policy->num_encodes) {
    return "the native backend's linear encoders take rows of 1 to 16384 features";
  }
  return 0;
}

// Declare a matrix of a field's own encoder, or a bias (columns 0).
static int32_t add(ShoalPolicy *policy, const char *prefix, const char *field, const char *name, int32_t rows,
                   int32_t columns, int32_t rule) {
  char full[SHOAL_NAME];
  snprintf(full, sizeof full, "encoder.fields.%s.%s", field, name);
  return columns ? shoal_add_parameter(policy, prefix, full, rows, columns, 1, rule, GAIN)
                 : shoal_add_parameter(policy, prefix, full, rows, 1, 1, SHOAL_RULE_ADAM, 0.0f);
}

const char *shoal_plan_own(ShoalPolicy *policy, ShoalTrunk *trunk, const char *prefix) {
  enum { U = SHOAL_CONV_UNITS, TAPS = SHOAL_CONV_TAPS };
  int32_t H = policy->hidden;
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    const char *name = policy->spec.fields[f].name;
    int32_t *parameter = trunk->own[e->own].parameters, cells = e->rows * e->columns;
    if (e->encoder < SHOAL_ENCODER_EMBEDDING) { continue; }
    if (strlen(name) > SHOAL_NAME / 2) { return "the native backend takes fields whose names have at most 64 letters"; }
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      parameter[0] = add(policy, prefix, name, "tables.weight", e->count * e->categories, H, SHOAL_RULE_ADAM);
      policy->parameters[parameter[0]].spread = 1.0f / shoal_sqrt((float)H);
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      int32_t columns[2] = {e->channels * e->categories * TAPS, U * TAPS};
      parameter[0] = add(policy, prefix, name, "layers.0.weight", U, columns[0], SHOAL_RULE_MUON);
      parameter[1] = add(policy, prefix, name, "layers.0.bias", U, 0, 0);
      parameter[2] = add(policy, prefix, name, "layers.2.weight", U, columns[1], SHOAL_RULE_MUON);
      parameter[3] = add(policy, prefix, name, "layers.2.bias", U, 0, 0);
      parameter[4] = add(policy, prefix, name, "project.weight", H, U * cells, SHOAL_RULE_MUON);
      for (int32_t i = 0; i <= 2; i += 2) {
        ShoalParameter *kernel = &policy->parameters[parameter[i]];
        kernel->taps = kernel->inner = TAPS;
      }
      policy->parameters[parameter[0]].table = 1;
      policy->parameters[parameter[4]].inner = cells;
    } else {
      parameter[0] = add(policy, prefix, name, "weight", SHOAL_ENTITY_UNITS, e->columns * e->channels, SHOAL_RULE_MUON);
      parameter[1] = add(policy, prefix, name, "bias", SHOAL_ENTITY_UNITS, 0, 0);
      parameter[2] = add(policy, prefix, name, "project.weight", H, SHOAL_ENTITY_UNITS, SHOAL_RULE_MUON);
    }
  }
  return 0;
}

static float *floats(ShoalArena *arena, int64_t count) { return shoal_take(arena, 4 * count); }

void shoal_take_own(const ShoalPolicy *policy, ShoalArena *arena, ShoalTrunk *trunk) {
  int64_t H = policy->hidden, wide = shoal_padded(policy->hidden), units = SHOAL_CONV_UNITS;
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    ShoalOwn *own = &trunk->own[e->own];
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      own->table = floats(arena, (int64_t)e->count * e->categories * wide);
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      own->table = floats(arena, ((int64_t)SHOAL_CONV_TAPS * e->channels * e->categories + 1) * units);
      own->map = floats(arena, SHOAL_CONV_TAPS * units * units);
      own->map_backward = floats(arena, SHOAL_CONV_TAPS * units * units);
      own->project = floats(arena, wide * units * e->rows * e->columns);
      own->project_backward = floats(arena, H * units * e->rows * e->columns);
      for (int32_t i = 0; i < 2; i++) { own->bias[i] = floats(arena, units); }
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      own->map = floats(arena, (int64_t)SHOAL_ENTITY_UNITS * e->columns * e->channels);
      own->bias[0] = floats(arena, SHOAL_ENTITY_UNITS);
      own->project = floats(arena, wide * SHOAL_ENTITY_UNITS);
      own->project_backward = floats(arena, H * SHOAL_ENTITY_UNITS);
    }
  }
}

static const float *theta_of(const ShoalPolicy *policy, int32_t parameter) {
  return policy->theta + policy->parameters[parameter].offset;
}

static void pack_conv(const ShoalPolicy *policy, const ShoalEncode *e, const ShoalOwn *own) {
  enum { U = SHOAL_CONV_UNITS };
  const int32_t *parameter = own->parameters, line = e->columns * U, all = e->rows * line;
  float *arranged = policy->arranged;
  shoal_arrange(policy, parameter[0], own->table);
  memset(own->table + (int64_t)SHOAL_CONV_TAPS * e->channels * e->categories * U, 0, 4 * U);
  memcpy(own->bias[0], theta_of(policy, parameter[1]), 4 * U);
  memcpy(own->bias[1], theta_of(policy, parameter[3]), 4 * U);
  shoal_arrange(policy, parameter[2], arranged);  // (U, taps, U)
  for (int32_t dy = 0; dy < 3; dy++) {
    shoal_pack_transposed(own->map + dy * 3 * U * U, arranged + dy * 3 * U, 3 * U, U, SHOAL_CONV_TAPS * U);
    for (int32_t dx = 0; dx < 3; dx++) {  // turned round: what a cell gave to its neighbour comes back from there
      int32_t tap = (2 - dy) * 3 + 2 - dx;
      shoal_pack(own->map_backward + (dy * 3 + dx) * U * U, arranged + tap * U, U, U, SHOAL_CONV_TAPS * U);
    }
  }
  shoal_arrange(policy, parameter[4], arranged);  // (H, cells, U)
  for (int32_t r = 0; r < e->rows; r++) {
    float *to = own->project + (int64_t)r * line * shoal_padded(policy->hidden);
    shoal_pack_transposed(to, arranged + (int64_t)r * line, line, policy->hidden, all);
  }
  shoal_pack(own->project_backward, arranged, policy->hidden, all, all);
}

void shoal_pack_own(const ShoalPolicy *policy, const ShoalTrunk *trunk) {
  int32_t H = policy->hidden, wide = shoal_padded(H);
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    const ShoalOwn *own = &trunk->own[e->own];
    const int32_t *parameter = own->parameters;
    if (e->encoder == SHOAL_ENCODER_EMBEDDING) {
      const float *from = theta_of(policy, parameter[0]);
      for (int64_t r = 0; r < (int64_t)e->count * e->categories; r++) {
        memcpy(own->table + r * wide, from + r * H, 4 * (size_t)H);
        memset(own->table + r * wide + H, 0, 4 * (size_t)(wide - H));
      }
    } else if (e->encoder == SHOAL_ENCODER_CONV) {
      pack_conv(policy, e, own);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      int32_t features = e->columns * e->channels;
      shoal_pack_transposed(own->map, theta_of(policy, parameter[0]), features, SHOAL_ENTITY_UNITS, features);
      memcpy(own->bias[0], theta_of(policy, parameter[1]), 4 * SHOAL_ENTITY_UNITS);
      const float *project = theta_of(policy, parameter[2]);
      shoal_pack_transposed(own->project, project, SHOAL_ENTITY_UNITS, H, SHOAL_ENTITY_UNITS);
      shoal_pack(own->project_backward, project, H, SHOAL_ENTITY_UNITS, SHOAL_ENTITY_UNITS);
    }
  }
}

void shoal_take_inputs(const ShoalPolicy *policy, ShoalArena *arena, int32_t rows, int32_t training, ShoalTape *tape) {
  int64_t R = rows, work = 0;
  tape->x = floats(arena, R * policy->ldx);
  tape->index = shoal_take(arena, 4 * R * policy->indices);
  for (int32_t f = 0; f < policy->num_encodes; f++) {
    const ShoalEncode *e = &policy->encodes[f];
    ShoalOwnInput *own = &tape->own[e->own];
    int64_t cells = (int64_t)e->rows * e->columns, most = 0;
    if (e->encoder == SHOAL_ENCODER_CONV) {
      own->index = shoal_take(arena, 4 * R * cells * SHOAL_CONV_TAPS * e->channels);
      most = shoal_conv_work(e, rows);
    } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
      own->entities = floats(arena, R * e->rows * shoal_padded(e->columns * e->channels));
      own->first = shoal_take(arena, 4 * (R + 1));
      most = shoal_entities_work(policy, e);
    }
    work = most > work ? most : work;
    for (int32_t t = 0; t < policy->trunks; t++) {
      ShoalOwnTape *kept = &tape->trunk[t].own[e->own];
      if (e->encoder == SHOAL_ENCODER_CONV) {
        kept->hidden = floats(arena, R * shoal_conv_cells(e) * SHOAL_CONV_UNITS);
        kept->flat = floats(arena, R * cells * SHOAL_CONV_UNITS);
      } else if (e->encoder == SHOAL_ENCODER_ENTITIES) {
        kept->hidden = floats(arena, R * e->rows * SHOAL_ENTITY_UNITS);
        if (training) { kept->best = shoal_take(arena, 4 * R * shoal_padded(policy->hidden)); }
      }
    }
  }
  tape->work = floats(arena, work);
}
