// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// target: fish of one pond, each after as many stars as it can eat. The environment with many agents in one world.
//
// After PufferLib's tutorial of this name. Pond 1080 x 720, y down; headings are angles from the x axis, clockwise on
// the screen. Offsets to others are in the agent's own frame: how far ahead, how far to its right, in pond diagonals.
//
//   observation   entities = sorted, for encoders of vectors: the nearest first
//                   field "stars", stars x 2 f32: ahead, right      field "others", (agents - 1) x 2 f32: likewise
//                 entities = set, for encoders of sets: in no order
//                   fields "stars" and "others" as above; "num_stars", "num_others", i16: how many of them are there
//                 field "self", 5 f32: x, y from the middle in half sides, cosine and sine of the heading, speed/top
//   action        turn: 0 .. 8, by -4 .. 4 quarters of `turn`; push: 0 .. 4, by -2 .. 2 halves of `push` more speed
//   reward        +1 for every star eaten
//   a step        1. every agent turns, changes its speed within 0 .. top_speed, and swims; the banks stop it
//                 2. an agent within `reach` of a star eats it; of several the nearest, of equals the first
//                 3. a star that was eaten is back at once, somewhere in the pond
//   start         agents at rest, anywhere, any heading; stars anywhere
//   terminated    never
//   time limit    1,000 steps (vec.max_steps)
//
// Version history: 1 first.
#ifndef SHOAL_TARGET_H
#define SHOAL_TARGET_H

#include "shoal/env.h"

#define TARGET_VERSION 1
#define TARGET_WIDTH 1080.0f
#define TARGET_HEIGHT 720.0f
#define TARGET_SCALE (1.0f / 1300.0f)  // of offsets: the diagonal is 1298
#define TARGET_MOST 64                 // agents, and stars, that a pond has room for
#define TARGET_EIGHT 8                 // agents, and stars, of the usual pond
#define TARGET_LAST 0x7FFFFFFF         // a key above all others
#define TARGET_FULL 100.0f             // stars per 1,000 steps at which perf is 1

enum { TARGET_SORTED = 0, TARGET_SET = 1 };
enum { TARGET_STRAIGHT = 4, TARGET_KEEP = 2, TARGET_TURNS = 9, TARGET_PUSHES = 5 };

#define TARGET_PARAMS(F, I, B, C)                                                          \
  I(agents, 8, 1, TARGET_MOST, "", SIZE, "in a pond")                                      \
  I(stars, 8, 1, TARGET_MOST, "", SIZE, "in a pond")                                       \
  C(entities, "sorted", "sorted|set", SIZE, "observed by distance as vectors, or as sets") \
  F(reach, 32.0f, 1, 200, "px", VALUE, "from which a star is eaten")                       \
  F(top_speed, 20.0f, 1, 100, "px/step", VALUE, "of an agent")                             \
  F(push, 2.0f, 0.1f, 100, "px/step2", VALUE, "change of speed, at most")                  \
  F(turn, 0.333333f, 0.01f, 3, "rad/step", VALUE, "change of heading, at most")

#define TARGET_METRICS(M)                                 \
  M(perf, "0..1: stars per 1,000 steps / 100, at most 1") \
  M(score, "stars per 1,000 steps")

SHOAL_PARAMS_STRUCT(Target, TARGET_PARAMS)
SHOAL_METRICS_STRUCT(Target, TARGET_METRICS)
#define SHOAL_HAS_SCRIPTED

// Behind the head stand arrays of run-time length, one after the other: see TargetPond.
typedef struct {
  ShoalHead head;
} TargetState;

// Where the arrays of a state are.
typedef struct {
  float *x, *y, *heading, *cosine, *sine, *speed;  // (agents,)
  float *eaten;                                    // (agents,) stars since the reset
  float *star_x, *star_y;                          // (stars,)
} TargetPond;

SHOAL_FN TargetPond target_pond(const TargetState *state, int32_t agents, int32_t stars) {
  float *at = (float *)(void *)(state + 1), *star = at + 7 * agents;
  TargetPond pond = {
      at,   at + agents, at + 2 * agents, at + 3 * agents, at + 4 * agents, at + 5 * agents, at + 6 * agents,
      star, star + stars};
  return pond;
}

SHOAL_HOST const char *target_spec(const TargetParams *params, ShoalSpec *out) {
  int32_t agents = params->agents, stars = params->stars, set = params->entities == TARGET_SET;
  int32_t kind = set ? SHOAL_KIND_SET : SHOAL_KIND_VECTOR;
  out->version = TARGET_VERSION;
  out->agents = agents;
  out->max_steps = 1000;
  out->state_bytes = ((int64_t)sizeof(TargetState) + 4 * (7 * agents + 2 * stars) + 7) / 8 * 8;
  int32_t field = shoal_field(out, "stars", kind, SHOAL_F32, stars, 2, 1, 0, -1, 1, "ahead, right");
  if (agents > 1) {
    shoal_field(out, "others", kind, SHOAL_F32, agents - 1, 2, 1, 0, -1, 1, "the other agents: ahead, right");
  }
  shoal_field(out, "self", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 5, 1, 0, -1, 1,
              "x, y from the middle, cosine and sine of the heading, speed");
  if (set) {
    out->fields[field].count_field =
        shoal_field(out, "num_stars", SHOAL_KIND_VECTOR, SHOAL_I16, 1, 1, 1, 0, 0, TARGET_MOST, "stars that are there");
    if (agents > 1) {
      out->fields[field + 1].count_field = shoal_field(out, "num_others", SHOAL_KIND_VECTOR, SHOAL_I16, 1, 1, 1, 0, 0,
                                                       TARGET_MOST, "other agents that are there");
    }
  }
  shoal_discrete(out, "turn", TARGET_TURNS, 0, "left4|left3|left2|left1|straight|right1|right2|right3|right4");
  shoal_discrete(out, "push", TARGET_PUSHES, 0, "brake2|brake1|keep|push1|push2");
  return 0;
}

SHOAL_FN void target_place_star(const TargetState *state, const TargetPond *pond, int32_t star) {
  uint64_t random = shoal_random_at(&state->head, (uint32_t)star);
  pond->star_x[star] = TARGET_WIDTH * shoal_uniform_of(random);
  pond->star_y[star] = TARGET_HEIGHT * shoal_uniform_of(random << 24);
}

SHOAL_FN void target_reset(const TargetParams *params, const void *shared, TargetState *state) {
  (void)shared;
  TargetPond pond = target_pond(state, params->agents, params->stars);
  SHOAL_EACH(s, params->stars) { target_place_star(state, &pond, s); }
  SHOAL_EACH(a, params->agents) {
    uint64_t random = shoal_random_at(&state->head, (uint32_t)(TARGET_MOST + a));
    pond.x[a] = TARGET_WIDTH * shoal_uniform_of(random);
    pond.y[a] = TARGET_HEIGHT * shoal_uniform_of(random << 24);
    pond.heading[a] = SHOAL_PI * (2.0f * shoal_uniform_of(shoal_mix(random)) - 1.0f);
    pond.cosine[a] = shoal_cos(pond.heading[a]);
    pond.sine[a] = shoal_sin(pond.heading[a]);
  }
}

// A distance as a whole number that orders as it does, with a number below TARGET_MOST in its last digits: no two are
// equal, and the smallest tells whose it is.
SHOAL_FN int32_t target_key(float dx, float dy, int32_t number) {
  return (int32_t)((shoal_to_bits(dx * dx + dy * dy) & ~(uint32_t)(TARGET_MOST - 1)) | (uint32_t)number);
}

// agents and stars as arguments: the usual numbers are constants to the compiler.
SHOAL_FN void target_world(const TargetParams *params, TargetState *state, const int32_t *discrete,
                           const ShoalResult *result, int32_t agents, int32_t stars) {
  TargetPond pond = target_pond(state, agents, stars);
  TargetMetrics *metrics = (TargetMetrics *)result->metrics;
  int32_t nearest[TARGET_MOST];
  SHOAL_EACH(a, agents) {
    float heading = pond.heading[a] + (float)(discrete[2 * a] - TARGET_STRAIGHT) * (0.25f * params->turn);
    heading = heading > SHOAL_PI ? heading - 2.0f * SHOAL_PI : heading;
    heading = heading < -SHOAL_PI ? heading + 2.0f * SHOAL_PI : heading;
    float speed = pond.speed[a] + (float)(discrete[2 * a + 1] - TARGET_KEEP) * (0.5f * params->push);
    speed = shoal_clamp(speed, 0.0f, params->top_speed);
    float cosine = shoal_cos(heading), sine = shoal_sin(heading);
    pond.heading[a] = heading;
    pond.cosine[a] = cosine;
    pond.sine[a] = sine;
    pond.speed[a] = speed;
    pond.x[a] = shoal_clamp(pond.x[a] + speed * cosine, 0.0f, TARGET_WIDTH);
    pond.y[a] = shoal_clamp(pond.y[a] + speed * sine, 0.0f, TARGET_HEIGHT);
  }

  int32_t limit = target_key(params->reach, 0.0f, 0);
  SHOAL_EACH(s, stars) { nearest[s] = limit; }
  for (int32_t a = 0; a < agents; a++) {
    float x = pond.x[a], y = pond.y[a];
    SHOAL_EACH(s, stars) { nearest[s] = shoal_mini(nearest[s], target_key(pond.star_x[s] - x, pond.star_y[s] - y, a)); }
  }
  SHOAL_ONCE {
    for (int32_t s = 0; s < stars; s++) {
      if (nearest[s] == limit) { continue; }
      int32_t eater = nearest[s] & (TARGET_MOST - 1);
      result->reward[eater] += 1.0f;
      pond.eaten[eater] += 1.0f;
      target_place_star(state, &pond, s);
    }
  }
  float per = 1000.0f / (float)state->head.tick;
  SHOAL_EACH(a, agents) {
    metrics[a].score = per * pond.eaten[a];
    metrics[a].perf = shoal_min(per * pond.eaten[a] * (1.0f / TARGET_FULL), 1.0f);
  }
}

SHOAL_FN void target_step(const TargetParams *params, const void *shared, TargetState *state, const int32_t *discrete,
                          const float *continuous, const ShoalResult *result) {
  (void)shared, (void)continuous;
  if (params->agents == TARGET_EIGHT && params->stars == TARGET_EIGHT) {
    target_world(params, state, discrete, result, TARGET_EIGHT, TARGET_EIGHT);
  } else {
    target_world(params, state, discrete, result, params->agents, params->stars);
  }
}

// How many of 8 keys are below this one.
SHOAL_FN int32_t target_below(const int32_t *keys, int32_t key) {
  return (keys[0] < key) + (keys[1] < key) + (keys[2] < key) + (keys[3] < key) + (keys[4] < key) + (keys[5] < key) +
         (keys[6] < key) + (keys[7] < key);
}

// An agent's place and frame.
typedef struct {
  float x, y, cosine, sine, minus_sine;  // of the heading, times TARGET_SCALE
} TargetEye;

SHOAL_FN TargetEye target_eye(const TargetPond *pond, int32_t agent) {
  float cosine = pond->cosine[agent] * TARGET_SCALE, sine = pond->sine[agent] * TARGET_SCALE;
  TargetEye eye = {pond->x[agent], pond->y[agent], cosine, sine, -sine};
  return eye;
}

// Write where a point lies, (ahead, right), and return its key; the agent itself, `self`, comes after all others. Two
// sums, since GCC 12 fuses the products of a sum and a difference side by side, even with -ffp-contract=off.
SHOAL_FN int32_t target_see(TargetEye eye, float x, float y, int32_t number, int32_t self, float *offset) {
  float dx = x - eye.x, dy = y - eye.y;
  offset[0] = dx * eye.cosine + dy * eye.sine;
  offset[1] = dy * eye.cosine + dx * eye.minus_sine;
  int32_t key = target_key(dx, dy, number);
  return number == self ? TARGET_LAST : key;
}

// Write where `count` points lie from agent `agent`, (count, 2), the nearest first if `sorted`. `self`: the one among
// them that is the agent comes last, or none is (-1). A point's place is the number of those that are nearer: no
// branches, and loops that vectorise.
SHOAL_FN void target_bearings(const TargetPond *pond, int32_t agent, const float *xs, const float *ys, int32_t count,
                              int32_t self, int32_t sorted, float *out) {
  TargetEye eye = target_eye(pond, agent);
  float offset[2 * TARGET_MOST];  // ahead, right
  int32_t key[TARGET_MOST], place[TARGET_MOST];
  SHOAL_EACH(i, count) {
    int32_t nearer = target_see(eye, xs[i], ys[i], i, self, offset + 2 * i);
    key[i] = sorted || i == self ? nearer : i;
  }
  for (int32_t i = count; i % 8; i++) { key[i] = TARGET_LAST; }
  SHOAL_EACH(i, count) { place[i] = target_below(key, key[i]); }
  for (int32_t j = 8; j < count; j += 8) {
    SHOAL_EACH(i, count) { place[i] += target_below(key + j, key[i]); }
  }
  for (int32_t i = 0; i < count; i++) { __builtin_memcpy(out + 2 * place[i], offset + 2 * i, 2 * sizeof(float)); }
}

SHOAL_FN void target_self(const TargetPond *pond, int32_t agent, float top_speed, float *out) {
  out[0] = pond->x[agent] * (2.0f / TARGET_WIDTH) - 1.0f;
  out[1] = pond->y[agent] * (2.0f / TARGET_HEIGHT) - 1.0f;
  out[2] = pond->cosine[agent];
  out[3] = pond->sine[agent];
  out[4] = pond->speed[agent] / top_speed;
}

SHOAL_FN void target_observe(const TargetParams *params, const void *shared, const TargetState *state, int32_t agent,
                             void *row, uint8_t *mask) {
  (void)shared, (void)mask;
  int32_t agents = params->agents, stars = params->stars, sorted = params->entities == TARGET_SORTED;
  TargetPond pond = target_pond(state, agents, stars);
  float *out = (float *)row;
  target_bearings(&pond, agent, pond.star_x, pond.star_y, stars, -1, sorted, out);
  out += 2 * stars;
  target_bearings(&pond, agent, pond.x, pond.y, agents, agent, sorted, out);
  out += 2 * (agents - 1);  // the agent itself was the last: it is written over
  target_self(&pond, agent, params->top_speed, out);
  if (!sorted) {
    int16_t counts[2] = {(int16_t)stars, (int16_t)(agents - 1)};
    __builtin_memcpy(out + 5, counts, sizeof counts);
  }
}

// With 8 agents and 8 stars all agents observe together, one in each lane of a vector.
#define SHOAL_ENV_OBSERVE_ALL(params) \
  ((params)->agents == TARGET_EIGHT && (params)->stars == TARGET_EIGHT && (params)->entities == TARGET_SORTED)

SHOAL_FN void target_order(int32_t *first, int32_t *second) {
  int32_t low = shoal_mini(*first, *second), high = shoal_maxi(*first, *second);
  *first = low;
  *second = high;
}

// target_bearings of 8 points for 8 agents, which are the points if `among`, into rows `stride` bytes apart.
SHOAL_FN void target_eight(const TargetPond *pond, const float *xs, const float *ys, int32_t among, uint8_t *rows,
                           int64_t stride) {
  float offset[TARGET_EIGHT][TARGET_EIGHT][2];  // of a point to an agent
  int32_t nearest[TARGET_EIGHT][TARGET_EIGHT];  // numbers of points, the nearest first, for an agent
  SHOAL_EACH(a, TARGET_EIGHT) {
    // Eight variables, since compilers make no lanes of an array's elements.
    TargetEye eye = target_eye(pond, a);
    int32_t self = among ? a : -1;
    int32_t k0 = target_see(eye, xs[0], ys[0], 0, self, offset[0][a]);
    int32_t k1 = target_see(eye, xs[1], ys[1], 1, self, offset[1][a]);
    int32_t k2 = target_see(eye, xs[2], ys[2], 2, self, offset[2][a]);
    int32_t k3 = target_see(eye, xs[3], ys[3], 3, self, offset[3][a]);
    int32_t k4 = target_see(eye, xs[4], ys[4], 4, self, offset[4][a]);
    int32_t k5 = target_see(eye, xs[5], ys[5], 5, self, offset[5][a]);
    int32_t k6 = target_see(eye, xs[6], ys[6], 6, self, offset[6][a]);
    int32_t k7 = target_see(eye, xs[7], ys[7], 7, self, offset[7][a]);
    // A sorting network: 19 comparisons in 6 layers, and fewer do not sort 8 keys (Knuth, TAOCP 3, 5.3.4).
    target_order(&k0, &k2), target_order(&k1, &k3), target_order(&k4, &k6), target_order(&k5, &k7);
    target_order(&k0, &k4), target_order(&k1, &k5), target_order(&k2, &k6), target_order(&k3, &k7);
    target_order(&k0, &k1), target_order(&k2, &k3), target_order(&k4, &k5), target_order(&k6, &k7);
    target_order(&k2, &k4), target_order(&k3, &k5);
    target_order(&k1, &k4), target_order(&k3, &k6);
    target_order(&k1, &k2), target_order(&k3, &k4), target_order(&k5, &k6);
    nearest[0][a] = k0 & (TARGET_MOST - 1);
    nearest[1][a] = k1 & (TARGET_MOST - 1);
    nearest[2][a] = k2 & (TARGET_MOST - 1);
    nearest[3][a] = k3 & (TARGET_MOST - 1);
    nearest[4][a] = k4 & (TARGET_MOST - 1);
    nearest[5][a] = k5 & (TARGET_MOST - 1);
    nearest[6][a] = k6 & (TARGET_MOST - 1);
    nearest[7][a] = k7 & (TARGET_MOST - 1);
  }
  for (int32_t a = 0; a < TARGET_EIGHT; a++) {
    float *out = (float *)(void *)(rows + a * stride);
    for (int32_t i = 0; i < TARGET_EIGHT - among; i++) {  // the agent itself is the last
      __builtin_memcpy(out + 2 * i, offset[nearest[i][a]][a], 2 * sizeof(float));
    }
  }
}

SHOAL_FN void target_observe_all(const TargetParams *params, const void *shared, const TargetState *state, void *rows,
                                 int64_t row_stride, uint8_t *masks, int64_t mask_stride) {
  (void)shared, (void)masks, (void)mask_stride;
  TargetPond pond = target_pond(state, TARGET_EIGHT, TARGET_EIGHT);
  uint8_t *stars = (uint8_t *)rows, *others = stars + 2 * TARGET_EIGHT * sizeof(float);
  uint8_t *own = others + 2 * (TARGET_EIGHT - 1) * sizeof(float);
  target_eight(&pond, pond.star_x, pond.star_y, 0, stars, row_stride);
  target_eight(&pond, pond.x, pond.y, 1, others, row_stride);
  for (int32_t a = 0; a < TARGET_EIGHT; a++) {
    target_self(&pond, a, params->top_speed, (float *)(void *)(own + a * row_stride));
  }
}

// Swim to the nearest star: turn to it, fast where it lies ahead, and slower where the turn would miss it. Below level
// 1, at random in a share 1 - level of the steps.
SHOAL_FN void target_scripted(const TargetParams *params, const void *shared, const TargetState *state, int32_t agent,
                              float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)continuous;
  if (shoal_uniform_of(rng) >= level) {
    discrete[0] = (int32_t)((float)TARGET_TURNS * shoal_uniform_of(shoal_mix(rng)));
    discrete[1] = (int32_t)((float)TARGET_PUSHES * shoal_uniform_of(shoal_mix(rng + 1)));
    return;
  }
  TargetPond pond = target_pond(state, params->agents, params->stars);
  float x = pond.x[agent], y = pond.y[agent], dx = 0.0f, dy = 0.0f, least = 1e9f;
  for (int32_t s = 0; s < params->stars; s++) {
    float to_x = pond.star_x[s] - x, to_y = pond.star_y[s] - y, far = to_x * to_x + to_y * to_y;
    if (far < least) { least = far, dx = to_x, dy = to_y; }
  }
  float distance = shoal_sqrt(least) + 1e-3f;
  float ahead = (dx * pond.cosine[agent] + dy * pond.sine[agent]) / distance;  // cosine of the angle to it
  float right = (dy * pond.cosine[agent] - dx * pond.sine[agent]) / distance;  // sine
  float turn = ahead > 0.0f ? right : right < 0.0f ? -SHOAL_PI : SHOAL_PI;
  // On its circle, of radius speed/turn, it meets points at a distance 2 radius sin(angle).
  float miss = ahead > 0.0f ? shoal_abs(right) : 1.0f;
  float wanted = miss * params->top_speed * 2.0f < distance * params->turn ? params->top_speed
                                                                           : distance * params->turn / (2.0f * miss);
  float push = (wanted - pond.speed[agent]) / (0.5f * params->push);
  discrete[0] = shoal_clampi((int32_t)shoal_floor(turn / (0.25f * params->turn) + 4.5f), 0, TARGET_TURNS - 1);
  discrete[1] = shoal_clampi((int32_t)shoal_floor(shoal_clamp(push, -2.0f, 2.0f) + 2.5f), 0, TARGET_PUSHES - 1);
}

#endif
