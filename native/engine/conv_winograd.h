#pragma once

#include <memory>

#include "convolution.h"

namespace napi_torch::engine {

// `results` is 2 or 4.
std::unique_ptr<Convolution> NewWinograd(int64_t results, bool phased, std::shared_ptr<ConvWeights> weights,
                                         const ImageLayout& in, const ImageLayout& out, ThreadPool& pool);

}  // namespace napi_torch::engine
