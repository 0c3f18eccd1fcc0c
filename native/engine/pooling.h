// Pooling and additions by the own kernels.
#pragma once

#include <array>
#include <cstdint>

#include "image.h"
#include "kernels/kernels.h"
#include "thread_pool.h"

namespace napi_torch::engine {

struct PoolGeometry {
  std::array<int64_t, 2> kernel{1, 1};
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
};

// One row of results. `source` is the first row of the windows that lies in the image, `rows` of which there are.
struct PoolRow {
  const float* source;
  int64_t row_stride;
  int64_t rows;
  // Of the image that is pooled: its width, and the floats of a pixel.
  int64_t width;
  int64_t channels;
  float* target;
  int64_t target_width;
};
void MaxPoolRow(const Kernels& kernels, const PoolGeometry& geometry, const PoolRow& row);

// The part of a window that lies in an image of that size: points [begin, begin + count) of the kernel.
struct PoolSpan {
  int64_t begin;
  int64_t count;

  static PoolSpan Of(int64_t start, int64_t kernel, int64_t dilation, int64_t size);
};

// The largest value of each window of `in`; the padding never wins, whatever is in the border.
void MaxPool2d(ThreadPool& pool, const Kernels& kernels, const PoolGeometry& geometry, const Image& in,
               const Image& out);

// The mean of each channel of each image; `out` has images of one pixel.
void GlobalAvgPool(ThreadPool& pool, const Kernels& kernels, const Image& in, const Image& out);

// out = left + right, all of one layout, then ReLU if asked. `out` may be one of them.
void Add(ThreadPool& pool, const Kernels& kernels, const Image& left, const Image& right, const Image& out, bool relu);

}  // namespace napi_torch::engine
