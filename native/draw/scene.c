// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// 3-D items: projected, hidden by depth, shaded by one light, four samples to a pixel.
//
// The picture is drawn in bands of rows (band.h); every band walks the items anew and passes over those that cannot
// reach it.
#include "draw/band.h"

enum { SIDES = 24 };  // of a cylinder

typedef struct {
  float x, y, z;
} Vec3;

typedef struct {
  ShoalBand band;
  Vec3 eye, target, right, up, forward;
  Vec3 light;                       // towards it, in the world
  float focal, centre_x, centre_y;  // pixels
  float near;
} View;

static Vec3 vec3(const float *a) {
  Vec3 v = {a[0], a[1], a[2]};
  return v;
}
static Vec3 add(Vec3 a, Vec3 b, float scale) {
  Vec3 v = {a.x + b.x * scale, a.y + b.y * scale, a.z + b.z * scale};
  return v;
}
static float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vec3 cross(Vec3 a, Vec3 b) {
  Vec3 v = {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
  return v;
}
static Vec3 unit(Vec3 a) {
  Vec3 zero = {0.0f, 0.0f, 0.0f};
  float length = shoal_sqrt(dot(a, a));
  return length > 1e-20f && length < 1e20f ? add(zero, a, 1.0f / length) : zero;
}
static Vec3 any_across(Vec3 a) {
  Vec3 x = {1.0f, 0.0f, 0.0f}, y = {0.0f, 1.0f, 0.0f};
  return unit(cross(a, shoal_abs(a.x) < 0.8f ? x : y));
}

// ---------------------------------------------------------------------------------------------------- view

static View look(ShoalRaster *raster, const float *a) {
  View view = {.band = shoal_band_of(raster), .eye = vec3(a), .target = vec3(a + 3)};
  Vec3 z = {0.0f, 0.0f, 1.0f}, sun = {-0.35f, -0.55f, 0.85f};
  Vec3 along = add(view.target, view.eye, -1.0f);
  float distance = shoal_sqrt(dot(along, along)), angle = shoal_clamp(a[6], 0.02f, 3.0f);
  view.forward = unit(along);
  view.right = unit(cross(view.forward, z));
  if (dot(view.right, view.right) < 0.5f) { view.right = any_across(view.forward); }  // straight up or down
  view.up = cross(view.right, view.forward);
  view.light = unit(sun);
  view.near = shoal_clamp(1e-3f * distance, 1e-6f, 1e3f);
  view.focal =
      0.5f * (float)shoal_mini(raster->width, raster->height) * shoal_cos(0.5f * angle) / shoal_sin(0.5f * angle);
  view.centre_x = 0.5f * (float)raster->width;
  view.centre_y = 0.5f * (float)raster->height;
  return view;
}

// To the camera's axes: x right, y up, z forward.
static Vec3 seen(const View *view, Vec3 p) {
  Vec3 d = add(p, view->eye, -1.0f);
  Vec3 v = {dot(d, view->right), dot(d, view->up), dot(d, view->forward)};
  return v;
}

// The pixels that a ball in the camera's axes can touch within the band; 0 if none.
static int32_t reach_of(const View *view, Vec3 c, float r, ShoalArea *area) {
  int32_t width = view->band.raster->width;
  ShoalArea all = {0, view->band.top, width, view->band.bottom};
  *area = all;
  if (!(c.z + r > view->near)) { return 0; }
  float close = c.z - r, far = c.z + r;
  if (close <= view->near) { return 1; }
  float x0 = (c.x - r) / (c.x > r ? far : close), x1 = (c.x + r) / (c.x + r > 0.0f ? close : far);
  float y0 = (c.y - r) / (c.y > r ? far : close), y1 = (c.y + r) / (c.y + r > 0.0f ? close : far);
  area->x0 = shoal_to_pixel(shoal_floor(view->centre_x + view->focal * x0), 0, width);
  area->x1 = shoal_to_pixel(shoal_floor(view->centre_x + view->focal * x1) + 1.0f, area->x0, width);
  area->y0 = shoal_to_pixel(shoal_floor(view->centre_y - view->focal * y1), view->band.top, view->band.bottom);
  area->y1 = shoal_to_pixel(shoal_floor(view->centre_y - view->focal * y0) + 1.0f, area->y0, view->band.bottom);
  return area->x0 < area->x1 && area->y0 < area->y1;
}

static float brightness(const View *view, Vec3 normal) {
  return 0.5f + 0.3f * shoal_max(dot(normal, view->light), 0.0f) + 0.2f * (0.5f + 0.5f * normal.z);
}

// ---------------------------------------------------------------------------------------------------- triangles

static ShoalCorner project(const View *view, Vec3 v, float light) {
  ShoalCorner corner = {(double)view->centre_x + (double)view->focal * (double)v.x / (double)v.z,
                        (double)view->centre_y - (double)view->focal * (double)v.y / (double)v.z, 1.0 / (double)v.z,
                        (double)light};
  return corner;
}

// A triangle in the camera's axes, cut where it comes nearer than the near plane.
static void triangle(const View *view, const Vec3 v[3], const float light[3], uint32_t colour) {
  ShoalCorner kept[4];
  int32_t count = 0;
  for (int32_t i = 0; i < 3; i++) {
    int32_t j = (i + 1) % 3, in = v[i].z > view->near, next_in = v[j].z > view->near;
    if (in) { kept[count++] = project(view, v[i], light[i]); }
    if (in != next_in) {
      float t = (view->near - v[i].z) / (v[j].z - v[i].z);
      Vec3 cut = {shoal_lerp(v[i].x, v[j].x, t), shoal_lerp(v[i].y, v[j].y, t), view->near};
      kept[count++] = project(view, cut, shoal_lerp(light[i], light[j], t));
    }
  }
  if (count >= 3) { shoal_band_triangle(&view->band, &kept[0], &kept[1], &kept[2], colour); }
  if (count == 4) { shoal_band_triangle(&view->band, &kept[0], &kept[2], &kept[3], colour); }
}

static void world_triangle(const View *view, Vec3 a, Vec3 b, Vec3 c, float la, float lb, float lc, uint32_t colour) {
  Vec3 v[3] = {seen(view, a), seen(view, b), seen(view, c)};
  float light[3] = {la, lb, lc};
  triangle(view, v, light, colour);
}

// ---------------------------------------------------------------------------------------------------- items

static Vec3 rotated(const float *q, Vec3 v) {
  Vec3 axis = {q[1], q[2], q[3]}, twice = cross(axis, v);
  twice = add(twice, twice, 1.0f);
  return add(add(v, twice, q[0]), cross(axis, twice), 1.0f);
}

static void draw_box(const View *view, const float *a, uint32_t colour) {
  float q[4] = {a[6], a[7], a[8], a[9]}, norm = shoal_sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  if (!(norm > 1e-10f && norm < 1e10f)) { return; }
  for (int32_t i = 0; i < 4; i++) { q[i] /= norm; }
  ShoalArea area;
  Vec3 centre = vec3(a);
  float half[3] = {a[3], a[4], a[5]};
  float radius = shoal_sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2]);
  if (!reach_of(view, seen(view, centre), radius, &area)) { return; }
  for (int32_t face = 0; face < 6; face++) {
    int32_t k = face / 2, i = (k + 1) % 3, j = (k + 2) % 3;
    float side = face & 1 ? 1.0f : -1.0f, n[3] = {0.0f, 0.0f, 0.0f};
    Vec3 corners[4];
    n[k] = side;
    for (int32_t c = 0; c < 4; c++) {
      float p[3];
      p[k] = side * half[k];
      p[i] = (c == 1 || c == 2 ? 1.0f : -1.0f) * half[i];
      p[j] = (c >= 2 ? 1.0f : -1.0f) * half[j];
      corners[c] = add(centre, rotated(q, vec3(p)), 1.0f);
    }
    float light = brightness(view, rotated(q, vec3(n)));
    world_triangle(view, corners[0], corners[1], corners[2], light, light, light, colour);
    world_triangle(view, corners[0], corners[2], corners[3], light, light, light, colour);
  }
}

// Exact: each sample's ray against the sphere.
static void draw_sphere(const View *view, const float *a, uint32_t colour) {
  Vec3 c = seen(view, vec3(a));
  float r = shoal_abs(a[3]), gap = dot(c, c) - r * r;
  ShoalArea area;
  int32_t taken = shoal_samples_of(colour);
  if (!reach_of(view, c, r, &area)) { return; }
  for (int32_t y = area.y0; y < area.y1; y++) {
    for (int32_t x = area.x0; x < area.x1; x++) {
      uint32_t pixel = 0;
      for (int32_t s = 0; s < taken; s++) {
        Vec3 d = {((float)x + (float)shoal_sample_x[s] - view->centre_x) / view->focal,
                  (view->centre_y - (float)y - (float)shoal_sample_y[s]) / view->focal, 1.0f};
        float dd = dot(d, d), dc = dot(d, c), root = dc * dc - dd * gap;
        if (!(root > 0.0f)) { continue; }
        float t = (dc - shoal_sqrt(root)) / dd;
        if (!(t > view->near)) { continue; }
        if (!pixel) {
          Vec3 hit = {d.x * t - c.x, d.y * t - c.y, t - c.z}, zero = {0.0f, 0.0f, 0.0f};
          Vec3 normal = add(add(add(zero, view->right, hit.x), view->up, hit.y), view->forward, hit.z);
          pixel = shoal_shaded(colour, brightness(view, unit(normal)));
        }
        shoal_band_put(&view->band, x, y, s, 1.0f / t, pixel);
      }
    }
  }
}

static void draw_cylinder(const View *view, const float *a, uint32_t colour) {
  Vec3 from = vec3(a), to = vec3(a + 3), along = add(to, from, -1.0f), axis = unit(along);
  float length = shoal_sqrt(dot(along, along)), r0 = shoal_abs(a[6]), r1 = shoal_abs(a[7]);
  ShoalArea area;
  if (!(length > 1e-12f)) { return; }
  if (!reach_of(view, seen(view, add(from, along, 0.5f)), 0.5f * length + shoal_max(r0, r1), &area)) { return; }
  Vec3 u = any_across(axis), v = cross(axis, u), back = add(axis, axis, -2.0f);
  float slope = (r0 - r1) / length, lid = brightness(view, axis), foot = brightness(view, back);
  for (int32_t i = 0; i < SIDES; i++) {
    Vec3 side[2];
    float light[2];
    for (int32_t k = 0; k < 2; k++) {
      float angle = 2.0f * SHOAL_PI * (float)(i + k) / SIDES;
      Vec3 zero = {0.0f, 0.0f, 0.0f};
      side[k] = add(add(zero, u, shoal_cos(angle)), v, shoal_sin(angle));
      light[k] = brightness(view, unit(add(side[k], axis, slope)));
    }
    Vec3 a0 = add(from, side[0], r0), a1 = add(from, side[1], r0), b0 = add(to, side[0], r1), b1 = add(to, side[1], r1);
    world_triangle(view, a0, a1, b1, light[0], light[1], light[1], colour);
    world_triangle(view, a0, b1, b0, light[0], light[1], light[0], colour);
    world_triangle(view, from, a0, a1, foot, foot, foot, colour);
    world_triangle(view, to, b0, b1, lid, lid, lid, colour);
  }
}

// A ribbon that faces the camera.
static void draw_line3(const View *view, const float *a, uint32_t colour) {
  Vec3 p = seen(view, vec3(a)), q = seen(view, vec3(a + 3));
  if (p.z <= view->near && q.z <= view->near) { return; }
  if (p.z <= view->near || q.z <= view->near) {
    float t = (view->near - p.z) / (q.z - p.z);
    Vec3 cut = {shoal_lerp(p.x, q.x, t), shoal_lerp(p.y, q.y, t), view->near};
    *(p.z <= view->near ? &p : &q) = cut;
  }
  ShoalCorner from = project(view, p, 1.0f), to = project(view, q, 1.0f);
  double dx = to.x - from.x, dy = to.y - from.y, length = __builtin_sqrt(dx * dx + dy * dy);
  if (!(length > 1e-9)) { return; }
  double half = 0.5 * (double)shoal_clamp(a[6], 1.0f, 1000.0f), nx = -dy / length * half, ny = dx / length * half;
  ShoalCorner corners[4] = {from, from, to, to};
  for (int32_t c = 0; c < 4; c++) {
    corners[c].x += c == 0 || c == 3 ? nx : -nx;
    corners[c].y += c == 0 || c == 3 ? ny : -ny;
  }
  shoal_band_triangle(&view->band, &corners[0], &corners[1], &corners[2], colour);
  shoal_band_triangle(&view->band, &corners[0], &corners[2], &corners[3], colour);
}

static void draw_mesh(const View *view, const ShoalItem *item) {
  const float *vertices = (const float *)(const void *)(item + 1);
  const int32_t *indices = (const int32_t *)(const void *)(vertices + 3 * (int64_t)item->n[0]);
  for (int64_t t = 0; t < item->n[1]; t++) {
    Vec3 v[3];
    int32_t good = 1;
    for (int32_t k = 0; k < 3 && good; k++) {
      int32_t i = indices[3 * t + k];
      good = i >= 0 && i < item->n[0];
      v[k] = vec3(vertices + (good ? 3 * (int64_t)i : 0));
      good &= dot(v[k], v[k]) < 1e30f;  // neither NaN nor beyond all measure
    }
    if (!good) { continue; }
    float light = brightness(view, unit(cross(add(v[1], v[0], -1.0f), add(v[2], v[0], -1.0f))));
    world_triangle(view, v[0], v[1], v[2], light, light, light, item->colour);
  }
}

// ---------------------------------------------------------------------------------------------------- ground

static float line_cover(float u, float step) {  // u in spacings, step: spacings per pixel
  float away = shoal_abs(u - shoal_floor(u + 0.5f)) / shoal_max(step, 1e-6f);
  return shoal_clamp(1.1f - away, 0.0f, 1.0f) * shoal_clamp(1.2f - 2.0f * step, 0.0f, 1.0f);
}

// Straight onto the picture, behind everything: for each pixel, where its ray meets the level.
static void draw_ground(const View *view, const float *a, uint32_t colour) {
  float height = a[0] - view->eye.z, spacing = a[1], extent = a[2], opacity = (float)shoal_opacity(colour);
  uint32_t pixel = shoal_pixel(colour);
  if (!(spacing > 1e-6f && extent > 1e-6f)) { return; }
  for (int32_t y = view->band.top; y < view->band.bottom; y++) {
    uint32_t *row = shoal_row(view->band.raster, y);
    float sy = (view->centre_y - (float)y - 0.5f) / view->focal;
    for (int32_t x = 0; x < view->band.raster->width; x++) {
      float sx = ((float)x + 0.5f - view->centre_x) / view->focal;
      Vec3 d = add(add(view->forward, view->right, sx), view->up, sy);
      float t = height / d.z;
      if (!(t > 0.0f && t < 1e6f * extent)) { continue; }
      float px = view->eye.x + t * d.x, py = view->eye.y + t * d.y;
      float dx = px - view->target.x, dy = py - view->target.y;
      float fade = 1.0f - shoal_sqrt(dx * dx + dy * dy) / extent;
      if (!(fade > 0.0f)) { continue; }
      // How far the ray's end moves when the pixel does, by one to the right and one up.
      float scale = t / view->focal, tilt_x = view->right.z / d.z, tilt_y = view->up.z / d.z;
      float ux = shoal_abs(view->right.x - d.x * tilt_x) + shoal_abs(view->up.x - d.x * tilt_y);
      float uy = shoal_abs(view->right.y - d.y * tilt_x) + shoal_abs(view->up.y - d.y * tilt_y);
      float cover =
          shoal_max(line_cover(px / spacing, ux * scale / spacing), line_cover(py / spacing, uy * scale / spacing));
      row[x] = shoal_blend(row[x], pixel, shoal_weight(cover * shoal_min(2.0f * fade, 1.0f), opacity));
    }
  }
}

// ---------------------------------------------------------------------------------------------------- the scene

static int32_t is_scenery(int32_t kind) { return kind > SHOAL_ITEM_CAMERA && kind <= SHOAL_ITEM_MESH; }

static int32_t is_in_reach(const ShoalItem *item) {
  float sum = 0.0f;
  for (int32_t i = 0; i < 10; i++) { sum += shoal_abs(item->a[i]); }
  return sum < 1e12f;  // so that no square overflows; also false for NaN
}

const uint8_t *shoal_raster_scene(ShoalRaster *raster, const uint8_t *items, const uint8_t *end) {
  const ShoalItem *camera = (const ShoalItem *)(const void *)items;
  const uint8_t *first = items + camera->bytes, *last = first;
  while (last < end && shoal_item_is_well_formed((const ShoalItem *)(const void *)last, end - last) &&
         is_scenery(((const ShoalItem *)(const void *)last)->kind)) {
    last += ((const ShoalItem *)(const void *)last)->bytes;
  }
  View view = look(raster, camera->a);
  if (!is_in_reach(camera) || !(dot(view.forward, view.forward) > 0.5f)) { return last; }
  for (int32_t top = 0; top < raster->height; top += SHOAL_BAND) {
    shoal_band_begin(&view.band, top);
    for (const uint8_t *at = first; at < last;) {
      const ShoalItem *item = (const ShoalItem *)(const void *)at;
      at += item->bytes;
      if (!is_in_reach(item)) { continue; }
      switch (item->kind) {
        case SHOAL_ITEM_GROUND: draw_ground(&view, item->a, item->colour); break;
        case SHOAL_ITEM_BOX: draw_box(&view, item->a, item->colour); break;
        case SHOAL_ITEM_SPHERE: draw_sphere(&view, item->a, item->colour); break;
        case SHOAL_ITEM_CYLINDER: draw_cylinder(&view, item->a, item->colour); break;
        case SHOAL_ITEM_LINE3: draw_line3(&view, item->a, item->colour); break;
        default: draw_mesh(&view, item); break;
      }
    }
    shoal_band_resolve(&view.band);
  }
  return last;
}
