// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The font, drawn for shoal: strokes on a grid of 1/12 of a capital's height. A character is a list of strokes
// separated by spaces, a stroke a list of points: a digit for x, 0 to 8, and a letter for y:
//
//   a -4 descender   e 0 baseline   i 4   k 6   m 8 small letters   q 12 capitals
//
// A capital letter makes the corner round: the stroke leaves its lines halfway to the next round corner, or as far back
// as the next point, and bends with the corner as control point of a quadratic curve. A stroke through one point twice
// is a dot.
#include "draw/raster.h"

SHOAL_TABLE char *const strokes[95] = {
    0,                             // space
    "0q0j 0e0e",                   // !
    "0q0n 3q3n",                   // "
    "2e2q 6e6q 0i8i 0m8m",         // #
    "8n8Q0Q0K8K8E0E0h 4s4c",       // $
    "0e8q 0q2q2n0n0q 6h8h8e6e6h",  // %
    "8e1n1Q6Q6N0I0E6E8j",          // &
    "0q0n",                        // '
    "2r0N0F2c",                    // (
    "0r2N2F0c",                    // )
    "3p3j 0o6k 0k6o",              // *
    "0j6j 3m3g",                   // +
    "1e0c",                        // ,
    "0j5j",                        // -
    "0e0e",                        // .
    "0d6r",                        // /
    "3q7Q7E0E0Q3q",                // 0
    "1n4q4e 1e7e",                 // 1
    "0n0Q7Q7L0e7e",                // 2
    "0n0Q7Q7K3k 3k7K7E0E0h",       // 3
    "5e5q0i7i",                    // 4
    "7q0q0l7L7E0E0g",              // 5
    "7o7Q0Q0E7E7L0L0j",            // 6
    "0q7q3e",                      // 7
    "3l7L7Q0Q0L3l 3l7L7E0E0L3l",   // 8
    "0g0E7E7Q0Q0J7J7l",            // 9
    "0e0e 0l0l",                   // :
    "1e0c 1l1l",                   // ;
    "6n0j6f",                      // <
    "0l6l 0h6h",                   // =
    "0n6j0f",                      // >
    "0n0Q6Q6L3L3h 3e3e",           // ?
    "6h6m3m3h8h8Q0Q0E8e",          // @
    "0e4q8e 1h7h",                 // A
    "0e0q7Q7K0k 0k8K8E0e",         // B
    "8n8Q0Q0E8E8h",                // C
    "0e0q8Q8E0e",                  // D
    "7e0e0q7q 0k6k",               // E
    "0e0q7q 0k6k",                 // F
    "8n8Q0Q0E8E8k5k",              // G
    "0e0q 8e8q 0k8k",              // H
    "0e0q",                        // I
    "6q6E0E0h",                    // J
    "0e0q 7q0i 2k7e",              // K
    "0q0e7e",                      // L
    "0e0q4i8q8e",                  // M
    "0e0q8e8q",                    // N
    "4q8Q8E0E0Q4q",                // O
    "0e0q8Q8J0j",                  // P
    "4q8Q8E0E0Q4q 5h8d",           // Q
    "0e0q8Q8J0j 4j8e",             // R
    "8n8Q0Q0K8K8E0E0h",            // S
    "0q8q 4e4q",                   // T
    "0q0E8E8q",                    // U
    "0q4e8q",                      // V
    "0q2e4m6e8q",                  // W
    "0e8q 0q8e",                   // X
    "0q4k8q 4k4e",                 // Y
    "0q8q0e8e",                    // Z
    "2r0r0c2c",                    // [
    "0r6d",                        // backslash
    "0r2r2c0c",                    // ]
    "0n3q6n",                      // ^
    "0c7c",                        // _
    "0q2o",                        // `
    "6m6e 6m0M0E6e",               // a
    "0q0e6E6M0m",                  // b
    "6l6M0M0E6E6f",                // c
    "6q6e0E0M6m",                  // d
    "0i6i6M0M0E5e",                // e
    "5q2Q2e 0m5m",                 // f
    "6m6A0a 6m0M0E6e",             // g
    "0e0q 0m6M6e",                 // h
    "0e0m 0q0q",                   // i
    "2m2A0a 2q2q",                 // j
    "0e0q 6m0h 2j6e",              // k
    "0q0E2e",                      // l
    "0e0m 0m4M4e 4m8M8e",          // m
    "0e0m 0m6M6e",                 // n
    "3m6M6E0E0M3m",                // o
    "0a0m6M6E0e",                  // p
    "6a6m0M0E6e",                  // q
    "0e0m 0i0M4m",                 // r
    "6l6M0M0I6I6E0E0f",            // s
    "2q2E5e 0m5m",                 // t
    "0m0E6e 6m6e",                 // u
    "0m3e6m",                      // v
    "0m2e4m6e8m",                  // w
    "0e6m 0m6e",                   // x
    "0m3e 6m1a",                   // y
    "0m6m0e6e",                    // z
    "3r1R1J0j0j1J1C3c",            // {
    "0c0r",                        // |
    "0r2R2J3j3j2J2C0c",            // }
    "0j0L3L3I6I6k",                // ~
};

const char *shoal_font_strokes(int32_t character) {
  SHOAL_TABLE char unknown[] = "0e0q6q6e0e";  // a box, for what is not in the font
  if (character == ' ') { return 0; }
  return character > 32 && character < 127 ? strokes[character - 32] : unknown;
}
