// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// maze as a picture: the whole maze in units of a cell, y down, where the agent has been, and a light on what it sees.
#ifndef SHOAL_MAZE_DRAW_H
#define SHOAL_MAZE_DRAW_H

#include "maze.h"
#include "shoal/canvas.h"

// Row or column of a cell in the maze; kept inside, whatever a State holds.
SHOAL_FN float maze_draw_row(const MazeParams *params, const MazeState *state) {
  return (float)shoal_clampi(state->cell / maze_stride(params) - MAZE_REACH, 0, params->side - 1);
}
SHOAL_FN float maze_draw_column(const MazeParams *params, const MazeState *state) {
  return (float)shoal_clampi(state->cell % maze_stride(params) - MAZE_REACH, 0, params->side - 1);
}

// Walls, floor and trail; the part of the trail that is new fades in.
SHOAL_FN void maze_draw_cells(const MazeParams *params, const uint8_t *cells, const MazeState *before,
                              const MazeState *now, float alpha, ShoalCanvas *canvas) {
  uint32_t trail = shoal_tint(SHOAL_NIGHT, SHOAL_BLUE, 0.55f);
  uint32_t colours[4] = {SHOAL_NIGHT, SHOAL_EDGE, trail, shoal_tint(SHOAL_NIGHT, trail, alpha)};
  uint8_t image[MAZE_MOST * MAZE_MOST];
  int32_t side = params->side, stride = maze_stride(params);
  for (int32_t row = 0; row < side; row++) {
    const uint8_t *from = cells + (MAZE_REACH + row) * stride + MAZE_REACH;
    for (int32_t column = 0; column < side; column++) {
      int32_t been = (int32_t)(before->trail[row] >> column & 1), is = (int32_t)(now->trail[row] >> column & 1);
      image[row * side + column] = (uint8_t)(from[column] == MAZE_WALL ? 1 : is ? 3 - been : 0);
    }
  }
  shoal_draw_image(canvas, 0.0f, 0.0f, (float)side, (float)side, image, side, side, colours, 4);
}

// Darken what lies outside the view around the cell at (x, y).
SHOAL_FN void maze_draw_dark(float side, float x, float y, ShoalCanvas *canvas) {
  uint32_t dark = shoal_fade(SHOAL_NIGHT, 0.5f);
  float left = shoal_max(x - MAZE_REACH, 0.0f), right = shoal_min(x + MAZE_REACH + 1.0f, side);
  float top = shoal_max(y - MAZE_REACH, 0.0f), bottom = shoal_min(y + MAZE_REACH + 1.0f, side);
  shoal_draw_rectangle(canvas, 0.0f, 0.0f, side, top, dark);
  shoal_draw_rectangle(canvas, 0.0f, bottom, side, side - bottom, dark);
  shoal_draw_rectangle(canvas, 0.0f, top, left, bottom - top, dark);
  shoal_draw_rectangle(canvas, right, top, side - right, bottom - top, dark);
}

SHOAL_FN void maze_draw(const MazeParams *params, const MazeShared *shared, const MazeState *before,
                        const MazeState *now, float alpha, ShoalCanvas *canvas) {
  const MazeLevel *level = maze_level(params, shared, shoal_clampi(now->level, 0, params->levels - 1));
  float side = (float)params->side, text = 0.026f * side, line = -0.05f * side;
  float x = shoal_lerp(maze_draw_column(params, before), maze_draw_column(params, now), alpha);
  float y = shoal_lerp(maze_draw_row(params, before), maze_draw_row(params, now), alpha);
  float time = shoal_lerp((float)(before->head.tick % 1024u), (float)(now->head.tick % 1024u), alpha);
  float goal_x = 1.5f + 2.0f * (float)level->goal_column;
  float goal_y = 1.5f + 2.0f * (float)level->goal_row, pulse = 0.5f + 0.5f * shoal_sin(0.7f * time);

  shoal_draw_window(canvas, -0.04f * side, -0.1f * side, 1.04f * side, 1.04f * side, SHOAL_FLOOR);
  shoal_draw_number(canvas, 0.0f, line, text, SHOAL_LEFT, SHOAL_TEXT, "steps ", (float)now->head.tick, 0, "");
  shoal_draw_number(canvas, 0.5f * side, line, text, SHOAL_CENTRE, SHOAL_MUTED, "shortest ", (float)now->shortest, 0,
                    "");
  shoal_draw_number(canvas, side, line, text, SHOAL_RIGHT, SHOAL_MUTED, "explored ",
                    100.0f * (float)now->explored / (float)level->floor, 0, " %");
  maze_draw_cells(params, maze_cells(params, level), before, now, alpha, canvas);
  maze_draw_dark(side, x, y, canvas);
  shoal_draw_circle(canvas, goal_x, goal_y, 0.7f + 0.25f * pulse, shoal_fade(SHOAL_YELLOW, 0.25f));
  shoal_draw_circle(canvas, goal_x, goal_y, 0.34f, SHOAL_YELLOW);

  float look_x = (float)((now->heading == 1 + MAZE_RIGHT) - (now->heading == 1 + MAZE_LEFT));
  float look_y = (float)((now->heading == 1 + MAZE_DOWN) - (now->heading == 1 + MAZE_UP));
  shoal_draw_circle(canvas, x + 0.5f, y + 0.5f, 0.42f, SHOAL_SKY);
  for (int32_t eye = -1; eye <= 1; eye += 2) {  // beside the way it looks
    float aside = 0.15f * (float)eye, ahead = 0.16f;
    float across = look_x == 0.0f ? aside : 0.0f, along = look_x == 0.0f ? 0.0f : aside;
    shoal_draw_circle(canvas, x + 0.5f + ahead * look_x + across, y + 0.5f + ahead * look_y + along, 0.08f,
                      SHOAL_NIGHT);
  }
}

#endif
