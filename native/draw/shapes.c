// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
//
// The filled 2-D shapes. Each goes row by row: a span that is covered whole, which is where the time goes and is a
// plain fill, and the few pixels at its ends.
#include "draw/raster.h"

static float share(float low, float high, float from, float to) {
  return shoal_max(shoal_min(high, to) - shoal_max(low, from), 0.0f);
}

// ---------------------------------------------------------------------------------------------------- rectangles

// The pixels of a row between its sharp ends, first..last covered from side to side, and those at its ends in part.
typedef struct {
  float x0, x1;
  int32_t from, first, last, to;
} Row;

static Row row_of(const ShoalArea *area, float x0, float x1, float inset) {
  Row row = {x0, x1, area->x0, 0, 0, area->x1};
  row.first = shoal_to_pixel(-shoal_floor(-(x0 + inset)), area->x0, area->x1);
  row.last = shoal_to_pixel(shoal_floor(x1 - inset), row.first, area->x1);
  return row;
}

// Exact: a pixel's coverage is the product of what is covered of its two sides. tall: of the row's height, times
// opacity.
static void fill_row(uint32_t *pixels, const Row *row, uint32_t pixel, float tall) {
  for (int32_t x = row->from; x < row->first; x++) {
    float wide = share(row->x0, row->x1, (float)x, (float)x + 1.0f);
    pixels[x] = shoal_blend(pixels[x], pixel, shoal_weight(wide, tall));
  }
  shoal_span(pixels, row->first, row->last, pixel, shoal_weight(1.0f, tall));
  for (int32_t x = row->last; x < row->to; x++) {
    float wide = share(row->x0, row->x1, (float)x, (float)x + 1.0f);
    pixels[x] = shoal_blend(pixels[x], pixel, shoal_weight(wide, tall));
  }
}

// In the rows of the corners, the pixels at the ends go by their distance from the corner's centre.
void shoal_raster_rectangle(ShoalRaster *raster, float x0, float y0, float x1, float y1, float radius,
                            uint32_t colour) {
  float r = shoal_min(radius, 0.5f * shoal_min(x1 - x0, y1 - y0));
  r = r > 0.4f ? r : 0.0f;
  uint32_t pixel = shoal_pixel(colour);
  float opacity = (float)shoal_opacity(colour);
  ShoalArea area = shoal_area_of(raster, x0, y0, x1, y1);
  Row straight = row_of(&area, x0, x1, 0.0f), round = row_of(&area, x0, x1, r);
  for (int32_t y = area.y0; y < area.y1; y++) {
    uint32_t *row = shoal_row(raster, y);
    float centre_y = (float)y + 0.5f, tall = share(y0, y1, (float)y, (float)y + 1.0f);
    float dy = shoal_max(y0 + r - centre_y, centre_y - (y1 - r));
    if (r == 0.0f || dy <= 0.0f) {
      fill_row(row, &straight, pixel, tall * opacity);
      continue;
    }
    shoal_span(row, round.first, round.last, pixel, shoal_weight(tall, opacity));
    for (int32_t x = round.from; x < round.to; x++) {
      if (x == round.first) { x = round.last; }
      if (x >= round.to) { break; }
      float centre_x = (float)x + 0.5f;
      float dx = shoal_max(shoal_max(x0 + r - centre_x, centre_x - (x1 - r)), 0.0f);
      float edge = shoal_clamp(r + 0.5f - shoal_sqrt(dx * dx + dy * dy), 0.0f, 1.0f);
      float square = tall * share(x0, x1, (float)x, (float)x + 1.0f);
      row[x] = shoal_blend(row[x], pixel, shoal_weight(shoal_min(edge, square), opacity));
    }
  }
}

// ---------------------------------------------------------------------------------------------------- round shapes

void shoal_raster_circle(ShoalRaster *raster, float x, float y, float radius, uint32_t colour) {
  float opacity = (float)shoal_opacity(colour), r = radius;
  if (!(r > 0.0f)) { return; }
  if (r < 0.5f) {  // smaller than a pixel: as much of it as its area
    opacity *= 4.0f * r * r;
    r = 0.5f;
  }
  uint32_t pixel = shoal_pixel(colour);
  float outer = r + 0.5f, inner = r - 0.5f;
  ShoalArea area = shoal_area_of(raster, x - outer, y - outer, x + outer, y + outer);
  for (int32_t py = area.y0; py < area.y1; py++) {
    uint32_t *row = shoal_row(raster, py);
    float dy = (float)py + 0.5f - y;
    float reach = shoal_sqrt(shoal_max(outer * outer - dy * dy, 0.0f));
    float whole = inner * inner - dy * dy > 0.0f ? shoal_sqrt(inner * inner - dy * dy) : -1.0f;
    int32_t left = shoal_to_pixel(shoal_floor(x - reach - 0.5f), area.x0, area.x1);
    int32_t right = shoal_to_pixel(shoal_floor(x + reach + 0.5f) + 1.0f, area.x0, area.x1);
    int32_t first = shoal_to_pixel(-shoal_floor(-(x - whole - 0.5f)), left, right);  // centres within `whole`
    int32_t last = shoal_to_pixel(shoal_floor(x + whole - 0.5f) + 1.0f, first, right);
    if (whole < 0.0f) { first = last = right; }
    for (int32_t px = left; px < first; px++) {
      float dx = (float)px + 0.5f - x;
      float edge = shoal_clamp(outer - shoal_sqrt(dx * dx + dy * dy), 0.0f, 1.0f);
      row[px] = shoal_blend(row[px], pixel, shoal_weight(edge, opacity));
    }
    shoal_span(row, first, last, pixel, shoal_weight(1.0f, opacity));
    for (int32_t px = last; px < right; px++) {
      float dx = (float)px + 0.5f - x;
      float edge = shoal_clamp(outer - shoal_sqrt(dx * dx + dy * dy), 0.0f, 1.0f);
      row[px] = shoal_blend(row[px], pixel, shoal_weight(edge, opacity));
    }
  }
}

// Widen box, x0, y0, x1, y1, by the point at this angle of a circle.
static void reach_to(float box[4], float cosine, float sine, float radius) {
  box[0] = shoal_min(box[0], cosine * radius);
  box[1] = shoal_min(box[1], sine * radius);
  box[2] = shoal_max(box[2], cosine * radius);
  box[3] = shoal_max(box[3], sine * radius);
}

// from, to in window angles; a window whose axes point unlike the picture's turns them the other way round.
void shoal_raster_arc(ShoalRaster *raster, float x, float y, float radius, float width, float from, float to,
                      uint32_t colour) {
  float turn = to - from, half = 0.5f * shoal_max(width, 1.0f), opacity = (float)shoal_opacity(colour);
  if (!(radius >= 0.0f && turn > 0.0f)) { return; }
  int32_t ring = turn >= 2.0f * SHOAL_PI, wide = turn > SHOAL_PI;
  float start = shoal_clamp(from, -8000.0f, 8000.0f), stop = shoal_clamp(to, -8000.0f, 8000.0f);
  float flip_x = raster->scale_x < 0.0f ? -1.0f : 1.0f, flip_y = raster->scale_y < 0.0f ? -1.0f : 1.0f;
  float cos_from = shoal_cos(start), sin_from = shoal_sin(start), cos_to = shoal_cos(stop), sin_to = shoal_sin(stop);
  uint32_t pixel = shoal_pixel(colour);
  float outer = radius + half + 0.5f, inner = shoal_max(radius - half - 0.5f, 0.0f);
  float box[4] = {-outer, -outer, outer, outer};
  if (!wide) {  // the box of its ends, and of the axes between them
    box[0] = box[2] = inner * cos_from * flip_x;
    box[1] = box[3] = inner * sin_from * flip_y;
    reach_to(box, cos_from * flip_x, sin_from * flip_y, outer);
    reach_to(box, cos_to * flip_x, sin_to * flip_y, inner);
    reach_to(box, cos_to * flip_x, sin_to * flip_y, outer);
    for (int32_t axis = 0; axis < 4; axis++) {
      float ax = axis == 0 ? 1.0f : axis == 2 ? -1.0f : 0.0f, ay = axis == 1 ? 1.0f : axis == 3 ? -1.0f : 0.0f;
      if (cos_from * ay - sin_from * ax >= 0.0f && sin_to * ax - cos_to * ay >= 0.0f) {
        reach_to(box, ax * flip_x, ay * flip_y, outer);
      }
    }
  }
  ShoalArea area = shoal_area_of(raster, x + box[0] - 1.0f, y + box[1] - 1.0f, x + box[2] + 1.0f, y + box[3] + 1.0f);
  for (int32_t py = area.y0; py < area.y1; py++) {
    uint32_t *row = shoal_row(raster, py);
    float dy = (float)py + 0.5f - y;
    float reach = shoal_sqrt(shoal_max(outer * outer - dy * dy, 0.0f));
    float hole = shoal_sqrt(shoal_max(inner * inner - dy * dy, 0.0f));
    int32_t left = shoal_to_pixel(shoal_floor(x - reach - 0.5f), area.x0, area.x1);
    int32_t right = shoal_to_pixel(shoal_floor(x + reach + 0.5f) + 1.0f, area.x0, area.x1);
    int32_t skip = shoal_to_pixel(-shoal_floor(-(x - hole + 0.5f)), left, right);
    int32_t resume = shoal_to_pixel(shoal_floor(x + hole - 0.5f), skip, right);
    for (int32_t px = left; px < right; px++) {
      if (px == skip) { px = resume; }
      if (px >= right) { break; }
      float dx = (float)px + 0.5f - x, wx = dx * flip_x, wy = dy * flip_y;
      float edge = shoal_clamp(half + 0.5f - shoal_abs(shoal_sqrt(dx * dx + dy * dy) - radius), 0.0f, 1.0f);
      if (!ring) {
        float after = shoal_clamp(0.5f + cos_from * wy - sin_from * wx, 0.0f, 1.0f);
        float until = shoal_clamp(0.5f - cos_to * wy + sin_to * wx, 0.0f, 1.0f);
        edge *= wide ? shoal_max(after, until) : shoal_min(after, until);
      }
      row[px] = shoal_blend(row[px], pixel, shoal_weight(edge, opacity));
    }
  }
}

// ---------------------------------------------------------------------------------------------------- lines

// Coverage by a segment with round ends into cover[x], the larger of the two where it was covered before. Writes the
// pixels [x0, x1) whose centres can be within `reach` of it.
static void cover_segment(uint8_t *cover, const ShoalArea *area, int32_t y, float ax, float ay, float bx, float by,
                          float reach) {
  float dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy, centre_y = (float)y + 0.5f;
  if (centre_y < shoal_min(ay, by) - reach || centre_y > shoal_max(ay, by) + reach) { return; }
  float low = shoal_min(ax, bx) - reach, high = shoal_max(ax, bx) + reach;
  if (shoal_abs(dy) > 1e-3f) {  // between the two parallels at that distance
    float middle = ax + dx * (centre_y - ay) / dy, slack = reach * shoal_sqrt(length2) / shoal_abs(dy);
    low = shoal_max(low, middle - slack);
    high = shoal_min(high, middle + slack);
  }
  int32_t x0 = shoal_to_pixel(shoal_floor(low - 0.5f), area->x0, area->x1);
  int32_t x1 = shoal_to_pixel(shoal_floor(high + 0.5f) + 1.0f, x0, area->x1);
  float inverse = length2 > 1e-12f ? 1.0f / length2 : 0.0f, py = centre_y - ay;
  for (int32_t x = x0; x < x1; x++) {
    float px = (float)x + 0.5f - ax;
    float t = shoal_clamp((px * dx + py * dy) * inverse, 0.0f, 1.0f);
    float ex = px - t * dx, ey = py - t * dy;
    int32_t value = (int32_t)(shoal_clamp(reach - shoal_sqrt(ex * ex + ey * ey), 0.0f, 1.0f) * 255.0f + 0.5f);
    cover[x] = (uint8_t)shoal_maxi(cover[x], value);
  }
}

void shoal_raster_lines(ShoalRaster *raster, const float *points, int32_t count, float width, uint32_t colour) {
  if (count < 1) { return; }
  float reach = 0.5f * shoal_max(width, 1.0f) + 0.5f;
  float left = SHOAL_FAR, top = SHOAL_FAR, right = -SHOAL_FAR, bottom = -SHOAL_FAR;
  for (int32_t i = 0; i < count; i++) {
    float x = shoal_pixel_x(raster, points[2 * i]), y = shoal_pixel_y(raster, points[2 * i + 1]);
    left = shoal_min(left, x);
    right = shoal_max(right, x);
    top = shoal_min(top, y);
    bottom = shoal_max(bottom, y);
  }
  ShoalArea area = shoal_area_of(raster, left - reach, top - reach, right + reach, bottom + reach);
  if (area.x0 >= area.x1) { return; }
  uint32_t pixel = shoal_pixel(colour), opacity = shoal_opacity(colour);
  uint8_t *cover = raster->cover;
  for (int32_t y = area.y0; y < area.y1; y++) {
    uint32_t *row = shoal_row(raster, y);
    __builtin_memset(cover + area.x0, 0, (uint64_t)(area.x1 - area.x0));
    float ax = shoal_pixel_x(raster, points[0]), ay = shoal_pixel_y(raster, points[1]);
    for (int32_t i = count > 1; i < count; i++) {
      float bx = shoal_pixel_x(raster, points[2 * i]), by = shoal_pixel_y(raster, points[2 * i + 1]);
      cover_segment(cover, &area, y, ax, ay, bx, by, reach);
      ax = bx;
      ay = by;
    }
    for (int32_t x = area.x0; x < area.x1; x++) {
      row[x] = shoal_blend(row[x], pixel, (uint32_t)(cover[x] + (cover[x] >> 7)) * opacity >> 8);
    }
  }
}

// ---------------------------------------------------------------------------------------------------- polygons

// Add what an edge, within one row, changes from its pixels on: the area to its right, signed by its direction. Exact:
// of the pixels it crosses, each gets its part of the trapezium. What is beyond a side of the picture counts as upright
// at that side.
static void add_edge(float *cells, float x0, float x1, float height, int32_t width) {
  for (int32_t side = 0; side < 2; side++) {
    float at = side ? (float)width : 0.0f;
    if ((x0 - at) * (x1 - at) < 0.0f) {
      float share_before = height * ((at - x0) / (x1 - x0));
      float before = side ? shoal_min(x0, at) : shoal_max(x0, at), after = side ? shoal_min(x1, at) : shoal_max(x1, at);
      add_edge(cells, before, at, share_before, width);
      add_edge(cells, at, after, height - share_before, width);
      return;
    }
  }
  float low = shoal_clamp(shoal_min(x0, x1), 0.0f, (float)width);
  float high = shoal_clamp(shoal_max(x0, x1), 0.0f, (float)width);
  int32_t first = (int32_t)low, last = (int32_t)high;
  if (first == last) {
    float right = (float)(first + 1) - 0.5f * (low + high);
    cells[first] += height * right;
    cells[first + 1] += height * (1.0f - right);
    return;
  }
  float slope = height / (high - low), before = 0.0f;  // height gained per pixel
  for (int32_t x = first; x <= last; x++) {
    float from = shoal_max(low, (float)x), to = shoal_min(high, (float)(x + 1));
    float rise = (to - from) * slope, right = (float)(x + 1) - 0.5f * (from + to);
    cells[x] += before + rise * right;  // `before`: what the pixel to the left left over
    before = rise * (1.0f - right);
  }
  cells[last + 1] += before;
}

void shoal_raster_polygon(ShoalRaster *raster, const float *points, int32_t count, uint32_t colour) {
  if (count < 3) { return; }
  float top = SHOAL_FAR, bottom = -SHOAL_FAR;
  for (int32_t i = 0; i < count; i++) {
    float y = shoal_pixel_y(raster, points[2 * i + 1]);
    top = shoal_min(top, y);
    bottom = shoal_max(bottom, y);
  }
  ShoalArea area = shoal_area_of(raster, -SHOAL_FAR, top, SHOAL_FAR, bottom);
  uint32_t pixel = shoal_pixel(colour);
  float opacity = (float)shoal_opacity(colour), *cells = raster->cells;
  for (int32_t y = area.y0; y < area.y1; y++) {
    float row_top = (float)y, row_bottom = (float)y + 1.0f, left = (float)raster->width, right = 0.0f;
    __builtin_memset(cells, 0, sizeof(float) * (uint64_t)(raster->width + 2));
    float ax = shoal_pixel_x(raster, points[2 * count - 2]), ay = shoal_pixel_y(raster, points[2 * count - 1]);
    for (int32_t i = 0; i < count; i++) {
      float bx = shoal_pixel_x(raster, points[2 * i]), by = shoal_pixel_y(raster, points[2 * i + 1]);
      float from = shoal_clamp(ay, row_top, row_bottom), to = shoal_clamp(by, row_top, row_bottom);
      if (from != to) {
        float slope = (bx - ax) / (by - ay), x0 = ax + (from - ay) * slope, x1 = ax + (to - ay) * slope;
        add_edge(cells, x0, x1, to - from, raster->width);
        left = shoal_min(left, shoal_min(x0, x1));
        right = shoal_max(right, shoal_max(x0, x1));
      }
      ax = bx;
      ay = by;
    }
    uint32_t *row = shoal_row(raster, y);
    float sum = 0.0f;
    int32_t end = shoal_to_pixel(shoal_floor(right) + 1.0f, area.x0, area.x1);
    for (int32_t x = shoal_to_pixel(left, 0, end); x < end; x++) {
      sum += cells[x];
      if (x >= area.x0) { row[x] = shoal_blend(row[x], pixel, shoal_weight(shoal_min(shoal_abs(sum), 1.0f), opacity)); }
    }
  }
}

// ---------------------------------------------------------------------------------------------------- images

// A pixel shows the cell at its centre.
void shoal_raster_image(ShoalRaster *raster, const ShoalItem *item) {
  int32_t rows = item->n[0], columns = item->n[1], num_colours = item->n[2];
  const uint32_t *colours = (const uint32_t *)(const void *)(item + 1);
  const uint8_t *cells = (const uint8_t *)(colours + num_colours);
  float x0 = shoal_pixel_x(raster, item->a[0]), x1 = shoal_pixel_x(raster, item->a[0] + item->a[2]);
  float y0 = shoal_pixel_y(raster, item->a[1]), y1 = shoal_pixel_y(raster, item->a[1] + item->a[3]);
  if (rows < 1 || columns < 1 || x0 == x1 || y0 == y1) { return; }
  ShoalArea area = shoal_area_of(raster, shoal_min(x0, x1), shoal_min(y0, y1), shoal_max(x0, x1), shoal_max(y0, y1));
  for (int32_t y = area.y0; y < area.y1; y++) {
    float v = ((float)y + 0.5f - y0) / (y1 - y0);
    if (!(v >= 0.0f && v < 1.0f)) { continue; }
    const uint8_t *line = cells + (int64_t)shoal_mini((int32_t)(v * (float)rows), rows - 1) * columns;
    uint32_t *row = shoal_row(raster, y);
    for (int32_t x = area.x0; x < area.x1; x++) {
      float u = ((float)x + 0.5f - x0) / (x1 - x0);
      if (!(u >= 0.0f && u < 1.0f)) { continue; }
      int32_t cell = line[shoal_mini((int32_t)(u * (float)columns), columns - 1)];
      if (cell < num_colours) {
        row[x] = shoal_blend(row[x], shoal_pixel(colours[cell]), shoal_opacity(colours[cell]));
      }
    }
  }
}
