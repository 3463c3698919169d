// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// cartpole: push a cart left or right so that the pole hinged on it stays up.
//
// Dynamics: Barto, Sutton and Anderson (1983) as in Gymnasium's CartPole-v1, whose equations, constants and
// thresholds these are. Frictionless; x in m, theta in rad from upright, clockwise positive.
//
//   observation   field "state", 4 x f32      range in play
//     0 x          cart position              +-x_limit (2.4 m)
//     1 x_dot      cart velocity              m/s
//     2 theta      pole angle                 +-angle_limit (12 deg = 0.2094 rad)
//     3 theta_dot  pole angular velocity      rad/s
//   action        discrete: 0 pushes left, 1 pushes right, with force_magnitude; or continuous (`action`): one number
//                 in [-1, 1], times force_magnitude
//   reward        1 every step, the last one included
//   start         each of the four uniform in [-0.05, 0.05)
//   terminated    |x| > x_limit or |theta| > angle_limit
//   time limit    500 steps (the engine's, truncates)
//   reference     `--env.reference true`: 200 steps, start within 0.04, reward 0 on the last step
//
// Version history: 1 first.
#ifndef SHOAL_CARTPOLE_H
#define SHOAL_CARTPOLE_H

#include "shoal/env.h"

#define CARTPOLE_VERSION 1
#define CARTPOLE_STEPS 500            // steps, CartPole-v1
#define CARTPOLE_START 0.05f          // m, m/s, rad, rad/s
#define CARTPOLE_REFERENCE_STEPS 200  // steps
#define CARTPOLE_REFERENCE_START 0.04f
#define CARTPOLE_UNBOUNDED 3.0e38f      // velocities have no bound
#define CARTPOLE_RADIANS 0.0174532925f  // per degree

enum { CARTPOLE_DISCRETE = 0, CARTPOLE_CONTINUOUS = 1 };
enum { CARTPOLE_EULER = 0, CARTPOLE_RK4 = 1 };

#define CARTPOLE_PARAMS(F, I, B, C)                                                                       \
  C(action, "discrete", "discrete|continuous", SIZE, "push left or right, or choose the force")           \
  B(reference, 0, SIZE, "the reference's rules: 200 steps, start within 0.04, reward 0 on the last step") \
  F(gravity, 9.8f, 0, 100, "m/s2", VALUE, "pull downwards")                                               \
  F(cart_mass, 1.0f, 0.1f, 100, "kg", VALUE, "mass of the cart")                                          \
  F(pole_mass, 0.1f, 0.01f, 10, "kg", VALUE, "mass of the pole")                                          \
  F(pole_half_length, 0.5f, 0.05f, 10, "m", VALUE, "hinge to centre of mass of the pole")                 \
  F(force_magnitude, 10.0f, -100, 100, "N", VALUE, "force of a full push; below 0, left pushes right")    \
  F(time_step, 0.02f, 0.001f, 0.1f, "s", VALUE, "simulated time of a step")                               \
  F(x_limit, 2.4f, 0.1f, 100, "m", VALUE, "the cart may be this far from the centre")                     \
  F(angle_limit, 12.0f, 1, 90, "deg", VALUE, "the pole may lean this far")                                \
  C(integrator, "euler", "euler|rk4", VALUE, "explicit Euler as in Gymnasium, or fourth-order Runge-Kutta")

#define CARTPOLE_METRICS(M)                                                        \
  M(perf, "0..1: steps / 500, at most 1 (steps / 200 with the reference's rules)") \
  M(score, "steps the pole stayed up")

SHOAL_PARAMS_STRUCT(Cartpole, CARTPOLE_PARAMS)
SHOAL_METRICS_STRUCT(Cartpole, CARTPOLE_METRICS)
#define SHOAL_ENV_AGENTS 1
#define SHOAL_HAS_SCRIPTED
#define SHOAL_ENV_LANES
#define SHOAL_ENV_USUAL(params) \
  ((params)->action == CARTPOLE_DISCRETE && !(params)->reference && (params)->integrator == CARTPOLE_EULER)

SHOAL_HOST const char *cartpole_spec(const CartpoleParams *params, ShoalSpec *out) {
  out->version = CARTPOLE_VERSION;
  out->agents = 1;
  out->max_steps = params->reference ? CARTPOLE_REFERENCE_STEPS : CARTPOLE_STEPS;
  shoal_field(out, "state", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 4, 1, 0, -CARTPOLE_UNBOUNDED, CARTPOLE_UNBOUNDED,
              "x (m), x_dot (m/s), theta (rad), theta_dot (rad/s)");
  if (params->action == CARTPOLE_CONTINUOUS) {
    shoal_continuous(out, "force", -1.0f, 1.0f);
  } else {
    shoal_discrete(out, "push", 2, 0, "left|right");
  }
  return 0;
}

typedef struct {
  ShoalHead head;
  float x;          // m
  float x_dot;      // m/s
  float theta;      // rad
  float theta_dot;  // rad/s
} CartpoleState;

typedef struct {
  float x;      // m/s2
  float theta;  // rad/s2
} CartpoleAcceleration;

// Accelerations under a horizontal force (N) on the cart: Florian (2007), "Correct equations for the dynamics of the
// cart-pole system", eq. 23 and 24 without friction, with the total mass multiplied out so that the chain from the
// state to the result has one division.
SHOAL_FN CartpoleAcceleration cartpole_acceleration(const CartpoleParams *params, float theta, float theta_dot,
                                                    float force) {
  float sine = shoal_sin(theta), cosine = shoal_cos(theta);
  float mass = params->cart_mass + params->pole_mass;                                                     // kg
  float pole_moment = params->pole_mass * params->pole_half_length;                                       // kg m
  float push = force + pole_moment * theta_dot * theta_dot * sine;                                        // N
  float inertia = params->pole_half_length * (4.0f / 3.0f * mass - params->pole_mass * cosine * cosine);  // kg m
  CartpoleAcceleration out;
  out.theta = (params->gravity * mass * sine - cosine * push) / inertia;
  out.x = (push - pole_moment * cosine * out.theta) * (1.0f / mass);
  return out;
}

SHOAL_FN void cartpole_euler(const CartpoleParams *params, CartpoleState *state, float force) {
  CartpoleAcceleration acceleration = cartpole_acceleration(params, state->theta, state->theta_dot, force);
  float dt = params->time_step;
  state->x += dt * state->x_dot;
  state->x_dot += dt * acceleration.x;
  state->theta += dt * state->theta_dot;
  state->theta_dot += dt * acceleration.theta;
}

// Runge-Kutta with the force held. v and a are the velocities and accelerations at the four stages.
SHOAL_FN void cartpole_rk4(const CartpoleParams *params, CartpoleState *state, float force) {
  float dt = params->time_step, half = 0.5f * dt, sixth = dt / 6.0f;
  float v1 = state->x_dot, w1 = state->theta_dot;
  CartpoleAcceleration a1 = cartpole_acceleration(params, state->theta, w1, force);
  float v2 = v1 + half * a1.x, w2 = w1 + half * a1.theta;
  CartpoleAcceleration a2 = cartpole_acceleration(params, state->theta + half * w1, w2, force);
  float v3 = v1 + half * a2.x, w3 = w1 + half * a2.theta;
  CartpoleAcceleration a3 = cartpole_acceleration(params, state->theta + half * w2, w3, force);
  float v4 = v1 + dt * a3.x, w4 = w1 + dt * a3.theta;
  CartpoleAcceleration a4 = cartpole_acceleration(params, state->theta + dt * w3, w4, force);
  state->x += sixth * (v1 + 2.0f * (v2 + v3) + v4);
  state->x_dot += sixth * (a1.x + 2.0f * (a2.x + a3.x) + a4.x);
  state->theta += sixth * (w1 + 2.0f * (w2 + w3) + w4);
  state->theta_dot += sixth * (a1.theta + 2.0f * (a2.theta + a3.theta) + a4.theta);
}

SHOAL_FN void cartpole_reset(const CartpoleParams *params, const void *shared, CartpoleState *state) {
  (void)shared;
  float start = params->reference ? CARTPOLE_REFERENCE_START : CARTPOLE_START;
  state->x = shoal_uniform(&state->head, -start, start);
  state->x_dot = shoal_uniform(&state->head, -start, start);
  state->theta = shoal_uniform(&state->head, -start, start);
  state->theta_dot = shoal_uniform(&state->head, -start, start);
}

SHOAL_FN void cartpole_step(const CartpoleParams *params, const void *shared, CartpoleState *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  (void)shared;
  float push = params->action == CARTPOLE_CONTINUOUS ? continuous[0] : (float)(2 * discrete[0] - 1);
  float force = push * params->force_magnitude;
  if (__builtin_expect(params->integrator == CARTPOLE_RK4, 0)) {
    cartpole_rk4(params, state, force);
  } else {
    cartpole_euler(params, state, force);
  }
  int32_t fallen =
      (shoal_abs(state->x) > params->x_limit) | (shoal_abs(state->theta) > params->angle_limit * CARTPOLE_RADIANS);
  int32_t steps = (int32_t)state->head.tick;
  int32_t last = params->reference && (fallen || steps >= CARTPOLE_REFERENCE_STEPS);
  result->reward[0] = last ? 0.0f : 1.0f;
  result->ended[0] = fallen ? SHOAL_TERMINATED : 0;
  CartpoleMetrics *metrics = (CartpoleMetrics *)result->metrics;
  float share = params->reference ? 1.0f / CARTPOLE_REFERENCE_STEPS : 1.0f / CARTPOLE_STEPS;
  metrics->perf = shoal_min(1.0f, (float)steps * share);
  metrics->score = (float)steps;
}

SHOAL_FN void cartpole_observe(const CartpoleParams *params, const void *shared, const CartpoleState *state,
                               int32_t agent, void *row, uint8_t *mask) {
  (void)params, (void)shared, (void)agent, (void)mask;
  float *out = (float *)row;
  out[0] = state->x;
  out[1] = state->x_dot;
  out[2] = state->theta;
  out[3] = state->theta_dot;
}

// A linear controller: lean into the fall, drift back to the centre. Below level 1 it acts at random in a share
// 1 - level of the steps.
SHOAL_FN void cartpole_scripted(const CartpoleParams *params, const void *shared, const CartpoleState *state,
                                int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)agent;
  float push = 0.5f * state->x + 1.0f * state->x_dot + 12.0f * state->theta + 3.0f * state->theta_dot;
  push = params->force_magnitude < 0.0f ? -push : push;
  if (shoal_uniform_of(rng) >= level) { push = 2.0f * shoal_uniform_of(shoal_mix(rng)) - 1.0f; }
  if (params->action == CARTPOLE_CONTINUOUS) {
    continuous[0] = shoal_clamp(push, -1.0f, 1.0f);
  } else {
    discrete[0] = push > 0.0f;
  }
}

#endif
