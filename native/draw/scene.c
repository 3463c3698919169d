// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// 3-D items.
#include "draw/raster.h"

int64_t shoal_scene_bytes(int32_t width) {
  (void)width;
  return 0;
}

const uint8_t *shoal_raster_scene(ShoalRaster *raster, const uint8_t *items, const uint8_t *end) {
  (void)raster, (void)items;
  return end;
}
