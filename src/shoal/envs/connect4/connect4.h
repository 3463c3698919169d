// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// connect4: four in a row on a board of 7 columns and 6 rows, against an alpha-beta player or another agent.
//
//   observation   field "board", 6 x 7 cells of 3 categories, rows from the top: 0 empty, 1 the agent's, 2 the other's
//                 field "turn", 2 flags as f32: the agent is to move; it plays first in this game
//   action        the column of the stone, 0 on the left; full columns are illegal
//   reward        +1 for the winner, -1 for the loser, 0 for both in a draw
//   a game        the first `random_plies` stones fall into random columns, up to one that would win; then the two
//                 sides take turns. Which agent plays first is drawn for every game, unless `colour` says; where six
//                 stones or more lie, the script never moves before the agent has
//   terminated    four of a colour in a row, column or diagonal; or 42 stones
//   self_play     off: one agent against the script, which answers within the same step
//                 on: two agents, each a team of its own, and a step is one stone. The one who waits is live and has
//                 one legal action, column 0, which is ignored
//   both_sides    one agent plays both sides, and sees the board from the side that is to move: what comes after a step
//                 is the opponent's, worth the negative of what it is worth to that side
//   threats       empty cells where a stone would complete four are shown too: 3 the agent's, 4 the other's, 5 either's
//   slips         a stone of an agent falls into a random column instead, with this probability
//   time limit    42 steps, which no game reaches: the board is full before
//
// The script is an exact minimax of depth `depth`: it sees every line of that many stones, takes the soonest win and
// the latest loss, judges all else as equal, and draws uniformly among the columns that are best.
//
// Version history: 1 first.
#ifndef SHOAL_CONNECT4_H
#define SHOAL_CONNECT4_H

#include "shoal/env.h"

#define CONNECT4_VERSION 1
#define CONNECT4_ROWS 6
#define CONNECT4_COLUMNS 7
#define CONNECT4_CELLS 42
#define CONNECT4_DEEPEST 12  // plies

// A board is a set of cells: bit 7 column + row, row 0 at the bottom. The bit above each column, its seventh, stays
// empty, so that shifted boards do not run from one column into the next.
#define CONNECT4_BOTTOM 0x40810204081u                // row 0 of every column
#define CONNECT4_BOARD (CONNECT4_BOTTOM * 63u)        // all cells
#define CONNECT4_EARLIEST 7                           // stones with which a game can be won
#define CONNECT4_COLUMN(c) ((uint64_t)63 << 7 * (c))  // the cells of a column

enum { CONNECT4_EITHER = 0, CONNECT4_FIRST, CONNECT4_SECOND };

#define CONNECT4_PARAMS(F, I, B, C)                                                                  \
  B(self_play, 0, SIZE, "two agents, each a team of its own; off: one, against the script")          \
  B(both_sides, 0, SIZE, "one agent plays both sides in turn: for a negative train.gamma")           \
  B(threats, 0, SIZE, "show where a stone would complete four")                                      \
  I(depth, 4, 0, CONNECT4_DEEPEST, "stones", VALUE, "how far the script looks ahead; 0: not at all") \
  I(random_plies, 2, 0, 36, "stones", VALUE, "in random columns, at the start of a game")            \
  F(slips, 0.0f, 0, 1, "", VALUE, "share of the agents' stones that fall into a random column")      \
  C(colour, "either", "either|first|second", VALUE, "which side agent 0 plays; either: drawn per game")

#define CONNECT4_METRICS(M)                 \
  M(perf, "0..1: 1 won, 0.5 drawn, 0 lost") \
  M(score, "1 won, 0 drawn, -1 lost")       \
  M(won, "0..1: the game was won")          \
  M(drawn, "0..1: the game was drawn")

SHOAL_PARAMS_STRUCT(Connect4, CONNECT4_PARAMS)
SHOAL_METRICS_STRUCT(Connect4, CONNECT4_METRICS)
#define SHOAL_HAS_SCRIPTED

typedef struct {
  ShoalHead head;
  uint64_t stones[2];  // of the side that plays first, and of the other
  int32_t plies;       // stones on the board; side plies & 1 is to move
  int32_t first;       // the agent that plays first: 0 or 1; without self_play 1 is the script, with both_sides nobody
} Connect4State;

SHOAL_HOST const char *connect4_spec(const Connect4Params *params, ShoalSpec *out) {
  if (params->self_play && params->both_sides) {
    return "both sides are one agent's (both_sides) and two agents' (self_play); expected one of the two";
  }
  out->version = CONNECT4_VERSION;
  out->agents = params->self_play ? 2 : 1;
  out->team_of[1] = 1;
  out->max_steps = CONNECT4_CELLS;
  shoal_field(out, "board", SHOAL_KIND_GRID, SHOAL_U8, CONNECT4_ROWS, CONNECT4_COLUMNS, 1, params->threats ? 6 : 3, 0,
              params->threats ? 5 : 2,
              params->threats ? "0 empty, 1 own, 2 the other's, 3-5 empty and would complete four: own, other's, both"
                              : "0 empty, 1 the agent's stone, 2 the other's; rows from the top");
  shoal_field(out, "turn", SHOAL_KIND_FLAG, SHOAL_F32, 1, 2, 1, 0, 0, 1, "the agent is to move; it plays first");
  shoal_discrete(out, "column", CONNECT4_COLUMNS, 1, "1|2|3|4|5|6|7");
  return 0;
}

// ---------------------------------------------------------------------------------------------------- boards

// The cells into which a stone can fall.
SHOAL_FN uint64_t connect4_free(uint64_t all) { return (all + CONNECT4_BOTTOM) & CONNECT4_BOARD; }

// Are there four in a row: along a column, a row, and both diagonals.
SHOAL_FN int32_t connect4_four(uint64_t stones) {
  uint64_t column = stones & stones >> 1, row = stones & stones >> 7;
  uint64_t falling = stones & stones >> 6, rising = stones & stones >> 8;
  return ((column & column >> 2) | (row & row >> 14) | (falling & falling >> 12) | (rising & rising >> 16)) != 0;
}

// The cells that would complete four along one direction, whether they are empty or not.
SHOAL_FN uint64_t connect4_completing(uint64_t stones, int32_t shift) {
  uint64_t above = stones << shift & stones << 2 * shift, below = stones >> shift & stones >> 2 * shift;
  return (above & (stones << 3 * shift | stones >> shift)) | (below & (stones >> 3 * shift | stones << shift));
}

// The empty cells in which a stone would complete four, reachable or not.
SHOAL_FN uint64_t connect4_threats(uint64_t stones, uint64_t all) {
  uint64_t column = stones << 1 & stones << 2 & stones << 3;
  uint64_t other = connect4_completing(stones, 6) | connect4_completing(stones, 7) | connect4_completing(stones, 8);
  return (column | other) & (CONNECT4_BOARD & ~all);
}

// The free cells after which the other side, with these threats, cannot win at once.
SHOAL_FN uint64_t connect4_safe(uint64_t free, uint64_t threats) {
  uint64_t forced = free & threats;
  uint64_t safe = forced == 0 ? free : (forced & (forced - 1)) == 0 ? forced : 0;
  return safe & ~(threats >> 1);  // a stone below a threat makes it reachable
}

// One of the set bits of `cells`, at most one a column, drawn uniformly; cells is not 0.
SHOAL_FN uint64_t connect4_draw_one(uint64_t cells, uint64_t random) {
  uint32_t count = 0;
  for (uint64_t rest = cells; rest; rest &= rest - 1) { count++; }
  for (uint64_t skip = (random >> 32) * count >> 32; skip; skip--) { cells &= cells - 1; }
  return cells & (0u - cells);
}

SHOAL_FN int32_t connect4_column_of(uint64_t cell) {
  int32_t column = 0;
  while (!(cell & CONNECT4_COLUMN(column)) && column < CONNECT4_COLUMNS - 1) { column++; }
  return column;
}

// ---------------------------------------------------------------------------------------------------- search
//
// Values are for the side to move with `left` stones to look ahead: left when it wins with the next stone, one less for
// every stone later, negative when it loses; 0 when neither happens in time, or the board is full.

typedef struct {
  uint64_t own, all;    // stones of the side to move, and of both
  uint64_t safe;        // cells not yet tried
  int32_t left;         // stones to look ahead
  int32_t alpha, beta;  // the window
  int32_t best;         // value so far
} Connect4Node;

// The most central of these cells.
SHOAL_FN uint64_t connect4_central(uint64_t cells) {
  SHOAL_TABLE int32_t order[CONNECT4_COLUMNS] = {3, 2, 4, 1, 5, 0, 6};
  uint64_t cell = 0;
  for (int32_t i = 0; !cell && i < CONNECT4_COLUMNS; i++) { cell = cells & CONNECT4_COLUMN(order[i]); }
  return cell;
}

// The value of a position whose side to move cannot win at once, for left >= 2: exact within (alpha, beta), and outside
// on the right side of them. Alpha-beta over the moves that do not lose at once, depth first, with the path on a stack
// of its own. A node with two stones to look ahead has no children: its value is seen from the threats.
SHOAL_FN int32_t connect4_value(uint64_t own, uint64_t all, int32_t left, int32_t alpha, int32_t beta) {
  Connect4Node stack[CONNECT4_DEEPEST] = {{own, all, 0, left, alpha, beta, 0}}, *node = stack;
  int32_t entering = 1, value = 0;
  for (;;) {
    if (entering) {
      uint64_t free = connect4_free(node->all);
      node->safe = connect4_safe(free, connect4_threats(node->all ^ node->own, node->all));
      node->best = 1 - node->left;                          // to lose to the next stone but one: the worst
      node->beta = shoal_mini(node->beta, node->left - 2);  // to win with the next stone but one: the best
      if (!node->safe || node->left == 2) {
        value = free && !node->safe ? node->best : 0;
        entering = 0;
      }
    }
    if (!entering) {  // `value` is the node's, for its side to move
      if (node == stack) { return value; }
      node--;
      node->best = shoal_maxi(node->best, -value);
      node->alpha = shoal_maxi(node->alpha, node->best);
    }
    entering = node->safe != 0 && node->alpha < node->beta;
    if (!entering) {
      value = node->best;
      continue;
    }
    uint64_t cell = connect4_central(node->safe);
    node->safe ^= cell;
    node[1].own = node->all ^ node->own;
    node[1].all = node->all | cell;
    node[1].left = node->left - 1;
    node[1].alpha = -node->beta;
    node[1].beta = -node->alpha;
    node++;
  }
}

// The cells of the best moves of a side to move, by exact minimax over `depth` stones. The board is not full.
SHOAL_FN uint64_t connect4_best(uint64_t own, uint64_t all, int32_t depth) {
  uint64_t free = connect4_free(all), wins = depth > 0 ? free & connect4_threats(own, all) : 0;
  if (depth < 1 || wins) { return wins ? wins : free; }
  uint64_t safe = depth < 2 ? free : connect4_safe(free, connect4_threats(all ^ own, all)), best = 0;
  if (!safe) { return free; }  // each of them loses to the next stone
  if (depth <= 2 || (safe & (safe - 1)) == 0) { return safe; }
  int32_t most = -depth;
  for (uint64_t rest = safe; rest;) {
    uint64_t cell = connect4_central(rest);
    rest ^= cell;
    int32_t value = -connect4_value(all ^ own, all | cell, depth - 1, -depth, 1 - most);  // exact from `most` on
    if (value > most) { best = 0; }
    if (value >= most) { best |= cell; }
    most = shoal_maxi(most, value);
  }
  return best;
}

// ---------------------------------------------------------------------------------------------------- the game

// The side to move puts a stone into a free cell. Returns 1 if that wins.
SHOAL_FN int32_t connect4_put(Connect4State *state, uint64_t cell) {
  uint64_t *own = &state->stones[state->plies++ & 1];
  *own |= cell;
  return connect4_four(*own);
}

SHOAL_FN int32_t connect4_mover(const Connect4State *state) { return state->first ^ (state->plies & 1); }

// The script answers. Returns 1 if that wins.
SHOAL_FN int32_t connect4_answer(const Connect4Params *params, Connect4State *state) {
  uint64_t all = state->stones[0] | state->stones[1];
  uint64_t best = connect4_best(state->stones[state->plies & 1], all, params->depth);
  return connect4_put(state, connect4_draw_one(best, shoal_random(&state->head)));
}

SHOAL_FN void connect4_reset(const Connect4Params *params, const void *shared, Connect4State *state) {
  (void)shared;
  state->first = params->colour == CONNECT4_EITHER ? shoal_below(&state->head, 2) : params->colour == CONNECT4_SECOND;
  for (int32_t ply = 0; ply < params->random_plies; ply++) {
    uint64_t free = connect4_free(state->stones[0] | state->stones[1]);
    uint64_t cell = connect4_draw_one(free, shoal_random(&state->head));
    if (connect4_four(state->stones[ply & 1] | cell)) { break; }
    connect4_put(state, cell);
  }
  if (params->both_sides) {
    state->first = state->plies & 1;
  } else if (!params->self_play && connect4_mover(state) == 1) {
    if (state->plies + 1 < CONNECT4_EARLIEST) {
      connect4_answer(params, state);
    } else {  // its answer could win, and the game would be over before it begins
      state->first ^= 1;
    }
  }
}

SHOAL_FN void connect4_step(const Connect4Params *params, const void *shared, Connect4State *state,
                            const int32_t *discrete, const float *continuous, const ShoalResult *result) {
  (void)shared, (void)continuous;
  Connect4Metrics *metrics = (Connect4Metrics *)result->metrics;
  int32_t mover = connect4_mover(state);
  uint64_t free = connect4_free(state->stones[0] | state->stones[1]);
  uint64_t cell = free & CONNECT4_COLUMN(discrete[params->self_play ? mover : 0]);
  if (params->slips > 0.0f && shoal_uniform(&state->head, 0.0f, 1.0f) < params->slips) {
    cell = connect4_draw_one(free, shoal_random(&state->head));
  }
  int32_t won = connect4_put(state, cell);
  int32_t full = state->plies == CONNECT4_CELLS;
  if (!params->self_play && !params->both_sides && !won && !full) {
    mover = 1;
    won = connect4_answer(params, state);
    full = state->plies == CONNECT4_CELLS;
  }
  if (!won && !full) {
    if (params->both_sides) { state->first = state->plies & 1; }  // agent 0 goes on as the other side
    return;
  }
  for (int32_t agent = 0; agent < 1 + params->self_play; agent++) {
    float outcome = won ? (agent == mover ? 1.0f : -1.0f) : 0.0f;
    result->reward[agent] = outcome;
    result->ended[agent] = SHOAL_TERMINATED;
    // Metrics are of the side that plays first where an agent is both.
    if (params->both_sides && state->plies % 2 == 0) { outcome = -outcome; }
    metrics[agent].perf = 0.5f + 0.5f * outcome;
    metrics[agent].score = outcome;
    metrics[agent].won = outcome > 0.0f;
    metrics[agent].drawn = outcome == 0.0f;
  }
}

SHOAL_FN void connect4_observe(const Connect4Params *params, const void *shared, const Connect4State *state,
                               int32_t agent, void *row, uint8_t *mask) {
  (void)shared;
  int32_t side = agent ^ state->first, turn = (state->plies & 1) == side;
  uint64_t own = state->stones[side], other = state->stones[1 - side], all = own | other;
  uint64_t free = connect4_free(all), mine = params->threats ? connect4_threats(own, all) : 0;
  uint64_t theirs = params->threats ? connect4_threats(other, all) : 0;
  uint64_t ones = own | mine, twos = other | (mine & ~theirs);  // the bits of 1, 2, 3, 4 and 5
  uint8_t *cells = (uint8_t *)row;
  for (int32_t r = 0; r < CONNECT4_ROWS; r++) {
    for (int32_t c = 0; c < CONNECT4_COLUMNS; c++) {
      int32_t bit = 7 * c + CONNECT4_ROWS - 1 - r;
      cells[CONNECT4_COLUMNS * r + c] =
          (uint8_t)((ones >> bit & 1u) | (twos >> bit & 1u) << 1 | (theirs >> bit & 1u) << 2);
    }
  }
  __builtin_memset(cells + CONNECT4_CELLS, 0, 2);  // up to the alignment of the flags
  float *flags = (float *)(void *)(cells + CONNECT4_CELLS + 2);
  flags[0] = (float)turn;
  flags[1] = (float)(side == 0);
  uint64_t open = turn && free ? free : CONNECT4_COLUMN(0);  // a full board, too, has a legal action
  for (int32_t c = 0; c < CONNECT4_COLUMNS; c++) { mask[c] = (open & CONNECT4_COLUMN(c)) != 0; }
}

// The script of depth `level` for levels of 2 and more; up to 1 the one of depth `depth`, at random in a share 1 -
// level of its moves.
SHOAL_FN void connect4_scripted(const Connect4Params *params, const void *shared, const Connect4State *state,
                                int32_t agent, float level, uint64_t rng, int32_t *discrete, float *continuous) {
  (void)shared, (void)continuous;
  uint64_t all = state->stones[0] | state->stones[1];
  if (connect4_mover(state) != agent) {
    discrete[0] = 0;
    return;
  }
  int32_t deep = level > 1.0f ? shoal_mini((int32_t)level, CONNECT4_DEEPEST) : params->depth;
  int32_t random = level <= 1.0f && shoal_uniform_of(rng) >= level;
  uint64_t best = connect4_best(state->stones[agent ^ state->first], all, random ? 0 : deep);
  discrete[0] = connect4_column_of(connect4_draw_one(best, shoal_mix(rng)));
}

#endif
