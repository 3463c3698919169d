// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// From the fields of a row to H units: the sum of what each field gives, each by an encoder that its kind chooses.
//
//   DENSE      vectors, flags     one matrix for all of them
//   ONEHOT     grids, categories  one matrix for all one-hots, as sums of its columns (nn/gather.h), or as a product on
//                                 the tile unit (nn/gemm16.h)
//   EMBEDDING  above 32 values    a table of its own for each, as sums of its rows
//   CONV       grids, on request  two convolutions of 3 x 3 with relu, and a projection (nn/grid.c)
//   ENTITIES   sets               a map with relu and a projection for each entity, and the maximum (nn/entities.c)
//
// The last three have parameters field by field: "own" encoders. What they compute does not depend on the precision.
#ifndef SHOAL_ENCODERS_H
#define SHOAL_ENCODERS_H

#include "nn/gather.h"

#include "nn/arena.h"
#include "shoal/shoal.h"

enum {
  SHOAL_ENCODER_DENSE = 0,
  SHOAL_ENCODER_ONEHOT,
  SHOAL_ENCODER_EMBEDDING,
  SHOAL_ENCODER_CONV,
  SHOAL_ENCODER_ENTITIES
};
enum { SHOAL_ONEHOT_MOST = 32 };  // categories above which a field gets an embedding
enum { SHOAL_OWN_MOST = 8 };      // own encoders of a policy
enum { SHOAL_OWN_PARAMETERS = 5 };
enum { SHOAL_CONV_UNITS = 32, SHOAL_CONV_TAPS = 9 };  // channels of both convolutions; 3 x 3. One panel of gemm.h
enum { SHOAL_ENTITY_UNITS = 32 };                     // of an entity before its projection; one panel

// How one field is encoded.
typedef struct {
  int32_t encoder, dtype, offset;                      // offset: bytes into a row
  int32_t rows, columns, channels, count, categories;  // count: elements
  int32_t feature;                                     // DENSE: its first in x
  int32_t normalised;                                  // DENSE: the first index into the normaliser's statistics, or -1
  int32_t index;  // ONEHOT, EMBEDDING: the place of its first element in a row's indices
  int32_t first;  // ONEHOT: the column of its first category
  int32_t own;    // EMBEDDING, CONV, ENTITIES: its number among these
  int32_t valid;  // ENTITIES: where a row holds the number of valid ones, bytes
} ShoalEncode;

// An own encoder's parameters (indices, in the order of the checkpoint), and these as the passes read them.
typedef struct {
  int32_t parameters[SHOAL_OWN_PARAMETERS];  // EMBEDDING table; CONV kernel, bias, kernel, bias, project; ENTITIES map,
                                             // bias, project
  float *table;                              // EMBEDDING (count * categories, padded H); CONV the first kernel, (taps *
                                             // channels * categories + a row of zeros, units)
  float *bias[2];                            // CONV of both layers, ENTITIES of the map
  float *map, *map_backward;                 // CONV the second kernel, row of taps by row; ENTITIES the map
  float *project, *project_backward;         // CONV (forward: image row by image row), ENTITIES
} ShoalOwn;

// What an own encoder reads in a pass, the same for every trunk.
typedef struct {
  int32_t *index;   // CONV (R, cells, taps * channels): rows of its table
  float *entities;  // ENTITIES (R * rows, padded features): the valid ones of all rows, one after the other
  int32_t *first;   // ENTITIES (R + 1,): where those of each row begin
} ShoalOwnInput;

// What it keeps for the backward pass.
typedef struct {
  float *hidden;  // CONV (R, padded cells, units): the first layer's output, with a border; ENTITIES (R * rows, units)
  float *flat;    // CONV (R, cells * units): the second's
  int32_t *best;  // ENTITIES (R, padded H): which entity is the largest, -1 where there is none
} ShoalOwnTape;

struct ShoalPolicy;
struct ShoalTrunk;
struct ShoalTape;

// Building a policy: fields, a trunk's own parameters, memory, packing.
const char *shoal_plan_fields(struct ShoalPolicy *policy);
const char *shoal_plan_own(struct ShoalPolicy *policy, struct ShoalTrunk *trunk, const char *prefix);
void shoal_take_own(const struct ShoalPolicy *policy, ShoalArena *arena, struct ShoalTrunk *trunk);
void shoal_pack_own(const struct ShoalPolicy *policy, const struct ShoalTrunk *trunk);
void shoal_take_inputs(const struct ShoalPolicy *policy, ShoalArena *arena, int32_t rows, int32_t training,
                       struct ShoalTape *tape);

// Row r of a pass, whose rows come in order, becomes features, indices and own inputs of the tape.
void shoal_encode(const struct ShoalPolicy *policy, const uint8_t *row, struct ShoalTape *tape, int32_t r);
// The encoder of trunk n over R encoded rows: values[0] =; from the gradient dx (R, ldh) of it, gradient +=.
void shoal_encoder_forward(const struct ShoalPolicy *policy, struct ShoalTape *tape, int32_t n, int32_t R);
void shoal_encoder_backward(const struct ShoalPolicy *policy, struct ShoalTape *tape, int32_t n, int32_t R,
                            const float *dx, float *gradient);

// One own encoder's part: y (R, ldh) +=, gradient +=.
void shoal_conv_index(const ShoalEncode *encode, const uint8_t *row, int32_t *index);
void shoal_conv_forward(const struct ShoalPolicy *policy, const ShoalEncode *encode, const ShoalOwn *own,
                        struct ShoalTape *tape, int32_t n, int32_t R, float *y);
void shoal_conv_backward(const struct ShoalPolicy *policy, const ShoalEncode *encode, const ShoalOwn *own,
                         struct ShoalTape *tape, int32_t n, int32_t R, const float *dy, float *gradient);
void shoal_entities_forward(const struct ShoalPolicy *policy, const ShoalEncode *encode, const ShoalOwn *own,
                            struct ShoalTape *tape, int32_t n, int32_t R, float *y);
void shoal_entities_backward(const struct ShoalPolicy *policy, const ShoalEncode *encode, const ShoalOwn *own,
                             struct ShoalTape *tape, int32_t n, int32_t R, const float *dy, float *gradient);
// Floats of tape->work that they take, the convolution for R rows.
int64_t shoal_conv_work(const ShoalEncode *encode, int32_t R);
int64_t shoal_entities_work(const struct ShoalPolicy *policy, const ShoalEncode *encode);
static inline int64_t shoal_conv_cells(const ShoalEncode *encode) {  // with a border, and two behind (nn/grid.c)
  return (int64_t)(encode->rows + 2) * (encode->columns + 2) + 2;
}

#endif
