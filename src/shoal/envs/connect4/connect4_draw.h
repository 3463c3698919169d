// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// connect4 as a picture: the board in units of a cell, y down, stones that fall behind it, the four that win in a row.
#ifndef SHOAL_CONNECT4_DRAW_H
#define SHOAL_CONNECT4_DRAW_H

#include "connect4.h"
#include "shoal/canvas.h"

#define CONNECT4_HOLE 0.41f  // radius
#define CONNECT4_WOOD 0x1D4E89FFu

SHOAL_FN float connect4_draw_x(int32_t bit) { return (float)(bit / 7) + 0.5f; }
SHOAL_FN float connect4_draw_y(int32_t bit) { return (float)(CONNECT4_ROWS - 1 - bit % 7) + 0.5f; }

SHOAL_FN void connect4_draw_stone(ShoalCanvas *canvas, float x, float y, uint32_t colour) {
  shoal_draw_circle(canvas, x, y, CONNECT4_HOLE + 0.02f, colour);
  shoal_draw_ring(canvas, x, y, 0.29f, 0.05f, shoal_fade(SHOAL_NIGHT, 0.25f));
}

// The wood around one hole: the two halves of a square without a circle.
SHOAL_FN void connect4_draw_wood(ShoalCanvas *canvas, float x, float y) {
  for (int32_t side = -1; side <= 1; side += 2) {
    float path[2 * 21];
    for (int32_t i = 0; i <= 16; i++) {  // along the hole, from above to below
      float angle = SHOAL_PI * ((float)i / 16.0f - 0.5f);
      path[2 * i] = x + (float)side * CONNECT4_HOLE * shoal_cos(angle);
      path[2 * i + 1] = y + CONNECT4_HOLE * shoal_sin(angle);
    }
    for (int32_t i = 0; i < 4; i++) {  // and back around the outside; 0.505: no seam shows between neighbours
      path[34 + 2 * i] = x + (float)side * (i == 1 || i == 2 ? 0.505f : 0.0f);
      path[35 + 2 * i] = y + (i < 2 ? 0.505f : -0.505f);
    }
    shoal_draw_polygon(canvas, path, 21, CONNECT4_WOOD);
  }
}

// The cells of every four in a row.
SHOAL_FN uint64_t connect4_draw_fours(uint64_t stones) {
  SHOAL_TABLE int32_t shifts[4] = {1, 6, 7, 8};
  uint64_t cells = 0;
  for (int32_t i = 0; i < 4; i++) {
    int32_t k = shifts[i];
    uint64_t start = stones & stones >> k & stones >> 2 * k & stones >> 3 * k;
    cells |= start | start << k | start << 2 * k | start << 3 * k;
  }
  return cells;
}

// Who plays a side, over its end of the board; a side that is to move stands out.
SHOAL_FN void connect4_draw_player(const Connect4Params *params, const Connect4State *now, int32_t side, int32_t won,
                                   ShoalCanvas *canvas) {
  SHOAL_TABLE uint32_t colours[2] = {SHOAL_YELLOW, SHOAL_RED};
  int32_t agent = (now->first & 1) ^ side, turn = (now->plies & 1) == side;
  float x = side ? 6.65f : 0.35f, inside = side ? 6.3f : 0.7f;
  int32_t align = side ? SHOAL_RIGHT : SHOAL_LEFT;
  uint32_t ink = won || turn ? SHOAL_TEXT : SHOAL_MUTED;
  shoal_draw_circle(canvas, x, -0.75f, 0.2f, colours[side]);
  if (won) {
    shoal_draw_text(canvas, inside, -0.75f, 0.26f, align, ink, agent && !params->self_play ? "script wins" : "wins");
  } else if (agent && !params->self_play) {
    shoal_draw_number(canvas, inside, -0.75f, 0.26f, align, ink, "script, depth ", (float)params->depth, 0, "");
  } else {
    shoal_draw_text(canvas, inside, -0.75f, 0.26f, align, ink,
                    !params->self_play ? "agent"
                    : agent            ? "agent 1"
                                       : "agent 0");
  }
}

SHOAL_FN void connect4_draw(const Connect4Params *params, const void *shared, const Connect4State *before,
                            const Connect4State *now, float alpha, ShoalCanvas *canvas) {
  SHOAL_TABLE uint32_t colours[2] = {SHOAL_YELLOW, SHOAL_RED};
  (void)shared;
  uint64_t fresh[2] = {now->stones[0] & ~before->stones[0], now->stones[1] & ~before->stones[1]};
  int32_t second = (~before->plies) & 1, both = fresh[0] && fresh[1];
  shoal_draw_window(canvas, -0.45f, -1.45f, 7.45f, 6.45f, SHOAL_NIGHT);
  shoal_draw_rounded(canvas, -0.18f, -0.18f, 7.36f, 6.36f, 0.3f, CONNECT4_WOOD);
  for (int32_t bit = 0; bit < 49; bit++) {
    if (bit % 7 == 6) { continue; }
    float x = connect4_draw_x(bit), y = connect4_draw_y(bit);
    shoal_draw_circle(canvas, x, y, CONNECT4_HOLE, SHOAL_FLOOR);
    for (int32_t side = 0; side < 2; side++) {
      if ((now->stones[side] & ~fresh[side]) >> bit & 1u) { connect4_draw_stone(canvas, x, y, colours[side]); }
    }
  }

  for (int32_t turn = 0; turn < 2; turn++) {  // of two stones in one step the second falls when the first lies
    int32_t side = turn ? second : 1 - second;
    float t = both ? shoal_clamp(2.0f * alpha - (float)turn, 0.0f, 1.0f) : alpha;
    t = shoal_clamp(1.25f * t, 0.0f, 1.0f);
    for (int32_t bit = 0; bit < 49; bit++) {
      if (!(fresh[side] >> bit & 1u) || bit % 7 == 6 || t <= 0.0f) { continue; }
      float x = connect4_draw_x(bit), y = shoal_lerp(-0.7f, connect4_draw_y(bit), t * t);
      connect4_draw_stone(canvas, x, y, colours[side]);
      for (int32_t row = 0; row < CONNECT4_ROWS && t < 1.0f; row++) {
        connect4_draw_wood(canvas, x, (float)row + 0.5f);
      }
    }
  }
  int32_t won[2] = {0, 0};
  for (int32_t side = 0; side < 2; side++) {
    uint64_t four = connect4_draw_fours(now->stones[side]);
    won[side] = four != 0 && alpha >= 0.9f;
    for (int32_t bit = 0; bit < 49 && won[side]; bit++) {
      if (four >> bit & 1u) {
        shoal_draw_ring(canvas, connect4_draw_x(bit), connect4_draw_y(bit), 0.34f, 0.12f, SHOAL_TEXT);
      }
    }
  }
  for (int32_t side = 0; side < 2; side++) { connect4_draw_player(params, now, side, won[side], canvas); }
}

#endif
