// One step of a plan.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace napi_torch::engine {

class ThreadPool;
struct EngineMemory;
struct Interrupt;

// What steps work on. The values that a step reads have been made by steps before it: the reader of plans sees to that.
struct Frame {
  std::vector<at::Tensor> values;
  ThreadPool* pool = nullptr;
  EngineMemory* memory = nullptr;
  // Where it is requested, a step may end early, whatever its outputs are then.
  const Interrupt* interrupt = nullptr;
  // Where the step that runs is to put the times of its operations, if they are asked for.
  int64_t* nanoseconds = nullptr;
};

class Step {
 public:
  virtual ~Step() = default;

  // Run on the executor's thread. They may throw what libtorch throws.
  virtual void Run(Frame& frame) = 0;
  // Does what can be done before the first run, which does the rest.
  virtual void Prepare(Frame& /*frame*/) {}
  // Of which there are times. A step of several takes them itself, if they are asked for.
  virtual size_t operations() const { return 1; }

  // The values that nothing reads after this step, to be let go.
  std::vector<size_t> dead;
};

}  // namespace napi_torch::engine
