// One step of a plan.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace napi_torch::engine {

class ThreadPool;

// Tensors that the plans of one engine have in common, such as packed weights, by keys that lib/engine chooses.
using SharedTensors = std::unordered_map<std::string, at::Tensor>;

// What steps work on. The values that a step reads have been made by steps before it: the reader of plans sees to that.
struct Frame {
  std::vector<at::Tensor> values;
  ThreadPool* pool = nullptr;
  SharedTensors* shared = nullptr;
  // Where the step that runs is to put the times of its operations, if they are asked for.
  int64_t* nanoseconds = nullptr;
};

class Step {
 public:
  virtual ~Step() = default;

  // Runs on the executor's thread. May throw what libtorch throws.
  virtual void Run(Frame& frame) = 0;
  // Of which there are times. A step of several takes them itself, if they are asked for.
  virtual size_t operations() const { return 1; }
  // Memory that it holds beside its constants.
  virtual int64_t bytes() const { return 0; }

  // The values that nothing reads after this step, to be let go.
  std::vector<size_t> dead;
};

}  // namespace napi_torch::engine
