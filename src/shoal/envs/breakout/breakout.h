// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// breakout: keep a ball in play with a paddle and clear two walls of bricks.
//
// Rules of PufferLib's `breakout`. Field 576 x 330 px, y down, positions are top left corners, 60 frames a second.
//
//   observation   field "state", 10 x f32
//     0, 1 paddle x/576, y/330         2, 3 ball x/576, y/330       4, 5 ball vx/512, vy/512 (px per frame)
//     6    launched/5                  7    score/864               8    spare balls/5        9 paddle width/62
//                 field "broken", 6 x 18 flags as f32, rows from the top: 1 = broken
//   action        discrete: 0 stay, 1 left, 2 right; or continuous (`action`): one number in [-1, 1], right positive
//   reward        points: a brick is worth 7, 7, 4, 4, 1, 1 by its row from the top, 432 a wall
//   a round       starts with paddle and ball centred, the ball at y = 135. On its first frame, on which a discrete
//                 action is ignored, the ball is launched downwards at ball_speed (256 px/s), pi/3.25 from vertical,
//                 left or right at random
//   a frame       1. the paddle moves by paddle_speed/60, within the field
//                 2. the earliest contact within the frame, 0 < t <= 1, of the ball's moving box with the facing side
//                    of an intact brick, a wall, or the top of the paddle; at equal times the larger overlap, then this
//                    order. A ball that touches a wall and flies at it is in contact at t = 0
//                 3. at a brick or wall the ball is put at the contact with its velocity reflected; at the paddle it
//                    keeps its place and takes a new velocity; without contact it moves
//                 4. a ball whose top edge is at 320 or below is lost
//   paddle hit    speed: the current one. angle from vertical = -pi/4 + (ball centre x - paddle x)/width * pi/2, before
//                 this frame's motion of the ball, not clamped. Every fourth hit of a round adds 64 to the speed for
//                 the next hits, up to 448; breaking a brick of the three top rows sets it to 448
//   back wall     touching it halves the paddle (left edge kept) for the rest of the round
//   second wall   at 432 points the wall is rebuilt at the next paddle hit, once
//   an action     `frameskip` (4) frames; the end of the game ends it
//   terminated    864 points, or a ball is lost with none to spare (the sixth)
//   time limit    20,000 actions (reference: none)
//   reference     there the action that ends a game plays its other frames in the next one; nothing outlives a reset
//                 here, so every game but the first begins with a random number of frames, below frameskip, played
//
// Version history: 1 first.
#ifndef SHOAL_BREAKOUT_H
#define SHOAL_BREAKOUT_H

#include "shoal/env.h"

#define BREAKOUT_VERSION 1
#define BREAKOUT_WIDTH 576.0f   // px
#define BREAKOUT_HEIGHT 330.0f  // px
#define BREAKOUT_ROWS 6
#define BREAKOUT_COLUMNS 18
#define BREAKOUT_BRICKS 108
#define BREAKOUT_BRICK_WIDTH 32.0f                // px
#define BREAKOUT_BRICK_HEIGHT 12.0f               // px
#define BREAKOUT_WALL_TOP 50.0f                   // px, y of the first row of bricks
#define BREAKOUT_WALL_BOTTOM 122.0f               // px
#define BREAKOUT_WALL_POINTS 432                  // 18 columns of 7, 7, 4, 4, 1, 1
#define BREAKOUT_PADDLE_Y 312.0f                  // px
#define BREAKOUT_LOST_Y 320.0f                    // px, the paddle's lower edge
#define BREAKOUT_BALL_Y 135.0f                    // px, at the start of a round
#define BREAKOUT_FRAME (1.0f / 60.0f)             // s
#define BREAKOUT_LAUNCH_ANGLE (SHOAL_PI / 3.25f)  // rad from vertical
#define BREAKOUT_LIMIT 20000                      // actions
#define BREAKOUT_NO_LIMIT 1000000000

enum { BREAKOUT_STAY = 0, BREAKOUT_LEFT = 1, BREAKOUT_RIGHT = 2 };
enum { BREAKOUT_DISCRETE = 0, BREAKOUT_CONTINUOUS = 1 };

#define BREAKOUT_PARAMS(F, I, B, C)                                                                             \
  C(action, "discrete", "discrete|continuous", SIZE, "stay, left, right, or one direction in [-1, 1]")          \
  B(reference, 0, SIZE, "the reference's rules: no time limit, games begin with frames of the last action")     \
  I(frameskip, 4, 1, 64, "frames", VALUE, "frames an action lasts")                                             \
  I(spare_balls, 5, 0, 50, "balls", VALUE, "balls after the first")                                             \
  I(speed_up_hits, 4, 1, 1000, "hits", VALUE, "paddle hits of a round between two speed-ups")                   \
  F(ball_size, 32.0f, 4, 64, "px", VALUE, "side of the ball's box")                                             \
  F(ball_speed, 256.0f, 30, 3000, "px/s", VALUE, "at the start of a round")                                     \
  F(ball_speed_step, 64.0f, 0, 3000, "px/s", VALUE, "added by a speed-up")                                      \
  F(ball_speed_max, 448.0f, 30, 3000, "px/s", VALUE, "reached by speed-ups, and at once in the three top rows") \
  F(paddle_width, 62.0f, 8, 576, "px", VALUE, "halved by the back wall")                                        \
  F(paddle_speed, 620.0f, 0, 6000, "px/s", VALUE, "of the paddle")

#define BREAKOUT_METRICS(M)    \
  M(perf, "0..1: score / 864") \
  M(score, "points, 864 at most")

SHOAL_PARAMS_STRUCT(Breakout, BREAKOUT_PARAMS)
SHOAL_METRICS_STRUCT(Breakout, BREAKOUT_METRICS)
#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

SHOAL_HOST const char *breakout_spec(const BreakoutParams *params, ShoalSpec *out) {
  out->version = BREAKOUT_VERSION;
  out->agents = 1;
  out->max_steps = params->reference ? BREAKOUT_NO_LIMIT : BREAKOUT_LIMIT;
  shoal_field(out, "state", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 10, 1, 0, -1, 10,
              "paddle x, y, ball x, y, ball vx, vy, launched, score, spare balls, paddle width");
  shoal_field(out, "broken", SHOAL_KIND_FLAG, SHOAL_F32, BREAKOUT_ROWS, BREAKOUT_COLUMNS, 1, 0, 0, 1,
              "1 where the brick is broken, rows from the top");
  if (params->action == BREAKOUT_CONTINUOUS) {
    shoal_continuous(out, "direction", -1.0f, 1.0f);
  } else {
    shoal_discrete(out, "move", 3, 0, "stay|left|right");
  }
  return 0;
}

typedef struct {
  ShoalHead head;
  float paddle_x, paddle_width;  // px
  float ball_x, ball_y;          // px
  float ball_vx, ball_vy;        // px per frame
  float speed;                   // px/s, of the next paddle hit
  int32_t hits;                  // paddle hits of this round
  int32_t launched, spare_balls;
  int32_t score;       // points
  int32_t rebuilt;     // the second wall stands
  uint32_t broken[4];  // bit i % 32 of word i / 32: brick i = 18 row + column
} BreakoutState;

// What the ball meets; at equal times and overlaps the earlier in this order, and among bricks the lower index.
enum { BREAKOUT_NOTHING = -1, BREAKOUT_SIDE_WALL = 108, BREAKOUT_BACK_WALL, BREAKOUT_PADDLE };

typedef struct {
  float t;         // of the frame
  float overlap;   // px, length of the touching sides
  int32_t what;    // a brick, or one of the above
  int32_t across;  // a vertical side: vx is reflected
  float at;        // px, the ball's x (across) or y at the contact
} BreakoutContact;

SHOAL_FN float breakout_overlap(float a, float a_size, float b, float b_size) {
  return shoal_min(a + a_size, b + b_size) - shoal_max(a, b);
}

SHOAL_FN int32_t breakout_intact(const BreakoutState *state, int32_t brick) {
  return !(state->broken[brick >> 5] >> (brick & 31) & 1u);
}

SHOAL_FN void breakout_keep_earlier(BreakoutContact *best, float t, float overlap, int32_t what, int32_t across,
                                    float at) {
  int32_t wins = overlap > best->overlap || (overlap == best->overlap && what < best->what);
  if (t < best->t || (t == best->t && wins)) {
    best->t = t;
    best->overlap = overlap;
    best->what = what;
    best->across = across;
    best->at = at;
  }
}

// The first contact with bricks along one axis. The facing sides stand on lines, `pitch` apart, that the ball's leading
// edge crosses within the frame (few, mostly none); the bricks of a line all touch at the same time, so only those
// beside the ball at that time are looked at, and the first line with an intact one ends the search.
SHOAL_FN void breakout_meet_bricks(const BreakoutParams *params, const BreakoutState *state, int32_t across,
                                   BreakoutContact *best) {
  float size = params->ball_size;
  float position = across ? state->ball_x : state->ball_y - BREAKOUT_WALL_TOP;
  float velocity = across ? state->ball_vx : state->ball_vy;
  float beside = across ? state->ball_y - BREAKOUT_WALL_TOP : state->ball_x;
  float drift = across ? state->ball_vy : state->ball_vx;
  float pitch = across ? BREAKOUT_BRICK_WIDTH : BREAKOUT_BRICK_HEIGHT;
  float side = across ? BREAKOUT_BRICK_HEIGHT : BREAKOUT_BRICK_WIDTH;
  int32_t lines = across ? BREAKOUT_COLUMNS : BREAKOUT_ROWS, sides = across ? BREAKOUT_ROWS : BREAKOUT_COLUMNS;
  if (velocity == 0.0f) { return; }
  int32_t forward = velocity > 0.0f, step = forward ? 1 : -1;
  float edge = forward ? position + size : position;
  int32_t line = (int32_t)shoal_floor(edge / pitch) + forward;
  line = forward ? shoal_maxi(line, 0) : shoal_mini(line, lines);
  for (; forward ? line < lines : line > 0; line += step) {
    float t = ((float)line * pitch - edge) / velocity;
    if (!(t <= 1.0f)) { return; }
    if (!(t > 0.0f)) { continue; }  // it stands on this line already
    float low = beside + drift * t;
    int32_t first = shoal_maxi((int32_t)shoal_floor(low / side), 0);
    int32_t last = shoal_mini((int32_t)shoal_floor((low + size) / side), sides - 1);
    int32_t found = 0;
    for (int32_t i = first; i <= last; i++) {
      int32_t behind = forward ? line : line - 1;
      int32_t brick = across ? i * BREAKOUT_COLUMNS + behind : behind * BREAKOUT_COLUMNS + i;
      float overlap = breakout_overlap((float)i * side, side, low, size);
      if (overlap > 0.0f && breakout_intact(state, brick)) {
        float at = (float)line * pitch - (forward ? size : 0.0f) + (across ? 0.0f : BREAKOUT_WALL_TOP);
        breakout_keep_earlier(best, t, overlap, brick, across, at);
        found = 1;
      }
    }
    if (found) { return; }
  }
}

SHOAL_FN void breakout_meet_walls(const BreakoutParams *params, const BreakoutState *state, BreakoutContact *best) {
  float size = params->ball_size, x = state->ball_x, y = state->ball_y, vx = state->ball_vx, vy = state->ball_vy;
  if (vx != 0.0f) {
    float at = vx < 0.0f ? 0.0f : BREAKOUT_WIDTH - size;
    float t = shoal_max((at - x) / vx, 0.0f);
    float overlap = breakout_overlap(0.0f, BREAKOUT_HEIGHT, y + vy * t, size);
    if (t <= 1.0f) { breakout_keep_earlier(best, t, overlap, BREAKOUT_SIDE_WALL, 1, at); }
  }
  if (vy < 0.0f) {
    float t = shoal_max(-y / vy, 0.0f);
    float overlap = breakout_overlap(0.0f, BREAKOUT_WIDTH, x + vx * t, size);
    if (t <= 1.0f) { breakout_keep_earlier(best, t, overlap, BREAKOUT_BACK_WALL, 0, 0.0f); }
  }
}

SHOAL_FN void breakout_meet_paddle(const BreakoutParams *params, const BreakoutState *state, BreakoutContact *best) {
  if (!(state->ball_vy > 0.0f)) { return; }
  float t = (BREAKOUT_PADDLE_Y - (state->ball_y + params->ball_size)) / state->ball_vy;
  if (!(t > 0.0f && t <= 1.0f)) { return; }
  float x = state->ball_x + state->ball_vx * t;
  float overlap = breakout_overlap(state->paddle_x, state->paddle_width, x, params->ball_size);
  if (overlap > 0.0f) { breakout_keep_earlier(best, t, overlap, BREAKOUT_PADDLE, 0, state->ball_y); }
}

SHOAL_FN void breakout_start_round(const BreakoutParams *params, BreakoutState *state) {
  state->paddle_width = params->paddle_width;
  state->paddle_x = 0.5f * (BREAKOUT_WIDTH - params->paddle_width);
  state->ball_x = 0.5f * (BREAKOUT_WIDTH - params->ball_size);
  state->ball_y = BREAKOUT_BALL_Y;
  state->ball_vx = state->ball_vy = 0.0f;
  state->speed = params->ball_speed;
  state->hits = 0;
  state->launched = 0;
}

SHOAL_FN void breakout_launch(BreakoutState *state) {
  float speed = state->speed * BREAKOUT_FRAME, side = shoal_random(&state->head) >> 63 ? 1.0f : -1.0f;
  state->ball_vx = side * speed * shoal_sin(BREAKOUT_LAUNCH_ANGLE);
  state->ball_vy = speed * shoal_cos(BREAKOUT_LAUNCH_ANGLE);
  state->launched = 1;
}

SHOAL_FN void breakout_hit_paddle(const BreakoutParams *params, BreakoutState *state) {
  float centre = state->ball_x + 0.5f * params->ball_size;
  float angle = -0.25f * SHOAL_PI + (centre - state->paddle_x) / state->paddle_width * (0.5f * SHOAL_PI);
  state->ball_vx = shoal_sin(angle) * state->speed * BREAKOUT_FRAME;
  state->ball_vy = -shoal_cos(angle) * state->speed * BREAKOUT_FRAME;
  state->hits++;
  if (state->hits % params->speed_up_hits == 0 && state->speed < params->ball_speed_max) {
    state->speed = shoal_min(state->speed + params->ball_speed_step, params->ball_speed_max);
  }
  if (state->score == BREAKOUT_WALL_POINTS && !state->rebuilt) {
    __builtin_memset(state->broken, 0, sizeof state->broken);
    state->rebuilt = 1;
  }
}

SHOAL_FN int32_t breakout_break(const BreakoutParams *params, BreakoutState *state, int32_t brick) {
  int32_t row = brick / BREAKOUT_COLUMNS, points = 7 - row / 2 * 3;
  state->broken[brick >> 5] |= 1u << (brick & 31);
  state->score += points;
  if (row < 3) { state->speed = params->ball_speed_max; }
  return points;
}

// A frame in which something may be met, or the ball lost. Returns the points won.
SHOAL_FN int32_t breakout_busy_frame(const BreakoutParams *params, BreakoutState *state) {
  BreakoutContact contact = {2.0f, 0.0f, BREAKOUT_NOTHING, 0, 0.0f};
  float next_y = state->ball_y + state->ball_vy;
  if (shoal_min(state->ball_y, next_y) <= BREAKOUT_WALL_BOTTOM) {
    breakout_meet_bricks(params, state, 1, &contact);
    breakout_meet_bricks(params, state, 0, &contact);
  }
  breakout_meet_walls(params, state, &contact);
  breakout_meet_paddle(params, state, &contact);

  if (contact.what == BREAKOUT_NOTHING) {
    state->ball_x += state->ball_vx;
    state->ball_y = next_y;
    return 0;
  }
  if (contact.what == BREAKOUT_PADDLE) {
    breakout_hit_paddle(params, state);
    return 0;
  }
  if (contact.across) {
    state->ball_y += state->ball_vy * contact.t;
    state->ball_x = contact.at;
    state->ball_vx = -state->ball_vx;
  } else {
    state->ball_x += state->ball_vx * contact.t;
    state->ball_y = contact.at;
    state->ball_vy = -state->ball_vy;
  }
  if (contact.what == BREAKOUT_BACK_WALL) { state->paddle_width = 0.5f * params->paddle_width; }
  return contact.what < BREAKOUT_BRICKS ? breakout_break(params, state, contact.what) : 0;
}

// Whether the ball stays clear of bricks, walls and paddle for so many frames (a pixel of margin for rounding).
SHOAL_FN int32_t breakout_quiet(const BreakoutParams *params, const BreakoutState *state, float frames) {
  float size = params->ball_size, x = state->ball_x, y = state->ball_y;
  float next_x = x + frames * state->ball_vx, next_y = y + frames * state->ball_vy;
  return (shoal_min(x, next_x) > 1.0f) & (shoal_max(x, next_x) < BREAKOUT_WIDTH - size - 1.0f) &
         (shoal_min(y, next_y) > BREAKOUT_WALL_BOTTOM + 1.0f) &
         (shoal_max(y, next_y) < BREAKOUT_PADDLE_Y - size - 1.0f);
}

SHOAL_FN void breakout_move_paddle(const BreakoutParams *params, BreakoutState *state, float direction) {
  float moved = state->paddle_x + direction * params->paddle_speed * BREAKOUT_FRAME;
  state->paddle_x = shoal_clamp(moved, 0.0f, BREAKOUT_WIDTH - state->paddle_width);
}

// Play up to `frames` frames; returns the points won. *over: the game ended.
SHOAL_FN int32_t breakout_play(const BreakoutParams *params, BreakoutState *state, float direction, int32_t frames,
                               int32_t *over) {
  int32_t points = 0;
  if (state->launched && breakout_quiet(params, state, (float)frames)) {
    for (int32_t frame = 0; frame < frames; frame++) {
      breakout_move_paddle(params, state, direction);
      state->ball_x += state->ball_vx;
      state->ball_y += state->ball_vy;
    }
    return 0;
  }
  for (int32_t frame = 0; frame < frames && !*over; frame++) {
    int32_t ignored = !state->launched && params->action == BREAKOUT_DISCRETE;
    if (!state->launched) { breakout_launch(state); }
    breakout_move_paddle(params, state, ignored ? 0.0f : direction);
    points += breakout_busy_frame(params, state);
    if (state->ball_y >= BREAKOUT_LOST_Y) {
      *over = state->spare_balls == 0;
      if (!*over) {
        state->spare_balls--;
        breakout_start_round(params, state);
      }
    }
    *over |= state->score == 2 * BREAKOUT_WALL_POINTS;
  }
  return points;
}

SHOAL_FN void breakout_reset(const BreakoutParams *params, const void *shared, BreakoutState *state) {
  (void)shared;
  state->spare_balls = params->spare_balls;
  breakout_start_round(params, state);
  if (params->reference && state->head.episode > 0) {
    int32_t over = 0, frames = shoal_below(&state->head, params->frameskip);
    float direction = (float)(shoal_below(&state->head, 3) - 1);
    breakout_play(params, state, direction, frames, &over);
  }
}

SHOAL_FN void breakout_step(const BreakoutParams *params, const void *shared, BreakoutState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  (void)shared;
  float direction = params->action == BREAKOUT_CONTINUOUS
                        ? continuous[0]
                        : (float)((discrete[0] == BREAKOUT_RIGHT) - (discrete[0] == BREAKOUT_LEFT));
  int32_t over = 0;
  int32_t points = breakout_play(params, state, direction, params->frameskip, &over);
  result->reward[0] = (float)points;
  result->ended[0] = over ? SHOAL_TERMINATED : 0;
  BreakoutMetrics *metrics = (BreakoutMetrics *)result->metrics;
  metrics->score = (float)state->score;
  metrics->perf = (float)state->score / (2.0f * BREAKOUT_WALL_POINTS);
}

SHOAL_FN void breakout_observe(const BreakoutParams *params, const void *shared, const BreakoutState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)agent, (void)mask;
  float *out = (float *)row;
  out[0] = state->paddle_x * (1.0f / BREAKOUT_WIDTH);
  out[1] = BREAKOUT_PADDLE_Y / BREAKOUT_HEIGHT;
  out[2] = state->ball_x * (1.0f / BREAKOUT_WIDTH);
  out[3] = state->ball_y * (1.0f / BREAKOUT_HEIGHT);
  out[4] = state->ball_vx * (1.0f / 512.0f);
  out[5] = state->ball_vy * (1.0f / 512.0f);
  out[6] = (float)state->launched * 0.2f;
  out[7] = (float)state->score * (1.0f / (2.0f * BREAKOUT_WALL_POINTS));
  out[8] = (float)state->spare_balls * 0.2f;
  out[9] = state->paddle_width * (1.0f / 62.0f);
  out += 10;
  for (int32_t word = 0; word < 3; word++) {
    for (int32_t bit = 0; bit < 32; bit++) { out[32 * word + bit] = (float)(state->broken[word] >> bit & 1u); }
  }
  for (int32_t bit = 0; bit < BREAKOUT_BRICKS - 96; bit++) { out[96 + bit] = (float)(state->broken[3] >> bit & 1u); }
}

// Follow the ball, hitting it a little off the paddle's middle, to one side or the other, so that it wanders over the
// wall. Below level 1, at random in a share 1 - level of the actions.
SHOAL_FN void breakout_scripted(const BreakoutParams *params, const void *shared, const BreakoutState *state,
                                int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)agent;
  float aim = state->paddle_width * (state->hits & 1 ? 0.3f : 0.7f);
  float away = state->ball_x + 0.5f * params->ball_size - (state->paddle_x + aim);
  float reach = shoal_max(params->paddle_speed * BREAKOUT_FRAME * (float)params->frameskip, 1.0f);  // px
  float direction = shoal_clamp(away / reach, -1.0f, 1.0f);
  if (shoal_uniform_of(rng) >= level) { direction = 2.0f * shoal_uniform_of(shoal_mix(rng)) - 1.0f; }
  if (params->action == BREAKOUT_CONTINUOUS) {
    continuous[0] = direction;
  } else {
    discrete[0] = direction > 0.5f ? BREAKOUT_RIGHT : direction < -0.5f ? BREAKOUT_LEFT : BREAKOUT_STAY;
  }
}

#endif
