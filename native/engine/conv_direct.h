#pragma once

#include <memory>

#include "convolution.h"

namespace napi_torch::engine {

std::unique_ptr<Convolution> NewDirect(std::shared_ptr<ConvWeights> weights, const ImageLayout& in,
                                       const ImageLayout& out, ThreadPool& pool);

}  // namespace napi_torch::engine
