// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// mixed as a picture: cards come from the right, each a wish; the one that was last wanted lies beside what the agent
// made of it, and below, each dial's needle with the side that was wanted.
#ifndef SHOAL_MIXED_DRAW_H
#define SHOAL_MIXED_DRAW_H

#include "mixed.h"
#include "shoal/canvas.h"

SHOAL_FN void mixed_draw_shape(ShoalCanvas *canvas, float x, float y, float size, const MixedWish *wish,
                               float opacity) {
  SHOAL_TABLE uint32_t hues[MIXED_COLOURS] = {SHOAL_RED, SHOAL_GREEN, SHOAL_BLUE, SHOAL_YELLOW};
  uint32_t colour = shoal_fade(hues[(uint32_t)wish->colour % MIXED_COLOURS], opacity);
  float corners[6] = {x, y - 1.1f * size, x + 1.15f * size, y + 0.85f * size, x - 1.15f * size, y + 0.85f * size};
  if (wish->shape == 0) { shoal_draw_circle(canvas, x, y, size, colour); }
  if (wish->shape == 1) {
    shoal_draw_rectangle(canvas, x - 0.9f * size, y - 0.9f * size, 1.8f * size, 1.8f * size, colour);
  }
  if (wish->shape == 2) { shoal_draw_polygon(canvas, corners, 3, colour); }
}

SHOAL_FN void mixed_draw_card(ShoalCanvas *canvas, float x, float y, float size, const MixedWish *wish, float opacity) {
  if (opacity <= 0.0f) { return; }
  shoal_draw_rounded(canvas, x - size, y - size, 2.0f * size, 2.0f * size, 0.2f * size,
                     shoal_fade(SHOAL_PANEL, opacity));
  mixed_draw_shape(canvas, x, y, 0.5f * size, wish, opacity);
}

// A dial: half a ring whose wanted half is lit, and a needle from -1, left, to 1, right.
SHOAL_FN void mixed_draw_dial(ShoalCanvas *canvas, float x, float y, float size, float side, float lit, float value) {
  float angle = SHOAL_PI * (1.5f + 0.47f * shoal_clamp(value, -1.0f, 1.0f));  // y runs down: 1.5 pi points up
  float from = SHOAL_PI * (side < 0.0f ? 1.0f : 1.5f);
  shoal_draw_arc(canvas, x, y, size, 0.22f * size, SHOAL_PI, 2.0f * SHOAL_PI, SHOAL_PANEL);
  shoal_draw_arc(canvas, x, y, size, 0.22f * size, from, from + 0.5f * SHOAL_PI, shoal_fade(SHOAL_YELLOW, lit));
  shoal_draw_line(canvas, x, y, x + 0.95f * size * shoal_cos(angle), y + 0.95f * size * shoal_sin(angle), 0.14f * size,
                  SHOAL_SKY);
  shoal_draw_circle(canvas, x, y, 0.16f * size, SHOAL_SKY);
}

SHOAL_FN void mixed_draw(const MixedParams *params, const void *shared, const MixedState *before, const MixedState *now,
                         float alpha, ShoalCanvas *canvas) {
  const float next_x = 496.0f, wanted_x = 300.0f, done_x = 110.0f, y = 140.0f;
  float way = shoal_min(1.7f * alpha, 1.0f), move = way * way * (3.0f - 2.0f * way),
        late = shoal_clamp(3.0f * alpha - 2.0f, 0.0f, 1.0f);
  int32_t begun = now->head.tick > 0, dials = params->dials;
  (void)shared;

  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  shoal_draw_text(canvas, done_x, 232.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "made");
  shoal_draw_text(canvas, wanted_x, 232.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "wanted");
  shoal_draw_text(canvas, next_x, 232.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "next");
  mixed_draw_card(canvas, next_x, y, 46.0f, &now->wish, begun ? late : 1.0f);
  if (begun) {
    if (before->head.tick) { mixed_draw_card(canvas, wanted_x, y, 66.0f, &before->last, 1.0f - 2.0f * alpha); }
    mixed_draw_card(canvas, shoal_lerp(next_x, wanted_x, move), y, shoal_lerp(46.0f, 66.0f, move), &now->last, 1.0f);
    mixed_draw_card(canvas, done_x, y, 66.0f, &now->done, late);
    if (before->head.tick) { mixed_draw_card(canvas, done_x, y, 66.0f, &before->done, 1.0f - 2.0f * alpha); }
    int32_t right = mixed_right(params, &now->last, now->done.shape, now->done.colour, now->done.side);
    shoal_draw_verdict(canvas, 0.5f * (done_x + wanted_x), y, 34.0f, right, late);
  }
  for (int32_t i = 0; i < dials; i++) {  // the sides that are wanted next
    float x = next_x + shoal_min(84.0f / (float)dials, 22.0f) * ((float)i - 0.5f * (float)(dials - 1));
    float size = shoal_min(30.0f / (float)dials, 7.0f) * (now->wish.side[i] < 0.0f ? -1.0f : 1.0f);
    float arrow[6] = {x - size, y + 58.0f - size, x - size, y + 58.0f + size, x + size, y + 58.0f};
    shoal_draw_polygon(canvas, arrow, 3, shoal_fade(SHOAL_YELLOW, begun ? late : 1.0f));
  }
  for (int32_t i = 0; i < dials; i++) {
    float x = 288.0f + shoal_min(520.0f / (float)dials, 110.0f) * ((float)i - 0.5f * (float)(dials - 1));
    float value = shoal_lerp(before->done.side[i], now->done.side[i], move);
    mixed_draw_dial(canvas, x, 304.0f, shoal_min(220.0f / (float)dials, 42.0f), now->last.side[i], begun ? move : 0.0f,
                    value);
  }
}

#endif
