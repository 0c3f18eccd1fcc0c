#include "linear.h"

#include <algorithm>
#include <utility>

namespace napi_torch::engine {

Linear::Linear(std::shared_ptr<ConvWeights> weights, ThreadPool& pool)
    : weights_(std::move(weights)), packed_(weights_->ByTap(pool)) {}

void Linear::Run(ThreadPool& pool, const Activation& in, const Activation& out, bool relu) const {
  const KernelSet& kernels = weights_->kernels();
  const int64_t inputs = weights_->geometry().in_channels;
  constexpr int64_t kNoOffset = 0;
  pool.Run(weights_->panels(), [&](int64_t panel, int /*thread*/) {
    const int64_t channel = panel * kernels.block;
    for (int64_t begin = 0; begin < in.layout.n; begin += kernels.max_rows) {
      const int64_t rows = std::min(kernels.max_rows, in.layout.n - begin);
      const RowsArguments arguments{in.At(begin, 0, 0),
                                    in.layout.sample_stride,
                                    &kNoOffset,
                                    1,
                                    inputs,
                                    packed_.From(channel * inputs),
                                    out.At(begin, 0, 0) + channel,
                                    out.layout.sample_stride};
      kernels.rows_epilogue(rows, arguments, {weights_->scale() + channel, weights_->bias() + channel, nullptr, relu});
    }
  });
}

}  // namespace napi_torch::engine
