#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "../allocator.h"
#include "shared_floats.h"

namespace napi_torch::engine {

// What the plans of one engine have in common. Only the thread that runs them touches it; `bytes` is for all.
struct EngineMemory {
  // Such as packed weights, by keys that lib/engine chooses.
  std::unordered_map<std::string, at::Tensor> tensors;
  // What steps make while a plan runs.
  BlockCache blocks;
  SharedFloats floats;
  // Of plans that compute on another device, and the id of the memory that their recordings have in common: a
  // MempoolId_t, which not every libtorch has in c10.
  std::optional<c10::Stream> stream;
  std::pair<unsigned long long, unsigned long long> graph_pool{0, 0};

  // Beside the constants.
  int64_t bytes() const { return blocks.bytes() + floats.bytes(); }
};

}  // namespace napi_torch::engine
