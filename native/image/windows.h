// Which pixels make a pixel of a resized image, and with which weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace napi_torch::image {

enum class Filter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// A stretch of `count` pixels.
struct Span {
  int64_t first = 0;
  int64_t count = 0;
};

// One axis of a resize: `size` pixels are made of those of the source from `from` to `to`. Pillow keeps the edges as
// floats: so they round here too.
struct Scaling {
  int64_t source_size;
  float from;
  float to;
  int64_t size;

  bool IsIdentity() const { return size == source_size && from == 0 && to == static_cast<float>(source_size); }
};

// The source pixels of one pixel, whose weights begin at `offset`.
struct Window {
  int64_t first;
  int64_t count;
  size_t offset;
};

// The windows of some neighboring pixels, of which there is one. They never move backwards.
struct Windows {
  std::vector<Window> windows;
  // Fixed-point numbers of kPrecisionBits.
  std::vector<int32_t> weights;

  int64_t First() const { return windows.front().first; }
  int64_t End() const { return windows.back().first + windows.back().count; }
  int64_t Count() const { return static_cast<int64_t>(windows.size()); }
};

// The windows of the pixels `part`. When an image shrinks they widen by the same factor, which is what "antialias"
// means. Not for Filter::kNearest.
Windows WindowsOf(const Scaling& scaling, Filter filter, const Span& part);

// For Filter::kNearest: the source pixel of each of the pixels `part`, or -1 outside.
std::vector<int64_t> NearestPixels(const Scaling& scaling, const Span& part);

}  // namespace napi_torch::image
