#include <cstring>
#include <utility>
#include <vector>

#include "conv_algorithms.h"
#include "conv_rows.h"

namespace napi_torch::engine {
namespace {

// A copy of an NCHW input with zeros around each channel plane, and the convolution of its rows.
class PaddedInput {
 public:
  PaddedInput(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in, ThreadPool& pool)
      : weights_(std::move(weights)), packed_(weights_->ByChannel(pool)), in_(in) {
    const ConvGeometry& g = weights_->geometry();
    height_ = in.h + 2 * g.padding[0];
    width_ = in.w + 2 * g.padding[1];
    // The input of a kernel row is contiguous, unless the kernel is dilated.
    length_ = g.dilation[1] == 1 ? g.kernel[1] : 1;
    for (int64_t c = 0; c < g.in_channels; ++c) {
      for (int64_t y = 0; y < g.kernel[0]; ++y) {
        const int64_t row = (c * height_ + y * g.dilation[0]) * width_;
        for (int64_t x = 0; x < g.kernel[1]; x += length_) offsets_.push_back(row + x * g.dilation[1]);
      }
    }
  }

  const ConvWeights& weights() const { return *weights_; }
  // Floats of the padded input, rounded up so that the memory behind it begins at a cache line.
  int64_t floats() const { return DivideUp(in_.n * sample_floats(), 16) * 16; }

  void Pad(ThreadPool& pool, const float* source, float* target) const {
    const auto [top, left] = weights_->geometry().padding;
    const auto copy = [&](int64_t plane, int64_t y, float* row) {
      std::memcpy(row + left, source + (plane * in_.h + y) * in_.w, static_cast<size_t>(in_.w) * sizeof(float));
    };
    const int64_t plane_count = in_.n * weights_->geometry().in_channels;
    pool.Run(plane_count * kSlicesPerPlane, [&](int64_t item, int /*thread*/) {
      const int64_t plane = item / kSlicesPerPlane;
      const auto [first, end] = EvenSlice(height_, item % kSlicesPerPlane, kSlicesPerPlane);
      float* const rows = target + plane * height_ * width_;
      std::memset(rows + first * width_, 0, static_cast<size_t>((end - first) * width_) * sizeof(float));
      for (int64_t y = std::max(first, top); y < std::min(end, top + in_.h); ++y)
        copy(plane, y - top, rows + y * width_);
    });
  }

  // Computes a panel of channels of one row of the convolution, at `target`, whose pixels are `stride` floats apart.
  void RunRow(const float* padded, int64_t sample, int64_t panel, int64_t y, const float* residual, bool relu,
              int64_t width, float* target, int64_t stride) const {
    const ConvGeometry& g = weights_->geometry();
    const int64_t block = weights_->kernels().block;
    const RowsArguments arguments{padded + sample * sample_floats() + y * g.stride[0] * width_,
                                  g.stride[1],
                                  offsets_.data(),
                                  static_cast<int64_t>(offsets_.size()),
                                  length_,
                                  packed_.From(panel * g.taps() * g.in_channels * block),
                                  target,
                                  stride};
    const int64_t channel = panel * block;
    engine::RunRow(weights_->kernels(), arguments,
                   {weights_->scale() + channel, weights_->bias() + channel, residual, relu}, width);
  }

 private:
  // Items of work into which the copy of a channel plane is cut.
  static constexpr int64_t kSlicesPerPlane = 4;

  int64_t sample_floats() const { return weights_->geometry().in_channels * height_ * width_; }

  std::shared_ptr<ConvWeights> weights_;
  StoredWeights packed_;
  ActivationLayout in_;
  // Of a padded plane.
  int64_t height_;
  int64_t width_;
  // Floats of each segment of a product, and where the segments begin.
  int64_t length_;
  std::vector<int64_t> offsets_;
};

class NchwConvolution final : public Convolution {
 public:
  NchwConvolution(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in, ThreadPool& pool)
      : input_(std::move(weights), in, pool) {}

  int64_t WorkspaceFloats() const override { return input_.floats(); }

  void Run(ThreadPool& pool, const Activation& in, const Activation& out, const Activation* residual, bool relu,
           float* workspace) const override {
    input_.Pad(pool, in.data, workspace);
    const Bands bands(out.layout, input_.weights().panels(), pool.threads(), false);
    pool.Run(bands.count(), [&](int64_t item, int /*thread*/) {
      const auto [sample, panel, first_row, end_row] = bands.At(item);
      const int64_t channel = panel * input_.weights().kernels().block;
      for (int64_t y = first_row; y < end_row; ++y) {
        const float* const added = residual == nullptr ? nullptr : residual->At(sample, y, 0) + channel;
        input_.RunRow(workspace, sample, panel, y, added, relu, out.layout.w, out.At(sample, y, 0) + channel,
                      out.layout.channels);
      }
    });
  }

 private:
  PaddedInput input_;
};

class PooledNchwConvolution final : public Convolution {
 public:
  PooledNchwConvolution(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling, const ActivationLayout& in,
                        const ActivationLayout& out, ThreadPool& pool)
      : input_(std::move(weights), in, pool),
        pooling_(pooling),
        height_(input_.weights().geometry().OutputSize(in.h, 0)),
        width_(input_.weights().geometry().OutputSize(in.w, 1)),
        row_floats_(width_ * out.channels),
        threads_(pool.threads()) {}

  int64_t WorkspaceFloats() const override { return input_.floats() + threads_ * pooling_.kernel[0] * row_floats_; }

  void Run(ThreadPool& pool, const Activation& in, const Activation& out, const Activation* /*residual*/, bool relu,
           float* workspace) const override {
    input_.Pad(pool, in.data, workspace);
    int64_t bands = std::min(DivideUp(out.layout.h, kRowsPerBand), DivideUp(4 * threads_, out.layout.n));
    // So that all threads have the same work: of 5 bands, one of 2 threads would take 3.
    if (out.layout.n % threads_ != 0) bands = std::min(out.layout.h, DivideUp(bands, threads_) * threads_);
    pool.Run(out.layout.n * bands, [&](int64_t item, int thread) {
      float* const rows = workspace + input_.floats() + thread * pooling_.kernel[0] * row_floats_;
      const auto [first, end] = EvenSlice(out.layout.h, item % bands, bands);
      RunBand(workspace, item / bands, first, end, relu, rows, out);
    });
  }

 private:
  // Pooled rows of a band, about: convolution rows that two bands need are computed twice.
  static constexpr int64_t kRowsPerBand = 12;

  void RunBand(const float* padded, int64_t sample, int64_t first, int64_t end, bool relu, float* rows,
               const Activation& out) const {
    // `rows` holds rows [begin, done) of the convolution.
    int64_t begin = 0;
    int64_t done = 0;
    for (int64_t y = first; y < end; ++y) {
      const int64_t top = y * pooling_.stride[0] - pooling_.padding[0];
      const PoolSpan span = PoolSpan::Of(top, pooling_.kernel[0], 1, height_);
      const int64_t needed = top + span.begin;
      if (done > needed) {
        std::memmove(rows, rows + (needed - begin) * row_floats_,
                     static_cast<size_t>((done - needed) * row_floats_) * sizeof(float));
      }
      begin = needed;
      done = std::max(done, begin);
      for (; done < begin + span.count; ++done) {
        float* const row = rows + (done - begin) * row_floats_;
        for (int64_t panel = 0; panel < input_.weights().panels(); ++panel) {
          input_.RunRow(padded, sample, panel, done, nullptr, relu, width_,
                        row + panel * input_.weights().kernels().block, out.layout.channels);
        }
      }
      MaxPoolRow(input_.weights().kernels(), pooling_,
                 {rows, row_floats_, span.count, width_, out.layout.channels, out.At(sample, y, 0), out.layout.w});
    }
  }

  PaddedInput input_;
  PoolGeometry pooling_;
  // Of the result of the convolution, before it is pooled.
  int64_t height_;
  int64_t width_;
  int64_t row_floats_;
  int64_t threads_;
};

}  // namespace

std::unique_ptr<Convolution> NewNchw(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                                     ThreadPool& pool) {
  return std::make_unique<NchwConvolution>(std::move(weights), in, pool);
}

std::unique_ptr<Convolution> NewPooledNchw(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling,
                                           const ActivationLayout& in, const ActivationLayout& out, ThreadPool& pool) {
  return std::make_unique<PooledNchwConvolution>(std::move(weights), pooling, in, out, pool);
}

}  // namespace napi_torch::engine
