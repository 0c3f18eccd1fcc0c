#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "conv_algorithms.h"
#include "conv_rows.h"

namespace napi_torch::engine {
namespace {

// A block of tiles goes through all phases together. Its size, in calls of the product kernel: larger blocks reuse the
// weights more, until their activations exceed the cache of a core,
constexpr int64_t kProductsPerBlock = 2;
// or until that of each thread does, where the threads share the weights instead of the tiles,
constexpr int64_t kProductsPerChannelBlock = 4;
// or the last-level cache, where the phases run one after the other on all threads.
constexpr int64_t kProductsPerSuperblock = 8;
// Floats between the positions of a tile that keep them from mapping to the same cache sets.
constexpr int64_t kSkew = 16;
// Channels of a tile that one item of work transforms.
constexpr int64_t kChannelsPerItem = 64;

constexpr int64_t kNoOffset = 0;

class WinogradConvolution : public Convolution {
 public:
  WinogradConvolution(int64_t results, std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                      const ActivationLayout& out, ThreadPool& pool)
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

  void Run(ThreadPool& pool, const Activation& in, const Activation& out, const Activation* residual, bool relu,
           float* workspace) const override {
    std::atomic<bool> finite{true};
    RunTiles(pool, {in, out, residual, relu, workspace, finite});
    // The transforms spread an infinity or NaN over a whole tile, where PyTorch has it in single pixels, and sums of
    // large numbers may overflow between them: the direct algorithm then computes the result.
    if (!finite.load(std::memory_order_relaxed)) {
      NewDirect(weights_, in_, out_, pool)->Run(pool, in, out, residual, relu, nullptr);
    }
  }

 protected:
  struct Operands {
    const Activation& in;
    const Activation& out;
    const Activation* residual;
    bool relu;
    float* workspace;
    std::atomic<bool>& finite;
  };

  virtual void RunTiles(ThreadPool& pool, const Operands& operands) const = 0;

  int64_t tiles() const { return out_.n * rows_ * columns_; }
  int64_t channels() const { return weights_->geometry().in_channels; }
  StoredWeights Panel(int64_t position, int64_t panel) const {
    return packed_.From((panel * positions_ + position) * channels() * kernels_.block);
  }

  struct Pixel {
    int64_t sample;
    int64_t y;
    int64_t x;
  };
  // The first result of a tile.
  Pixel OriginOf(int64_t tile) const {
    const int64_t per_sample = rows_ * columns_;
    const int64_t inside = tile % per_sample;
    return {tile / per_sample, inside / columns_ * results_, inside % columns_ * results_};
  }

  // Transforms channels [first, first + count) of a tile of the input: B^T d B.
  void Input(const Activation& in, int64_t tile, int64_t first, int64_t count, float* target,
             int64_t position_stride) const {
    const auto [sample, y, x] = OriginOf(tile);
    const float* const source = in.At(sample, y, x) - in.layout.row_stride - in.layout.channels + first;
    const TileInput arguments{source, in.layout.row_stride, in.layout.channels, count, target, position_stride};
    if (results_ == 2) {
      kernels_.tile_input2(arguments);
    } else {
      kernels_.tile_input4(arguments);
    }
  }

  // Multiplies one position of `tiles` transformed tiles with a panel of the weights.
  void Product(const float* transformed, int64_t tiles, const StoredWeights& panel, float* sums,
               int64_t sums_stride) const {
    const int64_t stride = in_.channels;
    const int64_t pieces = DivideUp(tiles, kernels_.max_rows);
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t begin = tiles * piece / pieces;
      const int64_t end = tiles * (piece + 1) / pieces;
      kernels_.rows(end - begin, {transformed + begin * stride, stride, &kNoOffset, 1, channels(), panel,
                                  sums + begin * sums_stride, sums_stride});
    }
  }

  // Transforms the sums of a tile back, for one panel of channels, and writes the results: A^T m A.
  void Output(const Operands& operands, int64_t tile, int64_t panel, const float* sums, int64_t position_stride) const {
    const auto [sample, y, x] = OriginOf(tile);
    const int64_t channel = panel * kernels_.block;
    const ActivationLayout& layout = operands.out.layout;
    const float* const residual =
        operands.residual == nullptr ? nullptr : operands.residual->At(sample, y, x) + channel;
    const TileOutput arguments{sums,
                               position_stride,
                               kernels_.block,
                               operands.out.At(sample, y, x) + channel,
                               layout.row_stride,
                               layout.channels,
                               std::min(results_, layout.h - y),
                               std::min(results_, layout.w - x),
                               {weights_->scale() + channel, weights_->bias() + channel, residual, operands.relu}};
    const bool finite = results_ == 2 ? kernels_.tile_output2(arguments) : kernels_.tile_output4(arguments);
    if (!finite) operands.finite.store(false, std::memory_order_relaxed);
  }

  // Takes `count` tiles that are transformed through the other phases, for one panel of channels: `sums` holds their
  // products.
  void RunPanel(const Operands& operands, int64_t first, int64_t count, int64_t panel, const float* transformed,
                int64_t transformed_stride, float* sums) const {
    const int64_t sums_stride = count * kernels_.block + kSkew;
    for (int64_t p = 0; p < positions_; ++p) {
      Product(transformed + p * transformed_stride, count, Panel(p, panel), sums + p * sums_stride, kernels_.block);
    }
    for (int64_t i = 0; i < count; ++i) {
      Output(operands, first + i, panel, sums + i * kernels_.block, sums_stride);
    }
  }

  std::shared_ptr<ConvWeights> weights_;
  const KernelSet& kernels_;
  // Results along each side of a tile, and positions of its transform.
  int64_t results_;
  int64_t positions_;
  StoredWeights packed_;
  ActivationLayout in_;
  ActivationLayout out_;
  // Of tiles in a sample.
  int64_t rows_;
  int64_t columns_;
  int64_t threads_;
};

class FusedWinograd final : public WinogradConvolution {
 public:
  FusedWinograd(int64_t results, std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                const ActivationLayout& out, ThreadPool& pool)
      : WinogradConvolution(results, std::move(weights), in, out, pool) {
    blocks_ = DivideUp(tiles(), kProductsPerBlock * kernels_.max_rows);
    // A multiple of the threads, so that all have the same work.
    blocks_ = std::min(tiles(), DivideUp(blocks_, threads_) * threads_);
    per_block_ = DivideUp(tiles(), blocks_);
    transformed_floats_ = positions_ * (per_block_ * in_.channels + kSkew);
    sums_floats_ = positions_ * (per_block_ * kernels_.block + kSkew);
  }

  int64_t WorkspaceFloats() const override { return threads_ * (transformed_floats_ + sums_floats_); }

 protected:
  void RunTiles(ThreadPool& pool, const Operands& operands) const override {
    pool.Run(blocks_, [&](int64_t block, int thread) {
      float* const transformed = operands.workspace + thread * (transformed_floats_ + sums_floats_);
      float* const sums = transformed + transformed_floats_;
      const int64_t first = tiles() * block / blocks_;
      const int64_t count = tiles() * (block + 1) / blocks_ - first;
      const int64_t transformed_stride = count * in_.channels + kSkew;
      for (int64_t i = 0; i < count; ++i) {
        Input(operands.in, first + i, 0, in_.channels, transformed + i * in_.channels, transformed_stride);
      }
      for (int64_t panel = 0; panel < weights_->panels(); ++panel) {
        RunPanel(operands, first, count, panel, transformed, transformed_stride, sums);
      }
    });
  }

 private:
  int64_t blocks_;
  int64_t per_block_;  // Tiles, at most.
  int64_t transformed_floats_;
  int64_t sums_floats_;
};

class PhasedWinograd final : public WinogradConvolution {
 public:
  PhasedWinograd(int64_t results, std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                 const ActivationLayout& out, ThreadPool& pool)
      : WinogradConvolution(results, std::move(weights), in, out, pool) {
    blocks_ = DivideUp(tiles(), kProductsPerSuperblock * kernels_.max_rows);
    per_block_ = DivideUp(tiles(), blocks_);
    transformed_floats_ = positions_ * (per_block_ * in_.channels + kSkew);
    sums_floats_ = positions_ * (per_block_ * out_.channels + kSkew);
  }

  int64_t WorkspaceFloats() const override { return transformed_floats_ + sums_floats_; }

 protected:
  void RunTiles(ThreadPool& pool, const Operands& operands) const override {
    for (int64_t block = 0; block < blocks_; ++block) {
      const int64_t first = tiles() * block / blocks_;
      RunBlock(pool, operands, first, tiles() * (block + 1) / blocks_ - first);
    }
  }

 private:
  void RunBlock(ThreadPool& pool, const Operands& operands, int64_t first, int64_t count) const {
    float* const transformed = operands.workspace;
    float* const sums = transformed + transformed_floats_;
    const int64_t transformed_stride = count * in_.channels + kSkew;
    const int64_t sums_stride = count * out_.channels + kSkew;
    const int64_t panels = weights_->panels();

    const int64_t slices = DivideUp(in_.channels, kChannelsPerItem);
    pool.Run(count * slices, [&](int64_t item, int /*thread*/) {
      const int64_t tile = item / slices;
      const int64_t channel = item % slices * kChannelsPerItem;
      const int64_t channels = std::min(kChannelsPerItem, in_.channels - channel);
      Input(operands.in, first + tile, channel, channels, transformed + tile * in_.channels + channel,
            transformed_stride);
    });
    pool.Run(positions_ * panels, [&](int64_t item, int /*thread*/) {
      const int64_t position = item / panels;
      const int64_t panel = item % panels;
      Product(transformed + position * transformed_stride, count, Panel(position, panel),
              sums + position * sums_stride + panel * kernels_.block, out_.channels);
    });
    pool.Run(count, [&](int64_t tile, int /*thread*/) {
      for (int64_t panel = 0; panel < panels; ++panel) {
        Output(operands, first + tile, panel, sums + tile * out_.channels + panel * kernels_.block, sums_stride);
      }
    });
  }

  int64_t blocks_;
  int64_t per_block_;  // Tiles, at most.
  int64_t transformed_floats_;
  int64_t sums_floats_;
};

// An item of work is one panel of output channels of a block of tiles, which each thread transforms by itself: that
// takes less time than to read, as the fused order does, all weights on all threads.
class ByChannelWinograd final : public WinogradConvolution {
 public:
  ByChannelWinograd(int64_t results, std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                    const ActivationLayout& out, ThreadPool& pool)
      : WinogradConvolution(results, std::move(weights), in, out, pool) {
    const int64_t needed = DivideUp(tiles(), kProductsPerChannelBlock * kernels_.max_rows);
    // More where there are more threads than panels.
    blocks_ = std::min(tiles(), std::max(needed, DivideUp(threads_, weights_->panels())));
    const int64_t per_block = DivideUp(tiles(), blocks_);
    transformed_floats_ = positions_ * (per_block * in_.channels + kSkew);
    sums_floats_ = positions_ * (per_block * kernels_.block + kSkew);
  }

  int64_t WorkspaceFloats() const override { return threads_ * (transformed_floats_ + sums_floats_); }

 protected:
  void RunTiles(ThreadPool& pool, const Operands& operands) const override {
    // The block that each thread has transformed.
    std::vector<int64_t> held(static_cast<size_t>(threads_), -1);
    pool.Run(blocks_ * weights_->panels(), [&](int64_t item, int thread) {
      float* const transformed = operands.workspace + thread * (transformed_floats_ + sums_floats_);
      const int64_t block = item / weights_->panels();
      const auto [first, end] = EvenSlice(tiles(), block, blocks_);
      const int64_t stride = (end - first) * in_.channels + kSkew;
      if (std::exchange(held[static_cast<size_t>(thread)], block) != block) {
        for (int64_t tile = first; tile < end; ++tile) {
          Input(operands.in, tile, 0, in_.channels, transformed + (tile - first) * in_.channels, stride);
        }
      }
      RunPanel(operands, first, end - first, item % weights_->panels(), transformed, stride,
               transformed + transformed_floats_);
    });
  }

 private:
  int64_t blocks_;
  int64_t transformed_floats_;
  int64_t sums_floats_;
};

}  // namespace

std::unique_ptr<Convolution> NewWinograd(int64_t m, WinogradOrder order, std::shared_ptr<ConvWeights> weights,
                                         const ActivationLayout& in, const ActivationLayout& out, ThreadPool& pool) {
  switch (order) {
    case WinogradOrder::kFused:
      return std::make_unique<FusedWinograd>(m, std::move(weights), in, out, pool);
    case WinogradOrder::kByChannel:
      return std::make_unique<ByChannelWinograd>(m, std::move(weights), in, out, pool);
    case WinogradOrder::kPhased:
      return std::make_unique<PhasedWinograd>(m, std::move(weights), in, out, pool);
  }
  return nullptr;
}

}  // namespace napi_torch::engine
