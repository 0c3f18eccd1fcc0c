#include "pooling.h"

#include <algorithm>

namespace napi_torch::engine {

PoolSpan PoolSpan::Of(int64_t start, int64_t kernel, int64_t dilation, int64_t size) {
  const int64_t begin = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int64_t end = size > start ? std::min(kernel, (size - start + dilation - 1) / dilation) : 0;
  return {begin, std::max<int64_t>(0, end - begin)};
}

void MaxPoolRow(const KernelSet& kernels, const PoolGeometry& geometry, const PoolRow& row) {
  const int64_t kernel = geometry.kernel[1];
  const int64_t dilation = geometry.dilation[1];
  const auto left_of = [&](int64_t x) { return x * geometry.stride[1] - geometry.padding[1]; };
  const auto is_whole = [&](int64_t x) {
    return PoolSpan::Of(left_of(x), kernel, dilation, row.width).count == kernel;
  };
  // Windows that lie fully inside the input go together; those at the sides have fewer columns.
  for (int64_t x = 0; x < row.target_width;) {
    int64_t end = x + 1;
    if (is_whole(x)) {
      while (end < row.target_width && is_whole(end)) ++end;
    }
    const PoolSpan columns = PoolSpan::Of(left_of(x), kernel, dilation, row.width);
    kernels.max_windows({row.source + (left_of(x) + columns.begin * dilation) * row.channels, row.rows, columns.count,
                         geometry.dilation[0] * row.row_stride, dilation * row.channels,
                         geometry.stride[1] * row.channels, end - x, row.channels, row.target + x * row.channels});
    x = end;
  }
}

void MaxPool2d(ThreadPool& pool, const KernelSet& kernels, const PoolGeometry& geometry, const Activation& in,
               const Activation& out) {
  const ActivationLayout& from = in.layout;
  const ActivationLayout& to = out.layout;
  pool.Run(to.n * to.h, [&](int64_t item, int /*thread*/) {
    const int64_t sample = item / to.h;
    const int64_t y = item % to.h;
    const int64_t top = y * geometry.stride[0] - geometry.padding[0];
    const PoolSpan rows = PoolSpan::Of(top, geometry.kernel[0], geometry.dilation[0], from.h);
    MaxPoolRow(kernels, geometry,
               {in.At(sample, top + rows.begin * geometry.dilation[0], 0), from.row_stride, rows.count, from.w,
                from.channels, out.At(sample, y, 0), to.w});
  });
}

void GlobalAvgPool(ThreadPool& pool, const KernelSet& kernels, const Activation& in, const Activation& out) {
  const ActivationLayout& layout = in.layout;
  const float scale = 1.F / static_cast<float>(layout.h * layout.w);
  pool.Run(layout.n, [&](int64_t sample, int /*thread*/) {
    kernels.mean(in.At(sample, 0, 0), layout.row_stride, layout.channels, layout.h, layout.w, layout.channels, scale,
                 out.At(sample, 0, 0));
  });
}

void Add(ThreadPool& pool, const KernelSet& kernels, const Activation& left, const Activation& right,
         const Activation& out, bool relu) {
  const ActivationLayout& layout = out.layout;
  pool.Run(layout.n * layout.h, [&](int64_t item, int /*thread*/) {
    const int64_t sample = item / layout.h;
    const int64_t y = item % layout.h;
    kernels.add(left.At(sample, y, 0), right.At(sample, y, 0), layout.w * layout.channels, relu, out.At(sample, y, 0));
  });
}

}  // namespace napi_torch::engine
