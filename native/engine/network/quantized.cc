#include "quantized.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace napi_torch::engine {
namespace {

constexpr int64_t kElementsPerItem = 1 << 14;
constexpr float kRounder =
    12582912.f;  // 1.5 * 2^23: added to a small float it leaves the nearest integer in the low bits.

// The loops are functions of their own, so that their bounds are local variables: a uint8 may be written anywhere, for
// all that the compiler knows even over a bound in memory.
void QuantizeRow(const float* source, int64_t count, QuantizationParameters parameters, uint8_t* target) {
  const float factor = 1.f / parameters.scale;
  const auto zero_point = static_cast<float>(parameters.zero_point);
  const float low = -zero_point;
  const float high = 255.f - zero_point;
  for (int64_t i = 0; i < count; ++i) {
    float value = source[i] * factor;
    value = value > low ? value : low;
    value = value < high ? value : high;
    target[i] = static_cast<uint8_t>(std::bit_cast<int32_t>(value + kRounder) + parameters.zero_point);
  }
}

void DequantizeRow(const uint8_t* source, int64_t count, QuantizationParameters parameters, float* target) {
  for (int64_t i = 0; i < count; ++i) {
    target[i] = static_cast<float>(static_cast<int32_t>(source[i]) - parameters.zero_point) * parameters.scale;
  }
}

void MaxInto(uint8_t* target, const uint8_t* source, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t one = target[i];
    const uint8_t other = source[i];
    target[i] = one > other ? one : other;
  }
}

void AddInto(int32_t* target, const uint8_t* source, int64_t count) {
  for (int64_t i = 0; i < count; ++i) target[i] += source[i];
}

// Calls body(begin, end) for slices of [0, count).
template <class Body>
void RunSlices(ThreadPool& pool, int64_t count, const Body& body) {
  pool.Run((count + kElementsPerItem - 1) / kElementsPerItem, [&](int64_t item, int /*thread*/) {
    body(item * kElementsPerItem, std::min(count, (item + 1) * kElementsPerItem));
  });
}

// Scratch memory of `count` elements for each thread.
template <class Element>
std::vector<std::vector<Element>> ScratchOf(const ThreadPool& pool, int64_t count) {
  return {static_cast<size_t>(pool.threads()), std::vector<Element>(static_cast<size_t>(count))};
}

}  // namespace

void Quantize(ThreadPool& pool, const float* source, int64_t count, const QuantizationParameters& parameters,
              uint8_t* target) {
  RunSlices(pool, count,
            [&](int64_t begin, int64_t end) { QuantizeRow(source + begin, end - begin, parameters, target + begin); });
}

void QuantizeNchw(ThreadPool& pool, const float* source, const DenseShape& shape,
                  const QuantizationParameters& parameters, uint8_t* target) {
  const int64_t channels = shape.c;
  const int64_t height = shape.h;
  const int64_t width = shape.w;
  auto rows = ScratchOf<uint8_t>(pool, width);
  pool.Run(shape.n * height, [&](int64_t item, int thread) {
    uint8_t* const row = rows[static_cast<size_t>(thread)].data();
    uint8_t* const pixels = target + item * width * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t plane = (item / height) * channels + c;
      QuantizeRow(source + (plane * height + item % height) * width, width, parameters, row);
      for (int64_t x = 0; x < width; ++x) pixels[x * channels + c] = row[x];
    }
  });
}

void Dequantize(ThreadPool& pool, const uint8_t* source, int64_t count, const QuantizationParameters& parameters,
                float* target) {
  RunSlices(pool, count, [&](int64_t begin, int64_t end) {
    DequantizeRow(source + begin, end - begin, parameters, target + begin);
  });
}

void MaxPoolQuantized(ThreadPool& pool, const uint8_t* source, const DenseShape& in, const PoolGeometry& geometry,
                      int64_t height, int64_t width, uint8_t* target) {
  const int64_t channels = in.c;
  const int64_t row_length = in.w * channels;
  auto rows = ScratchOf<uint8_t>(pool, row_length);
  pool.Run(in.n * height, [&](int64_t item, int thread) {
    // First the largest value of each column of the windows, in long runs; then the largest along the row.
    uint8_t* const columns = rows[static_cast<size_t>(thread)].data();
    std::fill_n(columns, row_length, uint8_t{0});
    const uint8_t* const sample = source + (item / height) * in.h * row_length;
    const int64_t top = (item % height) * geometry.stride[0] - geometry.padding[0];
    const PoolSpan span = PoolSpan::Of(top, geometry.kernel[0], geometry.dilation[0], in.h);
    for (int64_t k = 0; k < span.count; ++k) {
      const uint8_t* const row = sample + (top + (span.begin + k) * geometry.dilation[0]) * row_length;
      MaxInto(columns, row, row_length);
    }
    for (int64_t x = 0; x < width; ++x) {
      uint8_t* const pixel = target + (item * width + x) * channels;
      std::fill_n(pixel, channels, uint8_t{0});
      const int64_t left = x * geometry.stride[1] - geometry.padding[1];
      const PoolSpan across = PoolSpan::Of(left, geometry.kernel[1], geometry.dilation[1], in.w);
      for (int64_t k = 0; k < across.count; ++k) {
        const uint8_t* const column = columns + (left + (across.begin + k) * geometry.dilation[1]) * channels;
        MaxInto(pixel, column, channels);
      }
    }
  });
}

void MeanQuantized(ThreadPool& pool, const uint8_t* source, const DenseShape& in,
                   const QuantizationParameters& parameters, float* target) {
  const int64_t channels = in.c;
  const int64_t pixels = in.h * in.w;
  auto totals = ScratchOf<int32_t>(pool, channels);
  pool.Run(in.n, [&](int64_t sample, int thread) {
    int32_t* const sums = totals[static_cast<size_t>(thread)].data();
    std::fill_n(sums, channels, 0);
    const uint8_t* const first = source + sample * pixels * channels;
    for (int64_t p = 0; p < pixels; ++p) AddInto(sums, first + p * channels, channels);
    for (int64_t c = 0; c < channels; ++c) {
      const double mean = static_cast<double>(sums[c]) / static_cast<double>(pixels);
      target[sample * channels + c] =
          static_cast<float>((mean - parameters.zero_point) * static_cast<double>(parameters.scale));
    }
  });
}

}  // namespace napi_torch::engine
