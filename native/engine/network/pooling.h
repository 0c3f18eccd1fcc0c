// Pooling and addition by the native kernels.
#pragma once

#include <array>
#include <cstdint>

#include "../kernels/kernels.h"
#include "activation.h"
#include "thread_pool.h"

namespace napi_torch::engine {

struct PoolGeometry {
  std::array<int64_t, 2> kernel{1, 1};
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
};

// One row of results. `source` is the first row of the windows that lies inside the input, which has `rows` of them.
struct PoolRow {
  const float* source;
  int64_t row_stride;
  int64_t rows;
  // Of the input: its width, and the floats of a pixel.
  int64_t width;
  int64_t channels;
  float* target;
  int64_t target_width;
};
void MaxPoolRow(const KernelSet& kernels, const PoolGeometry& geometry, const PoolRow& row);

// The elements of a window that lie inside an input of that size: [begin, begin + count) of the kernel.
struct PoolSpan {
  int64_t begin;
  int64_t count;

  static PoolSpan Of(int64_t start, int64_t kernel, int64_t dilation, int64_t size);
};

// The largest value of each window of `in`. Padding is left out, so the border never wins.
void MaxPool2d(ThreadPool& pool, const KernelSet& kernels, const PoolGeometry& geometry, const Activation& in,
               const Activation& out);

// The mean of each channel of each sample; `out` has one pixel.
void GlobalAvgPool(ThreadPool& pool, const KernelSet& kernels, const Activation& in, const Activation& out);

// out = left + right, then ReLU if `relu`, on activations of one size. `out` may be one of the operands.
void Add(ThreadPool& pool, const KernelSet& kernels, const Activation& left, const Activation& right,
         const Activation& out, bool relu);

}  // namespace napi_torch::engine
