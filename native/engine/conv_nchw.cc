#include "conv_nchw.h"

#include <cstring>
#include <utility>
#include <vector>

#include "conv_rows.h"

namespace napi_torch::engine {
namespace {

// Nchw with zeros around them, and the convolution of their rows.
class PaddedNchw {
 public:
  PaddedNchw(std::shared_ptr<ConvWeights> weights, const ImageLayout& in, ThreadPool& pool)
      : weights_(std::move(weights)), packed_(weights_->ByPlane(pool)), in_(in) {
    const ConvGeometry& g = weights_->geometry();
    height_ = in.h + 2 * g.padding[0];
    width_ = in.w + 2 * g.padding[1];
    // The points of a row of the kernel lie beside each other, unless it is dilated.
    length_ = g.dilation[1] == 1 ? g.kernel[1] : 1;
    for (int64_t c = 0; c < g.in_channels; ++c) {
      for (int64_t y = 0; y < g.kernel[0]; ++y) {
        const int64_t row = (c * height_ + y * g.dilation[0]) * width_;
        for (int64_t x = 0; x < g.kernel[1]; x += length_) offsets_.push_back(row + x * g.dilation[1]);
      }
    }
  }

  const ConvWeights& weights() const { return *weights_; }
  // Floats of the padded nchw of all images, which begin what follows at a cache line.
  int64_t floats() const { return DivideUp(in_.n * image_floats(), 16) * 16; }

  void Pad(ThreadPool& pool, const float* source, float* target) const {
    const auto [top, left] = weights_->geometry().padding;
    const auto copy = [&](int64_t plane, int64_t y, float* row) {
      std::memcpy(row + left, source + (plane * in_.h + y) * in_.w, static_cast<size_t>(in_.w) * sizeof(float));
    };
    const int64_t nchw = in_.n * weights_->geometry().in_channels;
    pool.Run(nchw * kParts, [&](int64_t item, int /*thread*/) {
      const int64_t plane = item / kParts;
      const auto [first, end] = Part(height_, item % kParts, kParts);
      float* const rows = target + plane * height_ * width_;
      std::memset(rows + first * width_, 0, static_cast<size_t>((end - first) * width_) * sizeof(float));
      for (int64_t y = std::max(first, top); y < std::min(end, top + in_.h); ++y)
        copy(plane, y - top, rows + y * width_);
    });
  }

  // A panel of a row of the convolution, at `target`, whose pixels are `stride` floats apart.
  void RunRow(const float* padded, int64_t image, int64_t panel, int64_t y, const float* residual, bool relu,
              int64_t width, float* target, int64_t stride) const {
    const ConvGeometry& g = weights_->geometry();
    const int64_t block = weights_->kernels().block;
    const RowsArguments arguments{padded + image * image_floats() + y * g.stride[0] * width_,
                                  g.stride[1],
                                  offsets_.data(),
                                  static_cast<int64_t>(offsets_.size()),
                                  length_,
                                  packed_ + panel * g.taps() * g.in_channels * block,
                                  target,
                                  stride};
    engine::RunRow(weights_->kernels(), arguments, {weights_->bias() + panel * block, residual, relu}, width);
  }

 private:
  // Of a plane that are copied as one item.
  static constexpr int64_t kParts = 4;

  int64_t image_floats() const { return weights_->geometry().in_channels * height_ * width_; }

  std::shared_ptr<ConvWeights> weights_;
  const float* packed_;
  ImageLayout in_;
  int64_t height_;
  int64_t width_;
  int64_t length_;
  std::vector<int64_t> offsets_;
};

class Nchw final : public Convolution {
 public:
  Nchw(std::shared_ptr<ConvWeights> weights, const ImageLayout& in, ThreadPool& pool)
      : nchw_(std::move(weights), in, pool) {}

  int64_t WorkspaceFloats() const override { return nchw_.floats(); }

  void Run(ThreadPool& pool, const Image& in, const Image& out, const Image* residual, bool relu,
           float* workspace) const override {
    nchw_.Pad(pool, in.data, workspace);
    const Bands bands(out.layout, nchw_.weights().panels(), pool.threads(), false);
    pool.Run(bands.count(), [&](int64_t item, int /*thread*/) {
      const auto [image, panel, first_row, end_row] = bands.At(item);
      const int64_t channel = panel * nchw_.weights().kernels().block;
      for (int64_t y = first_row; y < end_row; ++y) {
        const float* const added = residual == nullptr ? nullptr : residual->At(image, y, 0) + channel;
        nchw_.RunRow(workspace, image, panel, y, added, relu, out.layout.w, out.At(image, y, 0) + channel,
                     out.layout.channels);
      }
    });
  }

 private:
  PaddedNchw nchw_;
};

class PooledNchw final : public Convolution {
 public:
  PooledNchw(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling, const ImageLayout& in,
             const ImageLayout& out, ThreadPool& pool)
      : nchw_(std::move(weights), in, pool),
        pooling_(pooling),
        height_(nchw_.weights().geometry().OutputSize(in.h, 0)),
        width_(nchw_.weights().geometry().OutputSize(in.w, 1)),
        row_floats_(width_ * out.channels),
        threads_(pool.threads()) {}

  int64_t WorkspaceFloats() const override { return nchw_.floats() + threads_ * pooling_.kernel[0] * row_floats_; }

  void Run(ThreadPool& pool, const Image& in, const Image& out, const Image* /*residual*/, bool relu,
           float* workspace) const override {
    nchw_.Pad(pool, in.data, workspace);
    const int64_t bands = std::min(DivideUp(out.layout.h, kRowsPerBand), DivideUp(4 * threads_, out.layout.n));
    pool.Run(out.layout.n * bands, [&](int64_t item, int thread) {
      float* const rows = workspace + nchw_.floats() + thread * pooling_.kernel[0] * row_floats_;
      const auto [first, end] = Part(out.layout.h, item % bands, bands);
      RunBand(workspace, item / bands, first, end, relu, rows, out);
    });
  }

 private:
  // Pooled rows that are done together, at least: those of the convolution between two bands are computed twice.
  static constexpr int64_t kRowsPerBand = 12;

  void RunBand(const float* padded, int64_t image, int64_t first, int64_t end, bool relu, float* rows,
               const Image& out) const {
    // Rows [begin, done) of the convolution are at `rows`.
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
        for (int64_t panel = 0; panel < nchw_.weights().panels(); ++panel) {
          nchw_.RunRow(padded, image, panel, done, nullptr, relu, width_, row + panel * nchw_.weights().kernels().block,
                       out.layout.channels);
        }
      }
      MaxPoolRow(nchw_.weights().kernels(), pooling_,
                 {rows, row_floats_, span.count, width_, out.layout.channels, out.At(image, y, 0), out.layout.w});
    }
  }

  PaddedNchw nchw_;
  PoolGeometry pooling_;
  // Of the convolution.
  int64_t height_;
  int64_t width_;
  int64_t row_floats_;
  int64_t threads_;
};

}  // namespace

std::unique_ptr<Convolution> NewNchw(std::shared_ptr<ConvWeights> weights, const ImageLayout& in,
                                     const ImageLayout& /*out*/, ThreadPool& pool) {
  return std::make_unique<Nchw>(std::move(weights), in, pool);
}

std::unique_ptr<Convolution> NewPooledNchw(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling,
                                           const ImageLayout& in, const ImageLayout& out, ThreadPool& pool) {
  return std::make_unique<PooledNchw>(std::move(weights), pooling, in, out, pool);
}

}  // namespace napi_torch::engine
