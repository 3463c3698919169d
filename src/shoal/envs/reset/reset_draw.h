// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// reset as a picture: a lamp that is the cue, who asks about it, what the agent answers, and how often it was right.
#ifndef SHOAL_RESET_DRAW_H
#define SHOAL_RESET_DRAW_H

#include "reset.h"
#include "shoal/canvas.h"

// A lamp around (x, y), `lit` in 0 .. 1.
SHOAL_FN void reset_draw_lamp(ShoalCanvas *canvas, float x, float y, float lit) {
  for (int32_t ray = 0; ray < 12 && lit > 0.0f; ray++) {
    float angle = (float)ray * (SHOAL_PI / 6.0f), across = shoal_cos(angle), down = shoal_sin(angle);
    shoal_draw_line(canvas, x + 50.0f * across, y + 50.0f * down, x + 66.0f * across, y + 66.0f * down, 5.0f,
                    shoal_fade(SHOAL_YELLOW, lit));
  }
  shoal_draw_rounded(canvas, x - 15.0f, y + 26.0f, 30.0f, 34.0f, 6.0f, SHOAL_EDGE);
  shoal_draw_circle(canvas, x, y, 38.0f, shoal_tint(SHOAL_PANEL, SHOAL_YELLOW, lit));
  shoal_draw_ring(canvas, x, y, 38.0f, 4.0f, shoal_tint(SHOAL_EDGE, SHOAL_YELLOW, lit));
}

SHOAL_FN void reset_draw(const ResetParams *params, const void *shared, const ResetState *before, const ResetState *now,
                         float alpha, ShoalCanvas *canvas) {
  const float face_x = 330.0f, face_y = 224.0f;
  float lit = shoal_lerp((float)(before->first && before->cue), (float)(now->first && now->cue), alpha);
  float asked = shoal_lerp((float)(before->asked != 0), (float)(now->asked != 0), alpha);
  int32_t correct = (now->answered == 2) == (now->cue != 0);
  (void)params, (void)shared;

  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "right ", (float)now->right, 0, "");
  shoal_draw_number(canvas, 556.0f, 30.0f, 14.0f, SHOAL_RIGHT, SHOAL_MUTED, "wrong ", (float)now->wrong, 0, "");
  reset_draw_lamp(canvas, 120.0f, 160.0f, lit);
  shoal_draw_text(canvas, 120.0f, 264.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, now->cue ? "was lit" : "was dark");

  float question[6] = {face_x - 8.0f, 146.0f, face_x - 44.0f, 146.0f, face_x - 20.0f, 176.0f};
  shoal_draw_polygon(canvas, question, 3, shoal_fade(SHOAL_PANEL, asked));
  shoal_draw_rounded(canvas, face_x - 110.0f, 74.0f, 150.0f, 76.0f, 18.0f, shoal_fade(SHOAL_PANEL, asked));
  shoal_draw_text(canvas, face_x - 35.0f, 112.0f, 24.0f, SHOAL_CENTRE, shoal_fade(SHOAL_YELLOW, asked), "was it?");

  shoal_draw_circle(canvas, face_x, face_y, 40.0f, SHOAL_SKY);
  shoal_draw_circle(canvas, face_x - 16.0f, face_y - 8.0f, 6.0f, SHOAL_NIGHT);
  shoal_draw_circle(canvas, face_x + 12.0f, face_y - 8.0f, 6.0f, SHOAL_NIGHT);
  if (now->answered) {  // it comes out of the face
    float way = shoal_min(2.0f * alpha, 1.0f), x = face_x + 46.0f + 24.0f * way;
    uint32_t tone = correct ? SHOAL_GREEN : SHOAL_RED;
    shoal_draw_rounded(canvas, x, 192.0f, 112.0f, 64.0f, 16.0f, shoal_fade(tone, way));
    shoal_draw_rounded(canvas, x + 4.0f, 196.0f, 104.0f, 56.0f, 13.0f, shoal_fade(SHOAL_NIGHT, way));
    shoal_draw_text(canvas, x + 56.0f, 224.0f, 28.0f, SHOAL_CENTRE, shoal_fade(SHOAL_TEXT, way),
                    now->answered == 2 ? "yes" : "no");
    shoal_draw_verdict(canvas, x + 138.0f, 224.0f, 28.0f, correct, way);
  }
}

#endif
