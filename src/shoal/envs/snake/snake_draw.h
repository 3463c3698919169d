// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// snake as a picture: the part of the board around agent 0, in units of a cell, y down, and a map of the whole.
#ifndef SHOAL_SNAKE_DRAW_H
#define SHOAL_SNAKE_DRAW_H

#include "shoal/canvas.h"
#include "snake.h"

#define SNAKE_DRAW_WIDTH 80  // cells of the part that is shown, where the board is no smaller
#define SNAKE_DRAW_HEIGHT 45
#define SNAKE_DRAW_POINTS 200  // of a line; longer snakes are drawn as several
#define SNAKE_DRAW_MAP 64      // columns of the map at most
#define SNAKE_DRAW_SHADES 8    // of the map, the last where half of the cells are bodies

// The centre of a cell; kept on the stored board, whatever a State holds.
typedef struct {
  float x, y;
} SnakePoint;

SHOAL_FN int32_t snake_draw_inside(const SnakeParams *params, int32_t cell) {
  return shoal_clampi(cell, 0, snake_stride(params) * (params->height + 2 * SNAKE_REACH) - 1);
}

SHOAL_FN SnakePoint snake_draw_point(const SnakeParams *params, int32_t cell) {
  int32_t stride = snake_stride(params), inside = snake_draw_inside(params, cell);
  SnakePoint point = {(float)(inside % stride - SNAKE_REACH) + 0.5f, (float)(inside / stride - SNAKE_REACH) + 0.5f};
  return point;
}

// Between two cells; at the second if they are no neighbours, for then one snake has died and another was born.
SHOAL_FN SnakePoint snake_draw_between(const SnakeParams *params, int32_t from, int32_t to, float alpha) {
  SnakePoint a = snake_draw_point(params, from), b = snake_draw_point(params, to);
  if (shoal_abs(a.x - b.x) + shoal_abs(a.y - b.y) > 1.5f) { return b; }
  SnakePoint point = {shoal_lerp(a.x, b.x, alpha), shoal_lerp(a.y, b.y, alpha)};
  return point;
}

// A snake, from where its tail is by now to where its head is.
SHOAL_FN void snake_draw_snake(const SnakeParams *params, const SnakeBody *was, const SnakeBody *snake,
                               const uint16_t *board, float alpha, const float view[4], uint32_t colour,
                               ShoalCanvas *canvas) {
  SnakePoint points[SNAKE_DRAW_POINTS], head = snake_draw_between(params, was->head, snake->head, alpha);
  int32_t stride = snake_stride(params), cell = snake_draw_inside(params, snake->tail), count = 1, seen = 0, last = -1;
  points[0] = snake_draw_between(params, was->tail, snake->tail, alpha);
  for (int32_t i = 0; i < snake->length && cell != snake->head; i++) {
    SnakePoint point = snake_draw_point(params, cell);
    int32_t way = snake_way(board[cell]);
    seen |= point.x > view[0] && point.x < view[2] && point.y > view[1] && point.y < view[3];
    if (way != last) { points[count++] = point; }  // a corner
    if (count == SNAKE_DRAW_POINTS - 1) {
      shoal_draw_lines(canvas, (const float *)points, count, 0.62f, colour);
      points[0] = points[count - 1];
      count = 1;
    }
    last = way;
    cell = snake_draw_inside(params, cell + snake_offset(way, stride));
  }
  seen |= head.x > view[0] && head.x < view[2] && head.y > view[1] && head.y < view[3];
  if (!seen) { return; }
  points[count++] = head;
  shoal_draw_lines(canvas, (const float *)points, count, 0.62f, colour);
  shoal_draw_circle(canvas, head.x, head.y, 0.44f, colour);
  float look_x = (float)((snake->heading == SNAKE_RIGHT) - (snake->heading == SNAKE_LEFT));
  float look_y = (float)((snake->heading == SNAKE_DOWN) - (snake->heading == SNAKE_UP));
  for (int32_t eye = -1; eye <= 1; eye += 2) {  // beside the way it looks
    float aside = 0.18f * (float)eye, x = head.x + 0.14f * look_x + (look_x == 0.0f ? aside : 0.0f);
    shoal_draw_circle(canvas, x, head.y + 0.14f * look_y + (look_x == 0.0f ? 0.0f : aside), 0.09f, SHOAL_NIGHT);
  }
}

// Food and corpses of the part that is shown; what is new grows.
SHOAL_FN void snake_draw_food(const SnakeParams *params, const uint16_t *was, const uint16_t *board, float alpha,
                              const float view[4], ShoalCanvas *canvas) {
  int32_t left = shoal_maxi((int32_t)view[0] - 1, 0), right = shoal_mini((int32_t)view[2] + 1, params->width);
  int32_t top = shoal_maxi((int32_t)view[1] - 1, 0), bottom = shoal_mini((int32_t)view[3] + 1, params->height);
  for (int32_t row = top; row < bottom; row++) {
    for (int32_t column = left; column < right; column++) {
      int32_t cell = (SNAKE_REACH + row) * snake_stride(params) + SNAKE_REACH + column, kind = snake_kind(board[cell]);
      if (kind != SNAKE_FOOD && kind != SNAKE_CORPSE) { continue; }
      float size = snake_kind(was[cell]) == kind ? 1.0f : alpha, x = (float)column + 0.5f, y = (float)row + 0.5f;
      shoal_draw_circle(canvas, x, y, (kind == SNAKE_FOOD ? 0.3f : 0.22f) * size,
                        kind == SNAKE_FOOD ? SHOAL_GREEN : SHOAL_MUTED);
    }
  }
}

// The whole board, small, in a corner of the picture: where snakes are, and which part is shown.
SHOAL_FN void snake_draw_map(const SnakeParams *params, const SnakeBody *snakes, const uint16_t *board,
                             const float view[4], ShoalCanvas *canvas) {
  uint32_t colours[SNAKE_DRAW_SHADES];
  for (int32_t i = 0; i < SNAKE_DRAW_SHADES; i++) {
    colours[i] = shoal_fade(SHOAL_MUTED, (float)i / (SNAKE_DRAW_SHADES - 1));
  }
  uint8_t map[SNAKE_DRAW_MAP * SNAKE_DRAW_MAP];
  int32_t longer = shoal_maxi(params->width, params->height), stride = snake_stride(params);
  int32_t step = (longer + SNAKE_DRAW_MAP - 1) / SNAKE_DRAW_MAP;  // cells of the board in one of the map
  int32_t rows = params->height / step, columns = params->width / step;
  for (int32_t i = 0; i < rows * columns; i++) {
    int32_t found = 0;
    for (int32_t j = 0; j < step * step; j++) {
      int32_t row = i / columns * step + j / step, column = i % columns * step + j % step;
      found += snake_kind(board[(SNAKE_REACH + row) * stride + SNAKE_REACH + column]) >= SNAKE_BODY;
    }
    map[i] = (uint8_t)shoal_mini(2 * SNAKE_DRAW_SHADES * found / (step * step), SNAKE_DRAW_SHADES - 1);
  }
  float scale = 0.2f * (view[2] - view[0]) / (float)columns, width = scale * (float)columns;
  float height = scale * (float)rows, x = view[2] - width - 1.0f, y = view[3] - height - 1.0f,
        cell = scale / (float)step;
  SnakePoint own = snake_draw_point(params, snakes[0].head);
  shoal_draw_rounded(canvas, x - 0.3f, y - 0.3f, width + 0.6f, height + 0.6f, 0.4f, SHOAL_EDGE);
  shoal_draw_rectangle(canvas, x, y, width, height, SHOAL_NIGHT);
  shoal_draw_image(canvas, x, y, width, height, map, rows, columns, colours, SNAKE_DRAW_SHADES);
  shoal_draw_circle(canvas, x + own.x * cell, y + own.y * cell, 0.5f, SHOAL_YELLOW);
}

SHOAL_FN void snake_draw(const SnakeParams *params, const void *shared, const SnakeState *before, const SnakeState *now,
                         float alpha, ShoalCanvas *canvas) {
  (void)shared;
  const SnakeBody *was = snake_bodies(params, before), *snakes = snake_bodies(params, now);
  const uint16_t *board = snake_board(params, now);
  SnakePoint eye = snake_draw_between(params, was[0].head, snakes[0].head, alpha);
  float width = (float)params->width, height = (float)params->height;
  float across = shoal_min(SNAKE_DRAW_WIDTH, width + 2.0f), down = shoal_min(SNAKE_DRAW_HEIGHT, height + 2.0f);
  float left = shoal_clamp(eye.x - 0.5f * across, -1.0f, width + 1.0f - across);
  float top = shoal_clamp(eye.y - 0.5f * down, -1.0f, height + 1.0f - down);
  float view[4] = {left, top, left + across, top + down};
  shoal_draw_window(canvas, view[0], view[1], view[2], view[3], SHOAL_EDGE);
  shoal_draw_rectangle(canvas, 0.0f, 0.0f, width, height, SHOAL_NIGHT);
  snake_draw_food(params, snake_board(params, before), board, alpha, view, canvas);
  shoal_draw_rounded(canvas, eye.x - SNAKE_REACH - 0.5f, eye.y - SNAKE_REACH - 0.5f, SNAKE_WINDOW, SNAKE_WINDOW, 0.5f,
                     shoal_fade(SHOAL_TEXT, 0.07f));
  for (int32_t a = params->agents - 1; a >= 0; a--) {                      // agent 0 last, on top
    uint32_t colour = a ? shoal_hue(a % 6 + (a % 6 >= 4)) : SHOAL_YELLOW;  // nobody else is yellow
    snake_draw_snake(params, &was[a], &snakes[a], board, alpha, view, colour, canvas);
  }
  shoal_draw_rounded(canvas, view[0] + 0.7f, view[1] + 0.7f, 0.2f * across, 2.6f, 0.4f, shoal_fade(SHOAL_PANEL, 0.8f));
  shoal_draw_number(canvas, view[0] + 1.4f, view[1] + 2.0f, 1.2f, SHOAL_LEFT, SHOAL_TEXT, "length ",
                    (float)snakes[0].length, 0, "");
  if (params->width > SNAKE_DRAW_WIDTH || params->height > SNAKE_DRAW_HEIGHT) {
    snake_draw_map(params, snakes, board, view, canvas);
  }
}

#endif
