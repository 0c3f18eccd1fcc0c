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

// The state that the steps of a run read and change. The plan reader has checked that each value that a step reads has
// been produced by an earlier step.
struct RunState {
  std::vector<at::Tensor> values;
  ThreadPool* pool = nullptr;
  EngineMemory* memory = nullptr;
  // Where an interrupt is requested, a step may end early and leave its outputs in any state.
  const Interrupt* interrupt = nullptr;
  // Receives the times of the current step's operations, or is null where they are not measured.
  int64_t* nanoseconds = nullptr;
};

class Step {
 public:
  virtual ~Step() = default;

  // Runs on the executor's thread. May throw what libtorch throws.
  virtual void Run(RunState& state) = 0;
  // Does ahead of the first run what that run would do otherwise.
  virtual void Prepare(RunState& /*state*/) {}
  // The number of operations that are timed. A step of several operations times them itself.
  virtual size_t operations() const { return 1; }

  // The values that no later step reads: they are released after this one.
  std::vector<size_t> dead;
};

}  // namespace napi_torch::engine
