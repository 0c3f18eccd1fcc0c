// A resize is two one-dimensional passes, along the rows and down the columns. Each output pixel is a weighted sum of
// the input pixels in its window; weights are fixed-point and each pass rounds to bytes. When an image shrinks, the
// windows widen by the same factor, which is what "antialias" means.
//
// The order of the floating-point operations is Pillow's wherever another order could round differently.
#include "resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numbers>
#include <vector>

namespace napi_torch {
namespace {

// Bits behind the point of a weight: 32, less 8 of the pixel, less 2 as filters with negative lobes sum to less than 0
// and more than 255. The weights' absolute values sum to at most 1.6, so that no sum leaves its 32 bits.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

// A filter: its weight at a distance from the centre, and the distance from which on it is zero.
struct Kernel {
  double (*weight)(double distance);
  double support;
};

double Sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double BoxWeight(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double BilinearWeight(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double HammingWeight(double x) {
  x = std::abs(x);
  if (x >= 1.0) return 0.0;
  // The constants are floats in Pillow, whose double value is not 0.54.
  return x == 0.0 ? 1.0 : Sinc(x) * (0.54f + 0.46f * std::cos(x * std::numbers::pi));
}

double BicubicWeight(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double LanczosWeight(double x) { return x >= -3.0 && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0; }

Kernel KernelOf(Filter filter) {
  switch (filter) {
    case Filter::kBilinear:
      return {BilinearWeight, 1.0};
    case Filter::kHamming:
      return {HammingWeight, 1.0};
    case Filter::kBicubic:
      return {BicubicWeight, 2.0};
    case Filter::kLanczos:
      return {LanczosWeight, 3.0};
    default:
      return {BoxWeight, 0.5};
  }
}

// The input pixels `first` to `first + count - 1` that make one output pixel; their weights begin at `offset`.
struct Window {
  int64_t first;
  int64_t count;
  size_t offset;
};

// One axis of a resize: a window for each output pixel. Windows never move backwards.
struct Axis {
  std::vector<Window> windows;
  std::vector<int32_t> weights;

  int64_t First() const { return windows.front().first; }
  int64_t End() const { return windows.back().first + windows.back().count; }
};

Axis MakeAxis(int64_t in_size, float from, float to, int64_t out_size, const Kernel& kernel) {
  const double scale = static_cast<double>(to - from) / static_cast<double>(out_size);
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  const double shrink = 1.0 / stretch;

  Axis axis;
  axis.windows.reserve(static_cast<size_t>(out_size));
  std::vector<double> exact;
  for (int64_t i = 0; i < out_size; ++i) {
    const double centre = from + (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto end = std::min(static_cast<int64_t>(centre + support + 0.5), in_size);
    axis.windows.push_back({first, end - first, axis.weights.size()});

    exact.clear();
    double sum = 0.0;
    for (int64_t x = first; x < end; ++x) {
      exact.push_back(kernel.weight((static_cast<double>(x) - centre + 0.5) * shrink));
      sum += exact.back();
    }
    for (const double weight : exact) {
      const double scaled = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecisionBits);
      axis.weights.push_back(static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return axis;
}

uint8_t Round(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

// The pass along one row of `Channels` interleaved bytes.
template <int Channels>
void ResampleRow(const uint8_t* in, const Axis& axis, uint8_t* out) {
  for (const Window& window : axis.windows) {
    const int32_t* weight = axis.weights.data() + window.offset;
    const uint8_t* pixel = in + window.first * Channels;
    int32_t sums[Channels];
    std::fill_n(sums, Channels, kHalf);
    for (int64_t k = 0; k < window.count; ++k, pixel += Channels) {
      for (int c = 0; c < Channels; ++c) sums[c] += weight[k] * pixel[c];
    }
    for (int c = 0; c < Channels; ++c) *out++ = Round(sums[c]);
  }
}

using Buffer = std::unique_ptr<uint8_t[]>;

Buffer Allocate(int64_t size) { return std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(size)); }

// The pass along the rows.
void ResampleRows(const Raster<const uint8_t>& in, const Axis& axis, uint8_t* out) {
  const auto resample_row = in.channels == 1 ? ResampleRow<1> : in.channels == 3 ? ResampleRow<3> : ResampleRow<4>;
  const int64_t out_stride = static_cast<int64_t>(axis.windows.size()) * in.channels;
  for (int64_t y = 0; y < in.height; ++y) {
    resample_row(in.pixels + y * in.width * in.channels, axis, out + y * out_stride);
  }
}

// The pass down the columns. `rows` is the input from the first row of the first window on, `stride` bytes each.
void ResampleColumns(const uint8_t* rows, int64_t stride, const Axis& axis, uint8_t* out) {
  constexpr int64_t kBlock = 1024;  // The sums of a block stay in the first-level cache.
  int32_t sums[kBlock];
  for (const Window& window : axis.windows) {
    const int32_t* weight = axis.weights.data() + window.offset;
    const uint8_t* in = rows + (window.first - axis.First()) * stride;
    for (int64_t start = 0; start < stride; start += kBlock) {
      const int64_t length = std::min(kBlock, stride - start);
      std::fill_n(sums, length, kHalf);
      for (int64_t k = 0; k < window.count; ++k) {
        const uint8_t* row = in + k * stride + start;
        for (int64_t i = 0; i < length; ++i) sums[i] += weight[k] * row[i];
      }
      for (int64_t i = 0; i < length; ++i) out[start + i] = Round(sums[i]);
    }
    out += stride;
  }
}

// The input index of each output pixel, or -1 outside. The positions are summed up, not multiplied, as Pillow does:
// the rounding errors of the sum decide at the border of two pixels.
std::vector<int64_t> NearestIndices(int64_t in_size, float from, float to, int64_t out_size) {
  const double scale = static_cast<double>(to - from) / static_cast<double>(out_size);
  std::vector<int64_t> indices(static_cast<size_t>(out_size));
  double position = from + scale * 0.5;
  for (int64_t& index : indices) {
    const auto nearest = static_cast<int64_t>(position);
    index = nearest < in_size ? nearest : -1;
    position += scale;
  }
  return indices;
}

void ResampleNearest(const Raster<const uint8_t>& source, const Raster<uint8_t>& target, const Box& box) {
  const std::vector<int64_t> rows = NearestIndices(source.height, box.top, box.bottom, target.height);
  const std::vector<int64_t> columns = NearestIndices(source.width, box.left, box.right, target.width);
  const int64_t channels = source.channels;
  uint8_t* out = target.pixels;
  for (const int64_t y : rows) {
    for (const int64_t x : columns) {
      if (x < 0 || y < 0) {
        std::fill_n(out, channels, uint8_t{0});
      } else {
        std::copy_n(source.pixels + (y * source.width + x) * channels, channels, out);
      }
      out += channels;
    }
  }
}

bool IsSide(int64_t size) { return size >= 1 && size <= kMaxSide; }

bool IsSpan(float from, float to, int64_t size) { return from >= 0 && from <= to && to <= static_cast<float>(size); }

}  // namespace

const char* ResampleFault(const Raster<const uint8_t>& source, const Raster<uint8_t>& target, const Box& box) {
  if (!IsSide(source.height) || !IsSide(source.width)) return "a source of 1 to 16777216 pixels on each side";
  if (!IsSide(target.height) || !IsSide(target.width)) return "a target of 1 to 16777216 pixels on each side";
  if (source.channels != 1 && source.channels != 3 && source.channels != 4) return "1, 3 or 4 channels";
  if (source.channels != target.channels) return "as many channels in the target as in the source";
  const bool inside = IsSpan(box.left, box.right, source.width) && IsSpan(box.top, box.bottom, source.height);
  return inside ? nullptr : "a box inside the source";
}

void Resample(const Raster<const uint8_t>& source, const Raster<uint8_t>& target, Filter filter, const Box& box) {
  if (filter == Filter::kNearest) return ResampleNearest(source, target, box);

  const Kernel kernel = KernelOf(filter);
  const Axis across = MakeAxis(source.width, box.left, box.right, target.width, kernel);
  const Axis down = MakeAxis(source.height, box.top, box.bottom, target.height, kernel);

  // Only the rows that some window covers are read.
  const int64_t stride = source.width * source.channels;
  const Raster<const uint8_t> covered{source.pixels + down.First() * stride, down.End() - down.First(), source.width,
                                      source.channels};

  // Both passes round, so their order shows in the result. Pillow 12.3 takes very tall images down the columns first.
  if (source.height > source.width * 100 && target.height < source.height) {
    const Buffer between = Allocate(target.height * stride);
    ResampleColumns(covered.pixels, stride, down, between.get());
    ResampleRows({between.get(), target.height, source.width, source.channels}, across, target.pixels);
  } else {
    const int64_t out_stride = target.width * target.channels;
    const Buffer between = Allocate(covered.height * out_stride);
    ResampleRows(covered, across, between.get());
    ResampleColumns(between.get(), out_stride, down, target.pixels);
  }
}

}  // namespace napi_torch
