// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// recall as a picture: a card that shows the bit, the way to the question, and the answer on a card of its own.
#ifndef SHOAL_RECALL_DRAW_H
#define SHOAL_RECALL_DRAW_H

#include "recall.h"
#include "shoal/canvas.h"

// A card around (x, y) that lies face down at `open` = 0 and shows a digit at 1; it turns in between.
SHOAL_FN void recall_draw_card(ShoalCanvas *canvas, float x, float y, float open, float digit, uint32_t edge) {
  float half = 52.0f * shoal_max(shoal_abs(2.0f * open - 1.0f), 0.06f);
  shoal_draw_rounded(canvas, x - half - 4.0f, y - 74.0f, 2.0f * half + 8.0f, 148.0f, 12.0f, edge);
  shoal_draw_rounded(canvas, x - half, y - 70.0f, 2.0f * half, 140.0f, 9.0f, open > 0.5f ? SHOAL_TEXT : SHOAL_PANEL);
  if (open > 0.8f) { shoal_draw_number(canvas, x, y, 70.0f, SHOAL_CENTRE, SHOAL_NIGHT, "", digit, 0, ""); }
  if (open < 0.2f) { shoal_draw_text(canvas, x, y, 60.0f, SHOAL_CENTRE, edge, "?"); }
}

SHOAL_FN void recall_draw(const RecallParams *params, const void *shared, const RecallState *before,
                          const RecallState *now, float alpha, ShoalCanvas *canvas) {
  const float left = 160.0f, right = 416.0f, y = 180.0f;
  float delay = (float)params->delay, to_go = shoal_lerp((float)before->left, (float)now->left, alpha);
  float x = shoal_lerp(right, left, shoal_clamp(to_go / delay, 0.0f, 1.0f));
  float shown = shoal_lerp((float)(before->left == params->delay), (float)(now->left == params->delay), alpha);
  float over = shoal_lerp((float)(before->left < 0), (float)(now->left < 0), alpha);
  int32_t correct = now->answer == now->bit;
  uint32_t question = now->left == 0 ? SHOAL_YELLOW : SHOAL_EDGE;
  (void)shared;

  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  shoal_draw_text(canvas, 90.0f, 284.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "the bit");
  shoal_draw_text(canvas, 486.0f, 284.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "answer");
  shoal_draw_line(canvas, left, y, right, y, 3.0f, SHOAL_EDGE);
  for (int32_t stop = 0; stop <= params->delay && params->delay <= 24; stop++) {
    shoal_draw_circle(canvas, shoal_lerp(left, right, (float)stop / delay), y, 7.0f, SHOAL_EDGE);
  }
  recall_draw_card(canvas, 90.0f, y, shoal_max(shown, over), (float)(now->bit != 0),
                   shown > 0.0f ? SHOAL_YELLOW : SHOAL_EDGE);
  recall_draw_card(canvas, 486.0f, y, over, (float)(now->answer != 0),
                   over > 0.0f ? (correct ? SHOAL_GREEN : SHOAL_RED) : question);
  if (over > 0.5f) { shoal_draw_verdict(canvas, 486.0f, 78.0f, 32.0f, correct, 2.0f * over - 1.0f); }
  shoal_draw_circle(canvas, x, y, 17.0f, SHOAL_SKY);
  shoal_draw_circle(canvas, x - 2.0f, y - 3.0f, 3.0f, SHOAL_NIGHT);
  shoal_draw_circle(canvas, x + 8.0f, y - 3.0f, 3.0f, SHOAL_NIGHT);
}

#endif
