// Convolutions by the own kernels: one class an algorithm, all with bias, residual and ReLU in the same pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "conv_weights.h"
#include "image.h"
#include "thread_pool.h"

namespace napi_torch::engine {

enum class Algorithm {
  // Products of rows of pixels with panels of weights, tap by tap, without gathering (im2col).
  kDirect,
  // The same straight from nchw NCHW, as users hand images over: for few channels.
  kNchw,
  // 3 x 3 with step 1 in tiles of 2 x 2 or 4 x 4, with 2.25 or 4 times fewer multiplications. A block of tiles goes
  // through
  // all phases in the cache of one thread,
  kWinograd2,
  kWinograd4,
  // or each phase through all threads, which reads the weights once: for many channels.
  kWinograd2Phased,
  kWinograd4Phased,
};

std::optional<Algorithm> AlgorithmOf(std::string_view name);
// Whether the algorithm can do it.
bool Supports(const ConvGeometry& geometry, Algorithm algorithm);
// The border that the algorithm reads of its input.
int64_t BorderOf(const ConvGeometry& geometry, Algorithm algorithm);

// A convolution of images of one size. For kNchw, `in` has nchw (N, C, H, W) without a border for data.
class Convolution {
 public:
  // Packs the weights if they are not yet. The layouts are those of the images that Run gets.
  static std::unique_ptr<Convolution> Create(Algorithm algorithm, std::shared_ptr<ConvWeights> weights,
                                             const ImageLayout& in, const ImageLayout& out, ThreadPool& pool);
  virtual ~Convolution() = default;

  // Floats of working memory, aligned to a cache line, whose content means nothing before and after.
  virtual int64_t WorkspaceFloats() const = 0;
  // `residual` is laid out as `out`, and must not be in the same memory; null for none.
  virtual void Run(ThreadPool& pool, const Image& in, const Image& out, const Image* residual, bool relu,
                   float* workspace) const = 0;
};

}  // namespace napi_torch::engine
