// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// pong: return the ball past an opponent that follows it; first to 21 points.
//
// Rules of PufferLib's `pong`. Field 500 x 640 px, y up, positions are lower left corners. The opponent's paddle stands
// on the left of the field, the agent's on the right; the ball is a 32 x 32 box.
//
//   observation   field "state", 8 x f32      meaning
//     0, 1 opponent y, own y     (y + paddle_height/2) / 640, in [0, 1]
//     2, 3 ball x, y             x/500, y/640
//     4    ball vx               (vx + ball_speed) / (2 ball_speed), px per frame
//     5    ball vy               (vy + max_vy) / (2 max_vy)
//     6, 7 opponent's, own score points / win_score (reference: 0, it divides integers)
//   action        discrete: 0 stay, 1 up, 2 down; or continuous (`action`): one direction in [-1, 1]
//   reward        +1 for a point won, -1 for a point lost, +hit_reward (0.1) for an own hit
//   start         of an episode and of every round: paddles in the middle (y 285), ball at (100, 304), flying at 10 px
//                 per frame towards the agent with vy -1 or 0, equally likely
//   a frame       1. own paddle += 8 x direction; opponent += clamp(ball y - (its y + 35), -8, 8); both within
//                    [-35, 605]
//                 2. ball += velocity
//                 3. below 0 or above 640: vy changes sign
//                 4. ball x < 0: a paddle that overlaps the ball reflects vx, else a point for the agent
//                 5. ball x + 32 > 500: a paddle that overlaps reflects vx and adds 3 x direction to vy, kept within
//                    +-13, and 0 becomes 3; then the ball is put back inside the field. Else a point for the opponent
//   an action     `frameskip` (8) frames; a point ends it and starts a new round
//   terminated    a side has win_score (21) points
//   time limit    5,000 actions (reference: none)
//
// Version history: 1 first.
#ifndef SHOAL_PONG_H
#define SHOAL_PONG_H

#include "shoal/env.h"

#define PONG_VERSION 1
#define PONG_WIDTH 500.0f   // px
#define PONG_HEIGHT 640.0f  // px
#define PONG_BALL 32.0f     // px, side of the ball's box
#define PONG_FLAT 0.01f     // px per frame: a slower vy counts as 0 after an own hit
#define PONG_LIMIT 5000     // actions
#define PONG_NO_LIMIT 1000000000

enum { PONG_STAY = 0, PONG_UP = 1, PONG_DOWN = 2 };
enum { PONG_DISCRETE = 0, PONG_CONTINUOUS = 1 };

#define PONG_PARAMS(F, I, B, C)                                                                     \
  C(action, "discrete", "discrete|continuous", SIZE, "stay, up, down, or one direction in [-1, 1]") \
  B(reference, 0, SIZE, "the reference's rules: scores are observed as 0, no time limit")           \
  I(frameskip, 8, 1, 64, "frames", VALUE, "frames an action lasts")                                 \
  I(win_score, 21, 1, 1000, "points", VALUE, "points that win")                                     \
  F(paddle_height, 70.0f, 10, 400, "px", VALUE, "height of both paddles")                           \
  F(paddle_speed, 8.0f, 0, 100, "px/frame", VALUE, "the agent's paddle")                            \
  F(opponent_speed, 8.0f, 0, 100, "px/frame", VALUE, "the opponent's paddle")                       \
  F(ball_speed, 10.0f, 1, 50, "px/frame", VALUE, "of the ball, across the field")                   \
  F(vy_step, 3.0f, 0, 50, "px/frame", VALUE, "spin that a moving paddle gives")                     \
  F(max_vy, 13.0f, 1, 50, "px/frame", VALUE, "limit of the ball's vertical speed after an own hit") \
  F(hit_reward, 0.1f, 0, 1, "", VALUE, "reward of an own hit")

#define PONG_METRICS(M)                                          \
  M(perf, "0..1: share of the points played that the agent won") \
  M(score, "points won minus points lost")

SHOAL_PARAMS_STRUCT(Pong, PONG_PARAMS)
SHOAL_METRICS_STRUCT(Pong, PONG_METRICS)
#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED

SHOAL_HOST const char *pong_spec(const PongParams *params, ShoalSpec *out) {
  out->version = PONG_VERSION;
  out->agents = 1;
  out->max_steps = params->reference ? PONG_NO_LIMIT : PONG_LIMIT;
  shoal_field(out, "state", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 8, 1, 0, -1, 2,
              "opponent y, own y, ball x, ball y, ball vx, ball vy, opponent's score, own score");
  if (params->action == PONG_CONTINUOUS) {
    shoal_continuous(out, "direction", -1.0f, 1.0f);
  } else {
    shoal_discrete(out, "move", 3, 0, "stay|up|down");
  }
  return 0;
}

typedef struct {
  ShoalHead head;
  float opponent_y, own_y;  // px, lower edges of the paddles
  float ball_x, ball_y;     // px
  float ball_vx, ball_vy;   // px per frame
  int32_t opponent_points, own_points;
} PongState;

SHOAL_FN void pong_start_round(const PongParams *params, PongState *state) {
  state->opponent_y = state->own_y = 0.5f * (PONG_HEIGHT - params->paddle_height);
  state->ball_x = PONG_WIDTH / 5.0f;
  state->ball_y = 0.5f * (PONG_HEIGHT - PONG_BALL);
  state->ball_vx = params->ball_speed;
  state->ball_vy = shoal_random(&state->head) >> 63 ? -1.0f : 0.0f;
}

SHOAL_FN int32_t pong_overlaps(const PongParams *params, float paddle_y, float ball_y) {
  return (ball_y + PONG_BALL > paddle_y) & (ball_y < paddle_y + params->paddle_height);
}

SHOAL_FN void pong_reset(const PongParams *params, const void *shared, PongState *state) {
  (void)shared;
  pong_start_round(params, state);
}

SHOAL_FN void pong_step(const PongParams *params, const void *shared, PongState *state, const int32_t *discrete,
                        const float *continuous, const ShoalResult *result) {
  (void)shared;
  float direction = params->action == PONG_CONTINUOUS ? continuous[0]
                                                      : (float)((discrete[0] == PONG_UP) - (discrete[0] == PONG_DOWN));
  float half = 0.5f * params->paddle_height, low = -half, high = PONG_HEIGHT - half;
  float own_move = direction * params->paddle_speed, opponent_speed = params->opponent_speed;
  float own_y = state->own_y, opponent_y = state->opponent_y;
  float x = state->ball_x, y = state->ball_y, vx = state->ball_vx, vy = state->ball_vy, reward = 0.0f;
  int32_t point = 0;

  for (int32_t frame = 0; frame < params->frameskip; frame++) {
    own_y = shoal_clamp(own_y + own_move, low, high);
    // Equal to moving by clamp(y - half - opponent_y, +-speed) and clamping to the field, with a shorter chain.
    float wanted = shoal_clamp(y - half, low, high);
    opponent_y = shoal_clamp(wanted, opponent_y - opponent_speed, opponent_y + opponent_speed);
    x += vx;
    y += vy;
    vy = ((y < 0.0f) | (y + PONG_BALL > PONG_HEIGHT)) ? -vy : vy;
    if (__builtin_expect((x < 0.0f) | (x + PONG_BALL > PONG_WIDTH), 0)) {
      int32_t left = x < 0.0f;
      if (!pong_overlaps(params, left ? opponent_y : own_y, y)) {
        point = left ? 1 : -1;
        break;
      }
      vx = -vx;
      if (!left) {
        reward += params->hit_reward;
        vy = shoal_clamp(vy + params->vy_step * direction, -params->max_vy, params->max_vy);
        vy = shoal_abs(vy) < PONG_FLAT ? params->vy_step : vy;
        x = shoal_clamp(x, 0.0f, PONG_WIDTH - PONG_BALL);
        y = shoal_clamp(y, 0.0f, PONG_HEIGHT - PONG_BALL);
      }
    }
  }
  state->own_y = own_y;
  state->opponent_y = opponent_y;
  state->ball_x = x;
  state->ball_y = y;
  state->ball_vx = vx;
  state->ball_vy = vy;

  if (point) {
    reward += (float)point;
    state->own_points += point > 0;
    state->opponent_points += point < 0;
    PongMetrics *metrics = (PongMetrics *)result->metrics;
    metrics->perf = (float)state->own_points / (float)(state->own_points + state->opponent_points);
    metrics->score = (float)(state->own_points - state->opponent_points);
    if (shoal_maxi(state->own_points, state->opponent_points) >= params->win_score) {
      result->ended[0] = SHOAL_TERMINATED;
    } else {
      pong_start_round(params, state);
    }
  }
  result->reward[0] = reward;
}

SHOAL_FN void pong_observe(const PongParams *params, const void *shared, const PongState *state, int32_t agent,
                           void *row, uint8_t *mask) {
  (void)shared, (void)agent, (void)mask;
  float *out = (float *)row;
  float half = 0.5f * params->paddle_height;
  float per_point = params->reference ? 0.0f : 1.0f / (float)params->win_score;
  out[0] = (state->opponent_y + half) * (1.0f / PONG_HEIGHT);
  out[1] = (state->own_y + half) * (1.0f / PONG_HEIGHT);
  out[2] = state->ball_x * (1.0f / PONG_WIDTH);
  out[3] = state->ball_y * (1.0f / PONG_HEIGHT);
  out[4] = (state->ball_vx + params->ball_speed) / (2.0f * params->ball_speed);
  out[5] = (state->ball_vy + params->max_vy) / (2.0f * params->max_vy);
  out[6] = (float)state->opponent_points * per_point;
  out[7] = (float)state->own_points * per_point;
}

// Wait where the ball will arrive and hit it while moving the way it flies, which adds spin until the opponent cannot
// follow. Below level 1, at random in a share 1 - level of the actions.
SHOAL_FN void pong_scripted(const PongParams *params, const void *shared, const PongState *state, int32_t agent,
                            float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)agent;
  float range = PONG_HEIGHT - PONG_BALL, width = PONG_WIDTH - PONG_BALL;
  float path = state->ball_vx > 0.0f ? width - state->ball_x : width + state->ball_x;
  float frames = shoal_floor(path / params->ball_speed) + 1.0f;  // until the ball arrives
  float y = state->ball_y + frames * state->ball_vy;
  y -= 2.0f * range * shoal_floor(y / (2.0f * range));  // unfolded: walls mirror it
  float spin = (state->ball_vy < 0.0f) != (y > range) ? -1.0f : 1.0f;
  y = y > range ? 2.0f * range - y : y;
  float off = y + 0.5f * PONG_BALL - (state->own_y + 0.5f * params->paddle_height);  // how far the middle must move
  float run = params->paddle_speed * frames * spin;                                  // how far it moves at full speed
  float half = 0.5f * params->paddle_height;
  float direction = (off - spin * half) / shoal_max(params->paddle_speed * (float)params->frameskip, 1.0f);
  if (frames <= (float)params->frameskip) {
    direction = shoal_abs(off - run) < half ? spin : shoal_abs(off) < half ? 0.0f : off;
  }
  if (shoal_uniform_of(rng) >= level) { direction = 2.0f * shoal_uniform_of(shoal_mix(rng)) - 1.0f; }
  if (params->action == PONG_CONTINUOUS) {
    continuous[0] = shoal_clamp(direction, -1.0f, 1.0f);
  } else {
    discrete[0] = direction > 0.5f ? PONG_UP : direction < -0.5f ? PONG_DOWN : PONG_STAY;
  }
}

#endif
