#include <utility>
#include <vector>

#include "conv_algorithms.h"
#include "conv_rows.h"

namespace napi_torch::engine {
namespace {

class DirectConvolution final : public Convolution {
 public:
  DirectConvolution(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in, const ActivationLayout& out,
                    ThreadPool& pool)
      : weights_(std::move(weights)), packed_(weights_->ByTap(pool)) {
    const ConvGeometry& g = weights_->geometry();
    for (int64_t y = 0; y < g.kernel[0]; ++y) {
      for (int64_t x = 0; x < g.kernel[1]; ++x) {
        offsets_.push_back((y * g.dilation[0] - g.padding[0]) * in.row_stride +
                           (x * g.dilation[1] - g.padding[1]) * in.channels);
      }
    }
    const int64_t weight_floats = g.taps() * g.in_channels * g.out_channels;
    keeps_weights_ = weight_floats > in.sample_stride + out.sample_stride;
  }

  int64_t WorkspaceFloats() const override { return 0; }

  void Run(ThreadPool& pool, const Activation& in, const Activation& out, const Activation* residual, bool relu,
           float* /*workspace*/) const override {
    const KernelSet& kernels = weights_->kernels();
    const ConvGeometry& g = weights_->geometry();
    const int64_t panel_floats = g.taps() * g.in_channels * kernels.block;
    const Bands bands(out.layout, weights_->panels(), pool.threads(), keeps_weights_);
    pool.Run(bands.count(), [&](int64_t item, int /*thread*/) {
      const auto [sample, panel, first_row, end_row] = bands.At(item);
      const int64_t channel = panel * kernels.block;
      for (int64_t y = first_row; y < end_row; ++y) {
        const RowsArguments arguments{in.At(sample, y * g.stride[0], 0),
                                      g.stride[1] * in.layout.channels,
                                      offsets_.data(),
                                      g.taps(),
                                      g.in_channels,
                                      packed_.From(panel * panel_floats),
                                      out.At(sample, y, 0) + channel,
                                      out.layout.channels};
        const float* const added = residual == nullptr ? nullptr : residual->At(sample, y, 0) + channel;
        RunRow(kernels, arguments, {weights_->scale() + channel, weights_->bias() + channel, added, relu},
               out.layout.w);
      }
    });
  }

 private:
  std::shared_ptr<ConvWeights> weights_;
  StoredWeights packed_;
  // Of each kernel position, from the pixel of a result to the input pixel, in floats.
  std::vector<int64_t> offsets_;
  // Whether consecutive items reuse a panel of weights, as these are larger than the activations of a sample.
  bool keeps_weights_;
};

}  // namespace

std::unique_ptr<Convolution> NewDirect(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                                       const ActivationLayout& out, ThreadPool& pool) {
  return std::make_unique<DirectConvolution>(std::move(weights), in, out, pool);
}

}  // namespace napi_torch::engine
