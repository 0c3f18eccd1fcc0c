#pragma once

#include <memory>

#include "convolution.h"
#include "pooling.h"

namespace napi_torch::engine {

std::unique_ptr<Convolution> NewNchw(std::shared_ptr<ConvWeights> weights, const ImageLayout& in,
                                     const ImageLayout& out, ThreadPool& pool);

// The first layers of most networks in one pass: rows of the convolution stay in the cache until they are pooled.
// `pooling` has no dilation, and there is no residual; `out` is the pooled image.
std::unique_ptr<Convolution> NewPooledNchw(std::shared_ptr<ConvWeights> weights, const PoolGeometry& pooling,
                                           const ImageLayout& in, const ImageLayout& out, ThreadPool& pool);

}  // namespace napi_torch::engine
