// Constructors of the convolution algorithms, for convolution.cc. `in` and `out` are the layouts of the activations
// that Run receives.
#pragma once

#include <memory>

#include "convolution.h"
#include "pooling.h"

namespace napi_torch::engine {

std::unique_ptr<Convolution> NewDirect(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                                       const ActivationLayout& out, ThreadPool& pool);

// `in` is a dense NCHW input.
std::unique_ptr<Convolution> NewNchw(std::shared_ptr<ConvWeights> weights, const ActivationLayout& in,
                                     ThreadPool& pool);

// As NewNchw, followed by max pooling in the same pass: the rows of the convolution stay in the cache until they are
// pooled. `pooling` has no dilation, there is no residual, and `out` is the layout of the pooled result.
std::unique_ptr<Convolution> NewPooledNchw(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling,
                                           const ActivationLayout& in, const ActivationLayout& out, ThreadPool& pool);

// How the threads share the work of a convolution by Winograd: see Algorithm.
enum class WinogradOrder { kFused, kByChannel, kPhased };

// F(m x m, 3 x 3) where `m` is 2 or 4.
std::unique_ptr<Convolution> NewWinograd(int64_t m, WinogradOrder order, std::shared_ptr<ConvWeights> weights,
                                         const ActivationLayout& in, const ActivationLayout& out, ThreadPool& pool);

}  // namespace napi_torch::engine
