// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// crowd as a picture: a seat for each agent, who comes, shows its bit, answers and leaves; an empty seat fills its ring
// until the return.
#ifndef SHOAL_CROWD_DRAW_H
#define SHOAL_CROWD_DRAW_H

#include "crowd.h"
#include "shoal/canvas.h"

// Whoever sits around (x, y), within `size`: the bit while it is shown (`told`), then the last answer and its verdict.
SHOAL_FN void crowd_draw_agent(ShoalCanvas *canvas, float x, float y, float size, int32_t bit, int32_t answer,
                               float told) {
  int32_t right = (answer == 2) == (bit != 0);
  uint32_t rim = answer == 0 ? SHOAL_SKY : right ? SHOAL_GREEN : SHOAL_RED;
  shoal_draw_circle(canvas, x, y, size, rim);
  shoal_draw_circle(canvas, x, y, 0.84f * size, shoal_tint(SHOAL_SKY, SHOAL_YELLOW, told));
  shoal_draw_text(canvas, x, y, 0.9f * size, SHOAL_CENTRE, SHOAL_NIGHT, (told > 0.5f ? bit : answer == 2) ? "1" : "0");
  if (answer) {
    shoal_draw_circle(canvas, x + 0.8f * size, y - 0.7f * size, 0.42f * size, SHOAL_NIGHT);
    shoal_draw_verdict(canvas, x + 0.8f * size, y - 0.7f * size, 0.5f * size, right, 1.0f);
  }
}

SHOAL_FN void crowd_draw(const CrowdParams *params, const void *shared, const CrowdState *before, const CrowdState *now,
                         float alpha, ShoalCanvas *canvas) {
  int32_t agents = params->size.agents, columns = 1, present = 0;
  while (columns * columns < 2 * agents) { columns++; }  // twice as wide as high
  int32_t rows = (agents + columns - 1) / columns;
  float pitch = shoal_min(540.0f / (float)columns, 260.0f / (float)rows), size = 0.34f * pitch;
  (void)shared;
  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  for (int32_t a = 0; a < agents; a++) {
    float x = 288.0f + pitch * ((float)(a % columns) - 0.5f * (float)(columns - 1));
    float y = 188.0f + pitch * ((float)(a / columns) - 0.5f * (float)(rows - 1));
    float here = shoal_lerp((float)(before->away[a] == 0), (float)(now->away[a] == 0), alpha);
    float wait = shoal_lerp((float)before->away[a], (float)now->away[a], alpha);
    float left = shoal_clamp(wait / shoal_max(2.0f * (float)params->away - 1.0f, 1.0f), 0.0f, 1.0f);
    present += now->away[a] == 0;
    shoal_draw_ring(canvas, x, y, size, 0.08f * size, SHOAL_PANEL);
    if (now->away[a]) {
      shoal_draw_arc(canvas, x, y, size, 0.16f * size, -0.5f * SHOAL_PI, SHOAL_PI * (1.5f - 2.0f * left), SHOAL_EDGE);
    }
    if (here > 0.0f) {
      float told = shoal_lerp((float)(before->age[a] == 0), (float)(now->age[a] == 0), alpha);
      crowd_draw_agent(canvas, x, y, size * here, now->bit[a], now->answer[a], told);
    }
  }
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  shoal_draw_number(canvas, 556.0f, 30.0f, 14.0f, SHOAL_RIGHT, SHOAL_MUTED, "present ", (float)present, 0, "");
}

#endif
