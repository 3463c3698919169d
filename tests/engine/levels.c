// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "levels.h"
#define SHOAL_ENV_NAME "levels"
#define SHOAL_ENV_FN(name) levels_##name
#define SHOAL_ENV_TYPE(name) Levels##name
#define SHOAL_ENV_TABLE(name) LEVELS_##name
#include "shoal/env_block.h"
