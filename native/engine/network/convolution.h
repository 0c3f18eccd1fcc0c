// Convolutions by the native kernels: one class an algorithm, each with bias, residual and ReLU in the same pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "activation.h"
#include "conv_weights.h"
#include "thread_pool.h"

namespace napi_torch::engine {

enum class Algorithm {
  // Products of rows of pixels with panels of weights, one kernel position after the other, without im2col.
  kDirect,
  // The direct algorithm on a dense NCHW input, such as the one of the model: for few channels.
  kNchw,
  // 3 x 3 with stride 1 in tiles of 2 x 2 or 4 x 4 results, with 2.25 or 4 times fewer multiplications. One thread
  // takes a block of tiles through all phases, in its own cache,
  kWinograd2,
  kWinograd4,
  // or the threads share the output channels instead of the tiles, so that each reads a part of the weights: for few
  // tiles,
  kWinograd2ByChannel,
  kWinograd4ByChannel,
  // or all threads run each phase together: for many channels.
  kWinograd2Phased,
  kWinograd4Phased,
};

std::optional<Algorithm> AlgorithmOf(std::string_view name);
// Whether the algorithm can compute a convolution of that geometry.
bool Supports(const ConvGeometry& geometry, Algorithm algorithm);
// The padding border that the algorithm reads around its input.
int64_t BorderOf(const ConvGeometry& geometry, Algorithm algorithm);

// A convolution of inputs of one size. kNchw reads a dense NCHW input.
class Convolution {
 public:
  // Packs the weights for the algorithm if they are not packed yet. The layouts are those of the activations that Run
  // receives.
  static std::unique_ptr<Convolution> Create(Algorithm algorithm, std::shared_ptr<ConvWeights> weights,
                                             const ActivationLayout& in, const ActivationLayout& out, ThreadPool& pool);
  virtual ~Convolution() = default;

  // Floats of scratch memory that Run needs, aligned to a cache line. Nothing is kept there between two runs.
  virtual int64_t WorkspaceFloats() const = 0;
  // `residual` has the layout of `out` and other memory; null for none.
  virtual void Run(ThreadPool& pool, const Activation& in, const Activation& out, const Activation* residual, bool relu,
                   float* workspace) const = 0;
};

}  // namespace napi_torch::engine
