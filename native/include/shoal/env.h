// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The environment contract: the only header that an environment includes.
//
// An environment is three plain-old-data structs (Params tuned, State changing, Shared read-only), three tables
// (parameters, metrics, observation fields) and a handful of pure functions. Everything else (cleaning actions, time
// limits, final observations, metrics, resets) is done once, by the engine, in env_episode.h and env_step.h.
//
//   #define GAME_PARAMS(F, I, B, C)
//     F(gravity, 9.81f, 0, 50, "m/s2", VALUE, "pull downwards")   // float: default, low, high
//     I(agents, 8, 1, 1024, "", SIZE, "agents in a world")        // int32: default, low, high
//     B(wind, 0, VALUE, "gusts on")                               // switch: default
//     C(task, "hover", "hover|orbit", VALUE, "what to fly")       // choice: default, names
//   #define GAME_METRICS(M) M(perf, "0..1: ...") M(score, "points")
//   SHOAL_PARAMS_STRUCT(Game, GAME_PARAMS)        // GameParams:  ShoalSizes size, then one 4-byte field per row
//   SHOAL_METRICS_STRUCT(Game, GAME_METRICS)      // GameMetrics: one float per row
//   typedef struct { ShoalHead head; ... } GameState;
//
//   SHOAL_HOST const char *game_spec(const GameParams *params, ShoalSpec *out);
//   SHOAL_FN void game_reset(const GameParams *, const void *shared, GameState *);
//   SHOAL_FN void game_step(const GameParams *, const void *shared, GameState *, const int32_t *discrete,
//                           const float *continuous, const ShoalResult *result);
//   SHOAL_FN void game_observe(const GameParams *, const void *shared, const GameState *, int32_t agent, void *row,
//                              uint8_t *mask);
//
// Optional functions are announced by a macro before the end of the header:
//   #define SHOAL_ENV_AGENTS 1      // the number of agents, when it is a constant: the loops over agents unroll
//   #define SHOAL_HAS_SHARED        // game_shared_bytes(params) and game_shared(params, seed, GameShared *)
//   #define SHOAL_HAS_RESPAWN       // game_respawn(params, shared, GameState *, agent)
//   #define SHOAL_HAS_LIVE          // game_live(params, const GameState *, agent) -> 0 or 1
//   #define SHOAL_HAS_SCRIPTED      // game_scripted(params, shared, const GameState *, agent, level, rng, discrete,
//                                   //               continuous)
// Optional hints, which change no number: SHOAL_ENV_USUAL(params), SHOAL_ENV_LANES (env_step.h),
// SHOAL_ENV_OBSERVE_ALL(params) (env_episode.h).
//
// Compiles as C11, C++17 and CUDA device code, with no standard header. Environments are compiled with
// -ffp-contract=off, so a trajectory has the same bits on every machine.
#ifndef SHOAL_ENV_H
#define SHOAL_ENV_H

#define SHOAL_ABI 2

// ---------------------------------------------------------------------------------------------------- types

typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;

#if defined(__CUDACC__)
#define SHOAL_FN static inline __host__ __device__
#define SHOAL_HOST static inline
#define SHOAL_TABLE static __constant__ const
#else
#define SHOAL_FN static inline __attribute__((unused))
#define SHOAL_HOST static inline __attribute__((unused))
#define SHOAL_TABLE static const
#endif

// Names of the engine's own functions about an environment: none that its author would give to a helper.
#define SHOAL_LOOP(name) SHOAL_ENV_FN(loop_##name)

// Per-agent loops of a crowded world: lanes on a GPU, a plain loop that vectorises on a CPU. The body writes only its
// own element and reads nothing that the loop writes.
#define SHOAL_EACH(i, n) for (int32_t i = 0; i < (n); i++)
#define SHOAL_ONCE

// The head of every State, kept by the engine.
typedef struct {
  uint64_t key;      // hash of (seed, environment index, episode)
  uint32_t episode;  // episodes finished before this one
  uint32_t tick;     // steps since the reset; 1 during the first step
  uint32_t draws;    // sequential random numbers drawn since the reset
  uint32_t phase;    // SHOAL_TAG_RESET, SHOAL_TAG_STEP or SHOAL_TAG_RESPAWN
} ShoalHead;

// The head of every Params: sizes that spec computed, for code that needs them at run time.
typedef struct {
  int32_t agents;
  int32_t offset[7];  // bytes from the start of State (or Shared) to arrays of run-time length; spec names them
} ShoalSizes;

// What step writes. reward, ended and over are zero on entry; metrics persist over an agent's life.
typedef struct {
  float *reward;   // (agents,)
  uint8_t *ended;  // (agents,): SHOAL_TERMINATED | SHOAL_TRUNCATED
  uint8_t *over;   // the world's episode ends
  void *metrics;   // (agents,) of the environment's Metrics struct
} ShoalResult;

enum { SHOAL_TERMINATED = 1, SHOAL_TRUNCATED = 2 };

// ---------------------------------------------------------------------------------------------------- tables

enum { SHOAL_PARAM_FLOAT = 0, SHOAL_PARAM_INT = 1, SHOAL_PARAM_SWITCH = 2, SHOAL_PARAM_CHOICE = 3 };
enum { SHOAL_ROLE_SIZE = 0, SHOAL_ROLE_VALUE = 1 };
enum { SHOAL_KIND_VECTOR = 0, SHOAL_KIND_GRID, SHOAL_KIND_CATEGORY, SHOAL_KIND_FLAG, SHOAL_KIND_SET, SHOAL_KIND_IMAGE };
enum { SHOAL_U8 = 0, SHOAL_I8, SHOAL_I16, SHOAL_F32 };

// One row of a parameter table.
typedef struct {
  const char *name, *unit, *doc, *choices;
  double initial, low, high;  // a choice: its index; a switch: 0 or 1
  int32_t type, role;
} ShoalParam;

typedef struct {
  const char *name, *doc;
} ShoalMetric;

// One named field of the observation row: rows x columns x channels elements of dtype, in that order. Its length in
// bytes is rows * columns * channels * size of dtype; it starts at offset, aligned to its dtype.
typedef struct {
  const char *name, *doc;
  float low, high;  // bounds of every element
  int32_t kind, dtype, rows, columns, channels;
  int32_t categories;   // grid and category: values are 0 .. categories - 1
  int32_t offset;       // bytes
  int32_t count_field;  // set: index of the i16 field with the number of valid entities, else -1
} ShoalField;

typedef struct {
  const char *name, *labels;  // labels: "stay|left|right"
  int32_t size, masked;
} ShoalDiscrete;

typedef struct {
  const char *name;
  float low, high;
} ShoalContinuous;

enum { SHOAL_MAX_FIELDS = 32, SHOAL_MAX_HEADS = 16, SHOAL_MAX_DIMS = 32, SHOAL_MAX_AGENTS = 1024 };

// What spec fills; zero on entry.
typedef struct {
  int32_t version;    // rises when returns could change
  int32_t agents;     // capacity of a world
  int32_t max_steps;  // default time limit, > 0
  int32_t num_fields, num_heads, num_dims;
  int32_t row_bytes, mask_bytes;  // kept by shoal_field and shoal_discrete; row_bytes is rounded up by the engine
  int64_t state_bytes, shared_bytes;
  int32_t offset[7];  // copied to ShoalSizes
  ShoalField fields[SHOAL_MAX_FIELDS];
  ShoalDiscrete heads[SHOAL_MAX_HEADS];
  ShoalContinuous dims[SHOAL_MAX_DIMS];
  int16_t team_of[SHOAL_MAX_AGENTS];
} ShoalSpec;

#define SHOAL_STRUCT_F(name, ...) float name;
#define SHOAL_STRUCT_I(name, ...) int32_t name;
#define SHOAL_STRUCT_M(name, doc) float name;
#define SHOAL_PARAMS_STRUCT(Type, TABLE)                                  \
  typedef struct {                                                        \
    ShoalSizes size;                                                      \
    TABLE(SHOAL_STRUCT_F, SHOAL_STRUCT_I, SHOAL_STRUCT_I, SHOAL_STRUCT_I) \
  } Type##Params;
#define SHOAL_METRICS_STRUCT(Type, TABLE) \
  typedef struct {                        \
    TABLE(SHOAL_STRUCT_M)                 \
  } Type##Metrics;

SHOAL_HOST int32_t shoal_dtype_bytes(int32_t dtype) { return dtype == SHOAL_F32 ? 4 : dtype == SHOAL_I16 ? 2 : 1; }

// Append a field to the observation row; returns its index. categories matters for grid and category alone.
SHOAL_HOST int32_t shoal_field(ShoalSpec *out, const char *name, int32_t kind, int32_t dtype, int32_t rows,
                               int32_t columns, int32_t channels, int32_t categories, float low, float high,
                               const char *doc) {
  int32_t bytes = shoal_dtype_bytes(dtype);
  ShoalField *field = &out->fields[out->num_fields];
  field->name = name;
  field->doc = doc;
  field->kind = kind;
  field->dtype = dtype;
  field->rows = rows;
  field->columns = columns;
  field->channels = channels;
  field->categories = categories;
  field->low = low;
  field->high = high;
  field->offset = (out->row_bytes + bytes - 1) / bytes * bytes;
  field->count_field = -1;
  out->row_bytes = field->offset + rows * columns * channels * bytes;
  return out->num_fields++;
}

// Append a discrete head of `size` actions; a masked one has `size` bytes in the mask row.
SHOAL_HOST void shoal_discrete(ShoalSpec *out, const char *name, int32_t size, int32_t masked, const char *labels) {
  ShoalDiscrete *head = &out->heads[out->num_heads++];
  head->name = name;
  head->labels = labels;
  head->size = size;
  head->masked = masked;
  out->mask_bytes += masked ? size : 0;
}

// Append a continuous dimension with its bounds.
SHOAL_HOST void shoal_continuous(ShoalSpec *out, const char *name, float low, float high) {
  ShoalContinuous *dim = &out->dims[out->num_dims++];
  dim->name = name;
  dim->low = low;
  dim->high = high;
}

// ---------------------------------------------------------------------------------------------------- random numbers
//
// Counter-based: a number is a hash of where it is used, so it depends on nothing that ran before it. The mixing is
// the finaliser of splitmix64 (Steele, Lea, Flood 2014).

enum {
  SHOAL_TAG_SEQ = 1,
  SHOAL_TAG_RESET,
  SHOAL_TAG_STEP,
  SHOAL_TAG_RESPAWN,
  SHOAL_TAG_CONTEXT,
  SHOAL_TAG_ACTION,
  SHOAL_TAG_BATCH,
  SHOAL_TAG_INIT,
  SHOAL_TAG_EPISODE,
  SHOAL_TAG_STAGGER,
  SHOAL_TAG_SCRIPT
};

SHOAL_FN uint64_t shoal_mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

SHOAL_FN uint64_t shoal_hash(uint64_t key, uint32_t tag, uint64_t a, uint64_t b) {
  uint64_t x = shoal_mix(key + 0x9E3779B97F4A7C15u * tag);
  x = shoal_mix(x + 0xD1B54A32D192ED03u * (a + 1));
  return shoal_mix(x + 0x8CB92BA72F3D8DD7u * (b + 1));
}

// Uniform in [0, 1): the top 24 bits.
SHOAL_FN float shoal_uniform_of(uint64_t hash) { return (float)(uint32_t)(hash >> 40) * 0x1p-24f; }

// 64 random bits for sequential code.
SHOAL_FN uint64_t shoal_random(ShoalHead *head) {
  return shoal_mix(head->key + 0x9E3779B97F4A7C15u * ((uint64_t)SHOAL_TAG_SEQ << 32 | ++head->draws));
}

// 64 random bits for per-entity code: a function of (key, phase, tick, stream).
SHOAL_FN uint64_t shoal_random_at(const ShoalHead *head, uint32_t stream) {
  return shoal_hash(head->key, head->phase, head->tick, stream);
}

// Uniform in [low, high), sequential.
SHOAL_FN float shoal_uniform(ShoalHead *head, float low, float high) {
  return low + (high - low) * shoal_uniform_of(shoal_random(head));
}

// An integer in 0 .. n - 1, sequential (multiply-shift; the bias is below n / 2^32).
SHOAL_FN int32_t shoal_below(ShoalHead *head, int32_t n) {
  return (int32_t)(((shoal_random(head) >> 32) * (uint64_t)(uint32_t)n) >> 32);
}

// ---------------------------------------------------------------------------------------------------- maths
//
// Inline and branch-free, at most 4 ulp from the exact value on the stated domain (tests/native/test_maths.py), the
// same bits everywhere. The learner compiles the same functions with SHOAL_MADD a fused multiply-add. Polynomials:
// Cephes single precision (Moshier).

#ifndef SHOAL_MADD
#define SHOAL_MADD(a, b, c) ((a) * (b) + (c))
#endif

#define SHOAL_PI 3.14159265358979f

SHOAL_FN float shoal_abs(float x) { return __builtin_fabsf(x); }
SHOAL_FN float shoal_min(float a, float b) { return a < b ? a : b; }
SHOAL_FN float shoal_max(float a, float b) { return a > b ? a : b; }
SHOAL_FN float shoal_clamp(float x, float low, float high) { return shoal_min(shoal_max(x, low), high); }
SHOAL_FN int32_t shoal_mini(int32_t a, int32_t b) { return a < b ? a : b; }
SHOAL_FN int32_t shoal_maxi(int32_t a, int32_t b) { return a > b ? a : b; }
SHOAL_FN int32_t shoal_clampi(int32_t x, int32_t low, int32_t high) { return shoal_mini(shoal_maxi(x, low), high); }
SHOAL_FN float shoal_sqrt(float x) { return __builtin_sqrtf(x); }
SHOAL_FN float shoal_floor(float x) { return __builtin_floorf(x); }

SHOAL_FN float shoal_from_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}
SHOAL_FN uint32_t shoal_to_bits(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}

// e^x, x clamped to [-87, 88]; NaN stays NaN.
SHOAL_FN float shoal_exp(float x) {
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  float shifted = SHOAL_MADD(x, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: the sum rounds to an integer
  float n = shifted - 12582912.0f;
  float r = SHOAL_MADD(n, -0.693359375f, x);
  r = SHOAL_MADD(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = SHOAL_MADD(p, r, 1.3981999507e-3f);
  p = SHOAL_MADD(p, r, 8.3334519073e-3f);
  p = SHOAL_MADD(p, r, 4.1665795894e-2f);
  p = SHOAL_MADD(p, r, 1.6666665459e-1f);
  p = SHOAL_MADD(p, r, 5.0000001201e-1f);
  p = SHOAL_MADD(p * r, r, r) + 1.0f;
  return p * shoal_from_bits((shoal_to_bits(shifted) << 23) + 0x3F800000u);
}

// Natural logarithm of a normal x > 0.
SHOAL_FN float shoal_log(float x) {
  uint32_t bits = shoal_to_bits(x) - 0x3F3504F3u;  // sqrt(1/2): the mantissa lands in [sqrt(1/2), sqrt(2))
  float n = (float)((int32_t)bits >> 23);
  float m = shoal_from_bits((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  float z = m * m;
  float p = 7.0376836292e-2f;
  p = SHOAL_MADD(p, m, -1.1514610310e-1f);
  p = SHOAL_MADD(p, m, 1.1676998740e-1f);
  p = SHOAL_MADD(p, m, -1.2420140846e-1f);
  p = SHOAL_MADD(p, m, 1.4249322787e-1f);
  p = SHOAL_MADD(p, m, -1.6668057665e-1f);
  p = SHOAL_MADD(p, m, 2.0000714765e-1f);
  p = SHOAL_MADD(p, m, -2.4999993993e-1f);
  p = SHOAL_MADD(p, m, 3.3333331174e-1f);
  p = p * m * z;
  p = SHOAL_MADD(n, -2.12194440e-4f, p);
  p = SHOAL_MADD(z, -0.5f, p);
  return SHOAL_MADD(n, 0.693359375f, m + p);
}

// Sine (quadrant 0) or cosine (quadrant 1) of x, |x| <= 8192.
SHOAL_FN float shoal_sin_quadrant(float x, uint32_t quadrant) {
  float shifted = SHOAL_MADD(x, 0.636619772f, 12582912.0f);
  float n = shifted - 12582912.0f;
  uint32_t q = shoal_to_bits(shifted) + quadrant;
  float r = SHOAL_MADD(n, -1.5703125f, x);
  r = SHOAL_MADD(n, -4.837512969970703125e-4f, r);
  r = SHOAL_MADD(n, -7.549533620476723e-8f, r);  // pi / 2 in four parts, of which n times three are exact
  r = SHOAL_MADD(n, -2.563344151594519e-12f, r);
  float z = r * r;
  float s = SHOAL_MADD(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = SHOAL_MADD(s, z, -1.6666654611e-1f);
  s = SHOAL_MADD(s * z, r, r);
  float c = SHOAL_MADD(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = SHOAL_MADD(c, z, 4.166664568298827e-2f);
  c = SHOAL_MADD(c * z, z, SHOAL_MADD(z, -0.5f, 1.0f));
  float y = (q & 1u) ? c : s;
  return shoal_from_bits(shoal_to_bits(y) ^ ((q & 2u) << 30));
}
SHOAL_FN float shoal_sin(float x) { return shoal_sin_quadrant(x, 0); }
SHOAL_FN float shoal_cos(float x) { return shoal_sin_quadrant(x, 1); }

// Hyperbolic tangent, any x.
SHOAL_FN float shoal_tanh(float x) {
  float z = x * x;
  float p = -5.70498872745e-3f;
  p = SHOAL_MADD(p, z, 2.06390887954e-2f);
  p = SHOAL_MADD(p, z, -5.37397155531e-2f);
  p = SHOAL_MADD(p, z, 1.33314422036e-1f);
  p = SHOAL_MADD(p, z, -3.33332819422e-1f);
  p = SHOAL_MADD(p * z, x, x);
  float magnitude = 1.0f - 2.0f / (shoal_exp(2.0f * shoal_abs(x)) + 1.0f);
  float big = x < 0.0f ? -magnitude : magnitude;
  return shoal_abs(x) < 0.625f ? p : big;
}

#endif
