// Steps between the integer operators of oneDNN: float32 to bytes and back, and the pooling that libtorch does not do
// (or not for every size) on bytes whose channels lie side by side.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "pooling.h"
#include "thread_pool.h"

namespace napi_torch::engine {

// A byte b stands for (b - zero_point) * scale.
struct ByteScale {
  float scale = 1;
  int32_t zero_point = 0;
};

// The nearest byte to each element, halves to even; what lies outside becomes the first or last byte, NaN the first.
// Images come out with their channels side by side.
at::Tensor Quantize(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale);

// In the layout of `input`.
at::Tensor Dequantize(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale);

// The largest byte of each window; `height` and `width` are those of the result.
at::Tensor MaxPoolBytes(ThreadPool& pool, const at::Tensor& input, const PoolGeometry& geometry, int64_t height,
                        int64_t width);

// The mean of each channel of each image, in float32, as `sizes` say: (N, C) or (N, C, 1, 1).
at::Tensor MeanOfBytes(ThreadPool& pool, const at::Tensor& input, const ByteScale& scale, at::IntArrayRef sizes);

}  // namespace napi_torch::engine
