// Linear layers by the native kernels.
#pragma once

#include <cstdint>
#include <memory>

#include "activation.h"
#include "conv_weights.h"
#include "thread_pool.h"

namespace napi_torch::engine {

// y = W x + b over activations of one pixel. The weights are those of a 1 x 1 convolution; the rows of its products are
// samples instead of pixels.
class Linear {
 public:
  Linear(std::shared_ptr<ConvWeights> weights, ThreadPool& pool);

  void Run(ThreadPool& pool, const Activation& in, const Activation& out, bool relu) const;

 private:
  std::shared_ptr<ConvWeights> weights_;
  StoredWeights packed_;
};

}  // namespace napi_torch::engine
