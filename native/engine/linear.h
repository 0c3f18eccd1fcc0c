// Linear layers by the own kernels.
#pragma once

#include <cstdint>
#include <memory>

#include "conv_weights.h"
#include "image.h"
#include "thread_pool.h"

namespace napi_torch::engine {

// y = W x + b over images of one pixel. The weights are those of a convolution with one tap, but rows are images here.
class Linear {
 public:
  Linear(std::shared_ptr<ConvWeights> weights, ThreadPool& pool);

  void Run(ThreadPool& pool, const Image& in, const Image& out, bool relu) const;

 private:
  std::shared_ptr<ConvWeights> weights_;
  const float* packed_;
};

}  // namespace napi_torch::engine
