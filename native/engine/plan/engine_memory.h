#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "../../allocator.h"
#include "../network/floats.h"

namespace napi_torch::engine {

// Memory that the plans of one engine share. Only the thread that runs them accesses it, except for bytes().
struct EngineMemory {
  // Shared values, such as packed weights, by the keys that lib/engine gives them.
  std::unordered_map<std::string, at::Tensor> tensors;
  // The memory of tensors that steps create while a plan runs.
  BlockCache blocks;
  SharedFloats floats;
  // For plans on a GPU: their stream, and the id of the memory pool that their recorded graphs share. The id is a
  // MempoolId_t, which not every supported libtorch declares in c10.
  std::optional<c10::Stream> stream;
  std::pair<unsigned long long, unsigned long long> graph_pool{0, 0};

  // Bytes beside the constants of the plans.
  int64_t bytes() const { return blocks.bytes() + floats.bytes(); }
};

}  // namespace napi_torch::engine
