// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// continuous as a picture: the way to the wall, its end under a lens with the gap, and a balance of what went wrong.
#ifndef SHOAL_CONTINUOUS_DRAW_H
#define SHOAL_CONTINUOUS_DRAW_H

#include "continuous.h"
#include "shoal/canvas.h"

SHOAL_FN void continuous_draw(const ContinuousParams *params, const void *shared, const ContinuousState *before,
                              const ContinuousState *now, float alpha, ShoalCanvas *canvas) {
  const float left = 40.0f, wall = 520.0f, y = 106.0f, lens_x = 408.0f, lens_y = 226.0f, reach = 74.0f;
  float place = shoal_lerp(before->head.tick ? before->place : -1.0f, now->head.tick ? now->place : -1.0f, alpha);
  float gap = params->gap, share = now->head.tick ? (float)now->balance / (float)now->head.tick : 0.0f;
  float was = before->head.tick ? (float)before->balance / (float)before->head.tick : 0.0f;
  float scale = 1.2f * reach / shoal_max(4.0f * gap, 1e-6f);  // of the lens, which shows four gaps
  int32_t hit = now->head.tick && now->place >= 1.0f, in = now->place >= 1.0f - gap && !hit && now->head.tick;
  (void)shared;

  shoal_draw_window(canvas, 0.0f, 0.0f, 576.0f, 330.0f, SHOAL_FLOOR);
  shoal_draw_number(canvas, 20.0f, 30.0f, 14.0f, SHOAL_LEFT, SHOAL_TEXT, "step ", (float)now->head.tick, 0, "");
  shoal_draw_number(canvas, 500.0f, 30.0f, 14.0f, SHOAL_RIGHT, SHOAL_MUTED, "at ", now->head.tick ? now->place : -1.0f,
                    3, "");

  // The way, from -1 to the wall at 1, and the gap before it.
  float x = shoal_lerp(left, wall, 0.5f + 0.5f * place), size = 16.0f;
  float nearest = wall - 0.5f * gap * (wall - left);
  shoal_draw_line(canvas, left, y, wall, y, 3.0f, SHOAL_EDGE);
  for (int32_t mark = 0; mark <= 8; mark++) {
    float at = shoal_lerp(left, wall, (float)mark / 8.0f);
    shoal_draw_line(canvas, at, y + 8.0f, at, y + 16.0f, 2.0f, SHOAL_EDGE);
  }
  shoal_draw_rectangle(canvas, nearest, y - 26.0f, wall - nearest, 52.0f, shoal_fade(SHOAL_GREEN, 0.7f));
  shoal_draw_rectangle(canvas, wall, 56.0f, 14.0f, 92.0f, shoal_tint(SHOAL_MUTED, SHOAL_RED, hit ? alpha : 0.0f));
  shoal_draw_circle(canvas, x, y, size, SHOAL_SKY);
  shoal_draw_line(canvas, x, y - 15.0f, x, y + 15.0f, 2.0f, SHOAL_NIGHT);

  // The lens: a strip around the gap, and where in it the agent stands, at an edge if it is not within.
  shoal_draw_line(canvas, wall, 150.0f, lens_x + 0.8f * reach, lens_y - 46.0f, 1.5f, SHOAL_EDGE);
  shoal_draw_rounded(canvas, lens_x - reach - 40.0f, lens_y - 46.0f, 2.0f * reach + 80.0f, 82.0f, 16.0f, SHOAL_PANEL);
  float edge = lens_x + 0.8f * reach, low = lens_x - reach - 20.0f, high = edge;
  float inside = shoal_clamp(edge + (place - 1.0f) * scale, low, high);
  shoal_draw_rectangle(canvas, edge - gap * scale, lens_y - 26.0f, gap * scale, 42.0f, SHOAL_GREEN);
  shoal_draw_rectangle(canvas, edge, lens_y - 36.0f, 14.0f, 62.0f, hit ? SHOAL_RED : SHOAL_MUTED);
  shoal_draw_line(canvas, inside, lens_y - 34.0f, inside, lens_y + 24.0f, 5.0f, SHOAL_SKY);
  shoal_draw_circle(canvas, inside, lens_y - 5.0f, 9.0f, SHOAL_SKY);
  shoal_draw_text(canvas, lens_x + 16.0f, lens_y + 58.0f, 13.0f, SHOAL_CENTRE,
                  in    ? SHOAL_GREEN
                  : hit ? SHOAL_RED
                        : SHOAL_MUTED,
                  in    ? "in the gap"
                  : hit ? "at the wall"
                        : "too short");

  // The balance: steps at the wall on the right, steps short of the gap on the left.
  float tilt = 0.5f * shoal_clamp(shoal_lerp(was, share, alpha), -1.0f, 1.0f);
  float across = 70.0f * shoal_cos(tilt), down = 70.0f * shoal_sin(tilt), middle = 146.0f, beam = 210.0f;
  float stand[6] = {middle, beam, middle - 24.0f, 276.0f, middle + 24.0f, 276.0f};
  shoal_draw_polygon(canvas, stand, 3, SHOAL_PANEL);
  shoal_draw_line(canvas, middle - across, beam - down, middle + across, beam + down, 7.0f, SHOAL_ORANGE);
  shoal_draw_circle(canvas, middle - across, beam - down, 12.0f, SHOAL_ORANGE);
  shoal_draw_circle(canvas, middle + across, beam + down, 12.0f, SHOAL_ORANGE);
  shoal_draw_text(canvas, middle - 70.0f, 298.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "short");
  shoal_draw_text(canvas, middle + 70.0f, 298.0f, 13.0f, SHOAL_CENTRE, SHOAL_MUTED, "wall");
}

#endif
