// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
#include "toy.h"
#define SHOAL_ENV_NAME "toy"
#define SHOAL_ENV_FN(name) toy_##name
#define SHOAL_ENV_TYPE(name) Toy##name
#define SHOAL_ENV_TABLE(name) TOY_##name
#include "shoal/env_block.h"
