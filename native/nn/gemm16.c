// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// A block of 32 x 32 outputs lies in four tiles; a step of the inner index loads two tiles of 16 rows x 16 pairs and
// two of 16 pairs x 16 columns and multiplies each by each. Left factors are rounded into the workspace, 32 rows at a
// time; right factors when they are packed. On the machine this was written on, a core does 3,400 GFLOP/s so, and 230
// in 32 bits; its AVX-512 BF16 instruction does 118 and is not used.
#if defined(__AVX512F__) && defined(__linux__) && defined(__x86_64__)
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "nn/gemm16.h"

// Round to nearest even, as the processor's conversion does: a NaN stays one, and subnormals become 0.
static uint32_t bfloat(float x) {
  uint32_t bits = shoal_to_bits(x);
  if (!(x == x)) { return (bits >> 16) | 0x40; }
  if ((bits & 0x7F800000u) == 0) { return (bits >> 16) & 0x8000u; }
  return (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
}

void shoal_pack16(uint32_t *packed, const float *source, int32_t inner, int32_t columns, int64_t step, int64_t next) {
  int32_t pairs = (int32_t)shoal_pairs(inner);
  for (int32_t first = 0; first < columns; first += SHOAL_PANEL) {
    for (int32_t k = 0; k < pairs; k++, packed += SHOAL_PANEL) {
      for (int32_t j = 0; j < SHOAL_PANEL; j++) {
        const float *at = source + 2 * k * step + (first + j) * next;
        int32_t inside = first + j < columns;
        uint32_t low = inside && 2 * k < inner ? bfloat(at[0]) : 0;
        packed[j] = low | (inside && 2 * k + 1 < inner ? bfloat(at[step]) : 0) << 16;
      }
    }
  }
}

#if defined(__AVX512F__) && defined(__linux__) && defined(__x86_64__)
#include <string.h>
#pragma GCC target("amx-tile,amx-bf16,avx512bf16")

enum { BLOCK = 32, TILE = 16 };  // rows and columns of a block; rows of a tile, and its pairs or columns

int32_t shoal_has_bfloat16(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };  // arch_prctl
  return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
         __builtin_cpu_supports("avx512bf16") && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

// Every tile has 16 rows of 64 bytes. Each call configures and releases them: a thread keeps no tile state.
static void configure(void) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } layout = {.palette = 1};
  for (int32_t i = 0; i < 8; i++) {
    layout.row_bytes[i] = 64;
    layout.rows[i] = TILE;
  }
  _tile_loadconfig(&layout);
}

// The outputs of a block, all 32 rows of them. left: 32 rows of pairs, ldl words apart; right: rows of 32 columns, ldr
// words apart. Outputs start from bias where it is given, from themselves (accumulate), or from 0.
static void block(float *y, int64_t ldy, const uint32_t *left, int64_t ldl, const uint32_t *right, int64_t ldr,
                  const float *bias, int32_t pairs, int32_t accumulate) {
  if (bias) {  // a stride of 0 gives every row the same values
    _tile_loadd(0, bias, 0);
    _tile_loadd(1, bias + TILE, 0);
    _tile_loadd(2, bias, 0);
    _tile_loadd(3, bias + TILE, 0);
  } else if (accumulate) {
    _tile_loadd(0, y, 4 * ldy);
    _tile_loadd(1, y + TILE, 4 * ldy);
    _tile_loadd(2, y + TILE * ldy, 4 * ldy);
    _tile_loadd(3, y + TILE * ldy + TILE, 4 * ldy);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int32_t k = 0; k < pairs; k += TILE) {
    _tile_loadd(4, left + k, 4 * ldl);
    _tile_loadd(6, right + k * ldr, 4 * ldr);
    _tile_loadd(7, right + k * ldr + TILE, 4 * ldr);
    _tile_loadd(5, left + TILE * ldl + k, 4 * ldl);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, y, 4 * ldy);
  _tile_stored(1, y + TILE, 4 * ldy);
  _tile_stored(2, y + TILE * ldy, 4 * ldy);
  _tile_stored(3, y + TILE * ldy + TILE, 4 * ldy);
}

// The same for the first `rows` rows of a block, of which the others do not exist.
static void block_of(float *y, int64_t ldy, const uint32_t *left, int64_t ldl, const uint32_t *right, int64_t ldr,
                     const float *bias, int32_t pairs, int32_t accumulate, int32_t rows) {
  if (rows >= BLOCK) {
    block(y, ldy, left, ldl, right, ldr, bias, pairs, accumulate);
    return;
  }
  float whole[BLOCK * BLOCK] __attribute__((aligned(64)));
  for (int32_t i = 0; i < BLOCK; i++) { memcpy(whole + i * BLOCK, y + (i < rows ? i : 0) * ldy, 4 * BLOCK); }
  block(whole, BLOCK, left, ldl, right, ldr, bias, pairs, accumulate);
  for (int32_t i = 0; i < rows; i++) { memcpy(y + i * ldy, whole + i * BLOCK, 4 * BLOCK); }
}

// `words` pairs of neighbours from a row of `count` floats; zeros beyond them.
static void round_row(uint32_t *to, const float *from, int32_t count, int64_t words) {
  for (int32_t k = 0; k < 2 * words; k += 32) {
    int32_t n = count - k;
    __mmask16 low = (__mmask16)(n >= 16 ? 0xFFFF : n > 0 ? (1 << n) - 1 : 0);
    __mmask16 high = (__mmask16)(n >= 32 ? 0xFFFF : n > 16 ? (1 << (n - 16)) - 1 : 0);
    __m512 a = _mm512_maskz_loadu_ps(low, from + k), b = _mm512_maskz_loadu_ps(high, from + k + 16);
    _mm512_storeu_si512(to + k / 2, (__m512i)_mm512_cvtne2ps_pbh(b, a));
  }
}

void shoal_gemm16(float *y, int64_t ldy, const float *x, int64_t ldx, const uint32_t *packed, const float *bias,
                  int32_t rows, int32_t inner, int32_t columns, int32_t accumulate, uint32_t *workspace) {
  int64_t pairs = shoal_pairs(inner);
  configure();
  for (int32_t r = 0; r < rows; r += BLOCK) {
    int32_t count = rows - r < BLOCK ? rows - r : BLOCK;
    for (int32_t i = 0; i < BLOCK; i++) {
      round_row(workspace + i * pairs, x + (r + (i < count ? i : 0)) * ldx, i < count ? inner : 0, pairs);
    }
    for (int32_t c = 0; c < columns; c += SHOAL_PANEL) {
      block_of(y + r * ldy + c, ldy, workspace, pairs, packed + c * pairs, SHOAL_PANEL, bias ? bias + c : 0,
               (int32_t)pairs, accumulate, count);
    }
  }
  _tile_release();
}

// 16 floats of the rows r and r + 1 of a matrix as pairs; zeros for rows beyond the last.
static __m512i round_rows(const float *from, int64_t ld, int32_t r, int32_t rows, __mmask16 mask) {
  __m512 a = r < rows ? _mm512_maskz_loadu_ps(mask, from + r * ld) : _mm512_setzero_ps();
  __m512 b = r + 1 < rows ? _mm512_maskz_loadu_ps(mask, from + (r + 1) * ld) : _mm512_setzero_ps();
  __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
  return _mm512_or_si512(low, _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b)), 16));
}

// v[i] lane j <- v[j] lane i.
static inline void transpose(__m512i *v) {
  __m512i t[16];
  for (int32_t i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int32_t i = 0; i < 16; i += 4) {  // v[i + j]: column 4 q + j of rows i .. i + 3 in quarter q
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int32_t j = 0; j < 4; j++) {
    __m512i a = _mm512_shuffle_i32x4(v[j], v[4 + j], 0x88), b = _mm512_shuffle_i32x4(v[j], v[4 + j], 0xDD);
    __m512i c = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0x88), d = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0xDD);
    t[j] = _mm512_shuffle_i32x4(a, c, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(a, c, 0xDD);
    t[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(b, d, 0xDD);
  }
  memcpy(v, t, sizeof t);
}

static __mmask16 lanes(int32_t count) { return (__mmask16)(count >= 16 ? 0xFFFF : count > 0 ? (1 << count) - 1 : 0); }

void shoal_gemm16_outer(float *w, int64_t ldw, const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows,
                        int32_t outputs, int32_t inputs, uint32_t *workspace) {
  int64_t pairs = shoal_pairs(rows), ldr = shoal_padded(inputs);
  uint32_t *left = workspace, *right = workspace + shoal_padded(outputs) * pairs;  // (outputs, pairs), (pairs, inputs)
  for (int32_t k = 0; k < pairs; k += TILE) {
    for (int32_t o = 0; o < shoal_padded(outputs); o += TILE) {
      __m512i words[TILE];
      for (int32_t i = 0; i < TILE; i++) { words[i] = round_rows(dy + o, ldy, 2 * (k + i), rows, lanes(outputs - o)); }
      transpose(words);
      for (int32_t i = 0; i < TILE; i++) { _mm512_storeu_si512(left + (o + i) * pairs + k, words[i]); }
    }
    for (int32_t i = 0; i < TILE; i++) {
      for (int32_t c = 0; c < ldr; c += TILE) {
        _mm512_storeu_si512(right + (k + i) * ldr + c, round_rows(x + c, ldx, 2 * (k + i), rows, lanes(inputs - c)));
      }
    }
  }
  configure();
  for (int32_t o = 0; o < outputs; o += BLOCK) {
    for (int32_t c = 0; c < inputs; c += SHOAL_PANEL) {
      block_of(w + o * ldw + c, ldw, left + o * pairs, pairs, right + c, ldr, 0, (int32_t)pairs, 1, outputs - o);
    }
  }
  _tile_release();
}

enum { ONE = 0x3F80 };  // 1 in 16 bits

void shoal_hot16(float *y, int64_t ldy, const uint32_t *packed, const int32_t *index, int64_t ldi, int32_t rows,
                 int32_t count, int32_t hot, int32_t columns, uint32_t *workspace) {
  int64_t pairs = shoal_pairs(hot);
  uint16_t *ones = (uint16_t *)workspace;  // (BLOCK, 2 * pairs)
  configure();
  for (int32_t r = 0; r < rows; r += BLOCK) {
    int32_t many = rows - r < BLOCK ? rows - r : BLOCK;
    memset(workspace, 0, 4 * BLOCK * (size_t)pairs);
    for (int32_t i = 0; i < many; i++) {
      for (int32_t k = 0; k < count; k++) { ones[i * 2 * pairs + index[(r + i) * ldi + k]] = ONE; }
    }
    for (int32_t c = 0; c < columns; c += SHOAL_PANEL) {
      block_of(y + r * ldy + c, ldy, workspace, pairs, packed + c * pairs, SHOAL_PANEL, 0, (int32_t)pairs, 1, many);
    }
  }
  _tile_release();
}

void shoal_hot16_outer(float *table, const float *dy, int64_t ldy, const int32_t *index, int64_t ldi, int32_t rows,
                       int32_t count, int32_t hot, int32_t columns, uint32_t *workspace) {
  int64_t wide = shoal_padded(columns);
  for (int32_t r = 0; r < rows; r += SHOAL_GEMM16_ROWS) {
    int32_t many = rows - r < SHOAL_GEMM16_ROWS ? rows - r : SHOAL_GEMM16_ROWS;
    int64_t pairs = shoal_pairs(many);
    uint16_t *ones = (uint16_t *)workspace;                   // (padded hot, 2 * pairs)
    uint32_t *right = workspace + shoal_padded(hot) * pairs;  // (pairs, wide)
    memset(workspace, 0, 4 * (size_t)(shoal_padded(hot) * pairs));
    for (int32_t i = 0; i < many; i++) {
      for (int32_t k = 0; k < count; k++) { ones[index[(r + i) * ldi + k] * 2 * pairs + i] = ONE; }
    }
    for (int32_t p = 0; p < pairs; p++) {
      for (int32_t c = 0; c < wide; c += TILE) {
        __m512i words = round_rows(dy + r * ldy + c, ldy, 2 * p, many, lanes(columns - c));
        _mm512_storeu_si512(right + p * wide + c, words);
      }
    }
    configure();
    for (int32_t o = 0; o < hot; o += BLOCK) {
      for (int32_t c = 0; c < columns; c += SHOAL_PANEL) {
        block_of(table + o * wide + c, wide, workspace + o * pairs, pairs, right + c, wide, 0, (int32_t)pairs, 1,
                 hot - o);
      }
    }
    _tile_release();
  }
}

#else

int32_t shoal_has_bfloat16(void) { return 0; }

// Never called: a policy that asks for 16-bit products is refused where shoal_has_bfloat16 says no.
void shoal_gemm16(float *y, int64_t ldy, const float *x, int64_t ldx, const uint32_t *packed, const float *bias,
                  int32_t rows, int32_t inner, int32_t columns, int32_t accumulate, uint32_t *workspace) {
  (void)y, (void)ldy, (void)x, (void)ldx, (void)packed, (void)bias, (void)rows, (void)inner, (void)columns;
  (void)accumulate, (void)workspace;
}
void shoal_gemm16_outer(float *w, int64_t ldw, const float *dy, int64_t ldy, const float *x, int64_t ldx, int32_t rows,
                        int32_t outputs, int32_t inputs, uint32_t *workspace) {
  (void)w, (void)ldw, (void)dy, (void)ldy, (void)x, (void)ldx, (void)rows, (void)outputs, (void)inputs;
  (void)workspace;
}
void shoal_hot16(float *y, int64_t ldy, const uint32_t *packed, const int32_t *index, int64_t ldi, int32_t rows,
                 int32_t count, int32_t hot, int32_t columns, uint32_t *workspace) {
  (void)y, (void)ldy, (void)packed, (void)index, (void)ldi, (void)rows, (void)count, (void)hot, (void)columns;
  (void)workspace;
}
void shoal_hot16_outer(float *table, const float *dy, int64_t ldy, const int32_t *index, int64_t ldi, int32_t rows,
                       int32_t count, int32_t hot, int32_t columns, uint32_t *workspace) {
  (void)table, (void)dy, (void)ldy, (void)index, (void)ldi, (void)rows, (void)count, (void)hot, (void)columns;
  (void)workspace;
}
#endif
