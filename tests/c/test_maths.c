// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// env.h's maths against the C library in float64, over their stated domains, and its random numbers.
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "shoal/env.h"

// Distance of x from `exact` in units in the last place of a float at `exact`.
static double ulps(float x, double exact) {
  int exponent;
  frexp(exact, &exponent);
  return fabs((double)x - exact) / ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
}

typedef struct {
  const char *name;
  float (*function)(float);
  double (*exact)(double);
  float low, high;
} Case;

static void check_function(const Case *c) {
  double worst = 0.0;
  float at = 0.0f;
  for (int32_t i = 0; i <= 400000; i++) {
    double share = (double)i / 400000.0;
    // half of the points evenly, half towards zero on a logarithmic scale
    float x = i % 2 ? (float)(c->low + share * (c->high - c->low))
                    : (float)(pow(2.0, -40.0 * share) * (i % 4            ? c->high
                                                         : c->low == 0.0f ? c->high
                                                                          : c->low));
    if (x < c->low || x > c->high || x == 0.0f) { continue; }
    double error = ulps(c->function(x), c->exact((double)x));
    if (!(error <= worst)) { worst = error, at = x; }
  }
  CHECK(worst <= 4.0, "%s is %.2f ulp from exact at %a", c->name, worst, (double)at);
}

static void check_special_values(void) {
  CHECK(shoal_exp(0.0f) == 1.0f, "exp(0)=%g", (double)shoal_exp(0.0f));
  CHECK(isnan(shoal_exp(NAN)), "exp(NaN)=%g", (double)shoal_exp(NAN));
  CHECK(isfinite(shoal_exp(INFINITY)), "exp(inf)=%g", (double)shoal_exp(INFINITY));
  CHECK(shoal_log(1.0f) == 0.0f, "log(1)=%g", (double)shoal_log(1.0f));
  CHECK(shoal_sin(0.0f) == 0.0f, "sin(0)=%g", (double)shoal_sin(0.0f));
  CHECK(shoal_cos(0.0f) == 1.0f, "cos(0)=%g", (double)shoal_cos(0.0f));
  CHECK(shoal_tanh(INFINITY) == 1.0f && shoal_tanh(-INFINITY) == -1.0f, "tanh(inf)=%g", (double)shoal_tanh(INFINITY));
}

static void check_random_numbers(void) {
  enum { DRAWS = 200000 };
  ShoalHead head = {.key = 7};
  double sum = 0.0, squares = 0.0;
  int32_t counts[6] = {0};
  for (int32_t i = 0; i < DRAWS; i++) {
    float u = shoal_uniform(&head, -1.0f, 1.0f);
    CHECK(u >= -1.0f && u < 1.0f, "uniform=%g", (double)u);
    sum += (double)u;
    squares += (double)u * (double)u;
    int32_t n = shoal_below(&head, 6);
    CHECK(n >= 0 && n < 6, "below(6)=%d", n);
    counts[n]++;
  }
  CHECK(head.draws == 2 * DRAWS, "draws=%u", head.draws);
  CHECK(fabs(sum / DRAWS) < 0.006, "mean=%g", sum / DRAWS);  // 4.6 standard errors
  CHECK(fabs(squares / DRAWS - 1.0 / 3.0) < 0.004, "variance=%g", squares / DRAWS);
  for (int32_t n = 0; n < 6; n++) { CHECK(abs(counts[n] - DRAWS / 6) < 800, "below(6)=%d: %d times", n, counts[n]); }

  // A number depends on each of key, phase, tick and stream, and on nothing else.
  ShoalHead a = {.key = 1, .tick = 2, .phase = SHOAL_TAG_STEP}, b = a;
  b.draws = 9;
  CHECK(shoal_random_at(&a, 3) == shoal_random_at(&b, 3), "shoal_random_at depends on draws");
  CHECK(shoal_random_at(&a, 3) != shoal_random_at(&a, 4), "shoal_random_at ignores the stream");
  b = a, b.tick = 3;
  CHECK(shoal_random_at(&a, 3) != shoal_random_at(&b, 3), "shoal_random_at ignores the tick");
  b = a, b.phase = SHOAL_TAG_RESET;
  CHECK(shoal_random_at(&a, 3) != shoal_random_at(&b, 3), "shoal_random_at ignores the phase");
  b = a, b.key = 2;
  CHECK(shoal_random_at(&a, 3) != shoal_random_at(&b, 3), "shoal_random_at ignores the key");
}

int main(void) {
  const Case cases[] = {
      {"shoal_exp", shoal_exp, exp, -87.0f, 88.0f},     {"shoal_log", shoal_log, log, 1.17549435e-38f, 3.4e38f},
      {"shoal_sin", shoal_sin, sin, -8192.0f, 8192.0f}, {"shoal_cos", shoal_cos, cos, -8192.0f, 8192.0f},
      {"shoal_tanh", shoal_tanh, tanh, -20.0f, 20.0f},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { check_function(&cases[i]); }
  check_special_values();
  check_random_numbers();
  return CHECK_RESULT;
}
