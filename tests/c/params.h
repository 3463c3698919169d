// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The defaults of an environment's parameter table, written as the Params struct lays them out.
#ifndef SHOAL_TESTS_PARAMS_H
#define SHOAL_TESTS_PARAMS_H

#include <string.h>

#include "shoal/shoal.h"

static void fill_params(const ShoalEnv *env, uint8_t *params) {
  for (int32_t p = 0; p < env->num_params; p++) {
    const ShoalParam *param = &env->params[p];
    uint8_t *place = params + sizeof(ShoalSizes) + 4 * p;
    float real = (float)param->initial;
    int32_t whole = (int32_t)param->initial;
    if (param->type == SHOAL_PARAM_CHOICE) {  // the default's name stands in `unit`, the names in `choices`
      const char *name = param->choices;
      size_t length = strlen(param->unit);
      for (whole = 0; *name; whole++) {
        size_t step = strcspn(name, "|");
        if (step == length && memcmp(name, param->unit, length) == 0) { break; }
        name += step + (name[step] == '|');
      }
    }
    memcpy(place, param->type == SHOAL_PARAM_FLOAT ? (void *)&real : (void *)&whole, 4);
  }
}

#endif
