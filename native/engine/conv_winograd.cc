#include "conv_winograd.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "conv_direct.h"
#include "conv_rows.h"

namespace napi_torch::engine {
namespace {

// Tiles that go through all phases together, in products of the registers' rows: more reuse of the weights, but more
// memory than the cache of a core has.
constexpr int64_t kProductsPerBlock = 2;
// The same where phases are apart, and share the last cache.
constexpr int64_t kProductsPerSuperblock = 8;
// Keeps the positions of a tile from falling into the same sets of the cache.
constexpr int64_t kSkew = 16;
// Channels of a tile that one item of work transforms.
constexpr int64_t kChannelsPerItem = 64;

constexpr int64_t kNoOffset = 0;

class Winograd : public Convolution {
 public:
  Winograd(int64_t results, std::shared_ptr<ConvWeights> weights, const ImageLayout& in, const ImageLayout& out,
           ThreadPool& pool)
      : weights_(std::move(weights)),
        kernels_(weights_->kernels()),
        results_(results),
        positions_((results + 2) * (results + 2)),
        packed_(results == 2 ? weights_->Winograd2(pool) : weights_->Winograd4(pool)),
        in_(in),
        out_(out),
        rows_(DivideUp(out.h, results)),
        columns_(DivideUp(out.w, results)),
        threads_(pool.threads()) {}

  void Run(ThreadPool& pool, const Image& in, const Image& out, const Image* residual, bool relu,
           float* workspace) const override {
    std::atomic<bool> finite{true};
    RunTiles(pool, {in, out, residual, relu, workspace, finite});
    // Infinity and NaN spread over a whole tile, where PyTorch has them in single pixels; and sums of large numbers may
    // overflow on the way.
    if (!finite.load(std::memory_order_relaxed)) {
      NewDirect(weights_, in_, out_, pool)->Run(pool, in, out, residual, relu, nullptr);
    }
  }

 protected:
  struct Call {
    const Image& in;
    const Image& out;
    const Image* residual;
    bool relu;
    float* workspace;
    std::atomic<bool>& finite;
  };

  virtual void RunTiles(ThreadPool& pool, const Call& call) const = 0;

  int64_t tiles() const { return out_.n * rows_ * columns_; }
  int64_t channels() const { return weights_->geometry().in_channels; }
  const float* Panel(int64_t position, int64_t panel) const {
    return packed_ + (position * weights_->panels() + panel) * channels() * kernels_.block;
  }

  struct Place {
    int64_t image;
    int64_t y;
    int64_t x;
  };
  // Of the tile's results.
  Place PlaceOf(int64_t tile) const {
    const int64_t per_image = rows_ * columns_;
    const int64_t inside = tile % per_image;
    return {tile / per_image, inside / columns_ * results_, inside % columns_ * results_};
  }

  // Transforms channels [first, first + count) of a tile of the input.
  void Input(const Image& in, int64_t tile, int64_t first, int64_t count, float* target,
             int64_t position_stride) const {
    const auto [image, y, x] = PlaceOf(tile);
    const float* const source = in.At(image, y, x) - in.layout.row_stride - in.layout.channels + first;
    const TileInput arguments{source, in.layout.row_stride, in.layout.channels, count, target, position_stride};
    if (results_ == 2) {
      kernels_.tile_input2(arguments);
    } else {
      kernels_.tile_input4(arguments);
    }
  }

  // Products of `tiles` transformed tiles with a panel of a position.
  void Product(const float* transformed, int64_t tiles, const float* panel, float* sums, int64_t sums_stride) const {
    const int64_t stride = in_.channels;
    const int64_t pieces = DivideUp(tiles, kernels_.max_rows);
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t begin = tiles * piece / pieces;
      const int64_t end = tiles * (piece + 1) / pieces;
      kernels_.rows(end - begin, {transformed + begin * stride, stride, &kNoOffset, 1, channels(), panel,
                                  sums + begin * sums_stride, sums_stride});
    }
  }

  // Transforms the sums of a panel of a tile back, into the output.
  void Output(const Call& call, int64_t tile, int64_t panel, const float* sums, int64_t position_stride) const {
    const auto [image, y, x] = PlaceOf(tile);
    const int64_t channel = panel * kernels_.block;
    const ImageLayout& layout = call.out.layout;
    const float* const residual = call.residual == nullptr ? nullptr : call.residual->At(image, y, x) + channel;
    const TileOutput arguments{sums,
                               position_stride,
                               kernels_.block,
                               call.out.At(image, y, x) + channel,
                               layout.row_stride,
                               layout.channels,
                               std::min(results_, layout.h - y),
                               std::min(results_, layout.w - x),
                               {weights_->bias() + channel, residual, call.relu}};
    const bool finite = results_ == 2 ? kernels_.tile_output2(arguments) : kernels_.tile_output4(arguments);
    if (!finite) call.finite.store(false, std::memory_order_relaxed);
  }

  std::shared_ptr<ConvWeights> weights_;
  const Kernels& kernels_;
  int64_t results_;
  int64_t positions_;
  const float* packed_;
  ImageLayout in_;
  ImageLayout out_;
  // Of tiles in an image.
  int64_t rows_;
  int64_t columns_;
  int64_t threads_;
};

class Fused : public Winograd {
 public:
  Fused(int64_t results, std::shared_ptr<ConvWeights> weights, const ImageLayout& in, const ImageLayout& out,
        ThreadPool& pool)
      : Winograd(results, std::move(weights), in, out, pool) {
    blocks_ = DivideUp(tiles(), kProductsPerBlock * kernels_.max_rows);
    // Even work for all threads.
    blocks_ = std::min(tiles(), DivideUp(blocks_, threads_) * threads_);
    per_block_ = DivideUp(tiles(), blocks_);
    transformed_floats_ = positions_ * (per_block_ * in_.channels + kSkew);
    sums_floats_ = positions_ * (per_block_ * kernels_.block + kSkew);
  }

  int64_t WorkspaceFloats() const override { return threads_ * (transformed_floats_ + sums_floats_); }

 protected:
  void RunTiles(ThreadPool& pool, const Call& call) const override {
    pool.Run(blocks_, [&](int64_t block, int thread) {
      float* const transformed = call.workspace + thread * (transformed_floats_ + sums_floats_);
      float* const sums = transformed + transformed_floats_;
      const int64_t first = tiles() * block / blocks_;
      const int64_t count = tiles() * (block + 1) / blocks_ - first;
      const int64_t transformed_stride = count * in_.channels + kSkew;
      const int64_t sums_stride = count * kernels_.block + kSkew;

      for (int64_t i = 0; i < count; ++i) {
        Input(call.in, first + i, 0, in_.channels, transformed + i * in_.channels, transformed_stride);
      }
      for (int64_t panel = 0; panel < weights_->panels(); ++panel) {
        for (int64_t p = 0; p < positions_; ++p) {
          Product(transformed + p * transformed_stride, count, Panel(p, panel), sums + p * sums_stride, kernels_.block);
        }
        for (int64_t i = 0; i < count; ++i) {
          Output(call, first + i, panel, sums + i * kernels_.block, sums_stride);
        }
      }
    });
  }

 private:
  int64_t blocks_;
  int64_t per_block_;
  int64_t transformed_floats_;
  int64_t sums_floats_;
};

class Phased : public Winograd {
 public:
  Phased(int64_t results, std::shared_ptr<ConvWeights> weights, const ImageLayout& in, const ImageLayout& out,
         ThreadPool& pool)
      : Winograd(results, std::move(weights), in, out, pool) {
    blocks_ = DivideUp(tiles(), kProductsPerSuperblock * kernels_.max_rows);
    per_block_ = DivideUp(tiles(), blocks_);
    transformed_floats_ = positions_ * (per_block_ * in_.channels + kSkew);
    sums_floats_ = positions_ * (per_block_ * out_.channels + kSkew);
  }

  int64_t WorkspaceFloats() const override { return transformed_floats_ + sums_floats_; }

 protected:
  void RunTiles(ThreadPool& pool, const Call& call) const override {
    for (int64_t block = 0; block < blocks_; ++block) {
      const int64_t first = tiles() * block / blocks_;
      RunBlock(pool, call, first, tiles() * (block + 1) / blocks_ - first);
    }
  }

 private:
  void RunBlock(ThreadPool& pool, const Call& call, int64_t first, int64_t count) const {
    float* const transformed = call.workspace;
    float* const sums = transformed + transformed_floats_;
    const int64_t transformed_stride = count * in_.channels + kSkew;
    const int64_t sums_stride = count * out_.channels + kSkew;
    const int64_t panels = weights_->panels();

    const int64_t slices = DivideUp(in_.channels, kChannelsPerItem);
    pool.Run(count * slices, [&](int64_t item, int /*thread*/) {
      const int64_t tile = item / slices;
      const int64_t channel = item % slices * kChannelsPerItem;
      const int64_t channels = std::min(kChannelsPerItem, in_.channels - channel);
      Input(call.in, first + tile, channel, channels, transformed + tile * in_.channels + channel, transformed_stride);
    });
    pool.Run(positions_ * panels, [&](int64_t item, int /*thread*/) {
      const int64_t position = item / panels;
      const int64_t panel = item % panels;
      Product(transformed + position * transformed_stride, count, Panel(position, panel),
              sums + position * sums_stride + panel * kernels_.block, out_.channels);
    });
    pool.Run(count, [&](int64_t tile, int /*thread*/) {
      for (int64_t panel = 0; panel < panels; ++panel) {
        Output(call, first + tile, panel, sums + tile * out_.channels + panel * kernels_.block, sums_stride);
      }
    });
  }

  int64_t blocks_;
  int64_t per_block_;
  int64_t transformed_floats_;
  int64_t sums_floats_;
};

}  // namespace

std::unique_ptr<Convolution> NewWinograd(int64_t results, bool phased, std::shared_ptr<ConvWeights> weights,
                                         const ImageLayout& in, const ImageLayout& out, ThreadPool& pool) {
  if (phased) return std::make_unique<Phased>(results, std::move(weights), in, out, pool);
  return std::make_unique<Fused>(results, std::move(weights), in, out, pool);
}

}  // namespace napi_torch::engine
