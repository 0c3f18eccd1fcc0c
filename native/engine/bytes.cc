#include "bytes.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace napi_torch::engine {
namespace {

constexpr int64_t kChunk = 1 << 14;  // Elements that a thread takes at a time.
constexpr float kRounder =
    12582912.f;  // 1.5 * 2^23: added to a small float it leaves the nearest integer in the low bits.

// The loops stand in functions of their own: bytes may be written anywhere, even, for all that the compiler knows, over
// what bounds a loop, unless that is a local variable.
void QuantizeRow(const float* source, int64_t count, ByteScale scale, uint8_t* target) {
  const float factor = 1.f / scale.scale;
  const auto zero_point = static_cast<float>(scale.zero_point);
  const float low = -zero_point;
  const float high = 255.f - zero_point;
  for (int64_t i = 0; i < count; ++i) {
    float value = source[i] * factor;
    value = value > low ? value : low;
    value = value < high ? value : high;
    target[i] = static_cast<uint8_t>(std::bit_cast<int32_t>(value + kRounder) + scale.zero_point);
  }
}

void DequantizeRow(const uint8_t* source, int64_t count, ByteScale scale, float* target) {
  for (int64_t i = 0; i < count; ++i) {
    target[i] = static_cast<float>(static_cast<int32_t>(source[i]) - scale.zero_point) * scale.scale;
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

// Calls body(begin, end) for the parts of a range.
template <class Body>
void Split(ThreadPool& pool, int64_t count, const Body& body) {
  pool.Run((count + kChunk - 1) / kChunk,
           [&](int64_t item, int /*thread*/) { body(item * kChunk, std::min(count, (item + 1) * kChunk)); });
}

void CheckImages(const at::Tensor& input, at::ScalarType dtype) {
  TORCH_CHECK(input.dim() == 4 && input.scalar_type() == dtype, "Expected images (N, C, H, W) of ", dtype,
              ", received ", input.scalar_type(), " ", input.sizes());
}

// From nchw: channels go side by side.
void QuantizeNchw(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale, uint8_t* target) {
  const int64_t channels = input.size(1);
  const int64_t height = input.size(2);
  const int64_t width = input.size(3);
  const auto* const source = input.const_data_ptr<float>();
  std::vector<std::vector<uint8_t>> rows(static_cast<size_t>(pool.threads()), std::vector<uint8_t>(width));
  pool.Run(input.size(0) * height, [&](int64_t item, int thread) {
    uint8_t* const row = rows[static_cast<size_t>(thread)].data();
    uint8_t* const pixels = target + item * width * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t plane = (item / height) * channels + c;
      QuantizeRow(source + (plane * height + item % height) * width, width, scale, row);
      for (int64_t x = 0; x < width; ++x) pixels[x * channels + c] = row[x];
    }
  });
}

}  // namespace

at::Tensor Quantize(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale) {
  TORCH_CHECK(input.scalar_type() == at::kFloat, "Expected float32, received ", input.scalar_type());
  const bool is_images = input.dim() == 4;
  const bool has_pixels = is_images && input.is_contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor source = has_pixels ? input : input.contiguous();
  const at::MemoryFormat format = is_images ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  at::Tensor output = at::empty(input.sizes(), at::TensorOptions(at::kByte), format);
  auto* const target = output.mutable_data_ptr<uint8_t>();
  if (is_images && !has_pixels) {
    QuantizeNchw(pool, source, scale, target);
    return output;
  }
  const auto* const elements = source.const_data_ptr<float>();
  Split(pool, source.numel(),
        [&](int64_t begin, int64_t end) { QuantizeRow(elements + begin, end - begin, scale, target + begin); });
  return output;
}

at::Tensor Dequantize(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale) {
  TORCH_CHECK(input.scalar_type() == at::kByte, "Expected uint8, received ", input.scalar_type());
  const at::Tensor source = input.is_non_overlapping_and_dense() ? input : input.contiguous();
  at::Tensor output = at::empty_like(source, at::TensorOptions(at::kFloat), at::MemoryFormat::Preserve);
  const auto* const bytes = source.const_data_ptr<uint8_t>();
  auto* const target = output.mutable_data_ptr<float>();
  Split(pool, source.numel(),
        [&](int64_t begin, int64_t end) { DequantizeRow(bytes + begin, end - begin, scale, target + begin); });
  return output;
}

at::Tensor MaxPoolBytes(ThreadPool& pool, const at::Tensor& input, const PoolGeometry& geometry, int64_t height,
                        int64_t width) {
  CheckImages(input, at::kByte);
  const at::Tensor source = input.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t batch = source.size(0);
  const int64_t channels = source.size(1);
  const int64_t in_height = source.size(2);
  const int64_t in_width = source.size(3);
  at::Tensor output =
      at::empty({batch, channels, height, width}, at::TensorOptions(at::kByte), at::MemoryFormat::ChannelsLast);
  const auto* const images = source.const_data_ptr<uint8_t>();
  auto* const target = output.mutable_data_ptr<uint8_t>();
  const int64_t row_length = in_width * channels;
  std::vector<std::vector<uint8_t>> rows(static_cast<size_t>(pool.threads()), std::vector<uint8_t>(row_length));
  pool.Run(batch * height, [&](int64_t item, int thread) {
    // The largest of each column of the windows first, in long runs; then along the row.
    uint8_t* const columns = rows[static_cast<size_t>(thread)].data();
    std::fill_n(columns, row_length, uint8_t{0});
    const uint8_t* const image = images + (item / height) * in_height * row_length;
    const int64_t top = (item % height) * geometry.stride[0] - geometry.padding[0];
    const PoolSpan span = PoolSpan::Of(top, geometry.kernel[0], geometry.dilation[0], in_height);
    for (int64_t k = 0; k < span.count; ++k) {
      const uint8_t* const row = image + (top + (span.begin + k) * geometry.dilation[0]) * row_length;
      MaxInto(columns, row, row_length);
    }
    for (int64_t x = 0; x < width; ++x) {
      uint8_t* const pixel = target + (item * width + x) * channels;
      std::fill_n(pixel, channels, uint8_t{0});
      const int64_t left = x * geometry.stride[1] - geometry.padding[1];
      const PoolSpan across = PoolSpan::Of(left, geometry.kernel[1], geometry.dilation[1], in_width);
      for (int64_t k = 0; k < across.count; ++k) {
        const uint8_t* const column = columns + (left + (across.begin + k) * geometry.dilation[1]) * channels;
        MaxInto(pixel, column, channels);
      }
    }
  });
  return output;
}

at::Tensor MeanOfBytes(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale, at::IntArrayRef sizes) {
  CheckImages(input, at::kByte);
  const at::Tensor source = input.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = source.size(1);
  const int64_t pixels = source.size(2) * source.size(3);
  at::Tensor output = at::empty(sizes, at::TensorOptions(at::kFloat));
  TORCH_CHECK(output.numel() == source.size(0) * channels, "Expected a mean for each channel of ", source.sizes(),
              ", received ", sizes);
  const auto* const images = source.const_data_ptr<uint8_t>();
  auto* const target = output.mutable_data_ptr<float>();
  // Beyond, sums of 32 bits would overflow.
  TORCH_CHECK(pixels < (int64_t{1} << 23), "Expected images of at most 2^23 pixels, received ", source.sizes());
  std::vector<std::vector<int32_t>> totals(static_cast<size_t>(pool.threads()), std::vector<int32_t>(channels));
  pool.Run(source.size(0), [&](int64_t image, int thread) {
    int32_t* const sums = totals[static_cast<size_t>(thread)].data();
    std::fill_n(sums, channels, 0);
    const uint8_t* const first = images + image * pixels * channels;
    for (int64_t p = 0; p < pixels; ++p) AddInto(sums, first + p * channels, channels);
    for (int64_t c = 0; c < channels; ++c) {
      const double mean = static_cast<double>(sums[c]) / static_cast<double>(pixels);
      target[image * channels + c] = static_cast<float>((mean - scale.zero_point) * static_cast<double>(scale.scale));
    }
  });
  return output;
}

}  // namespace napi_torch::engine
