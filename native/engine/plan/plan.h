// A plan: the steps that compute a model for one input shape. Steps read and produce values.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../network/interrupt.h"
#include "device_stage.h"
#include "engine_memory.h"
#include "step.h"

namespace napi_torch::engine {

// What the executor lends to a plan that it runs.
struct Resources {
  ThreadPool& pool;
  EngineMemory& memory;
};

// Memory of JavaScript that a run reads and writes: input_bytes() and output_bytes() of the plan, aligned for the
// dtypes.
struct RunMemory {
  const void* input = nullptr;
  void* output = nullptr;
};

struct PlanDefinition {
  struct Value {
    std::vector<int64_t> sizes;
    at::ScalarType dtype = at::kFloat;
  };

  std::vector<Value> values;
  // The device on which the steps compute. Without one, they compute on the CPU, in the memory of JavaScript itself.
  std::optional<at::Device> device;
  // Whether libtorch measures on that device which algorithms are fastest.
  bool is_tuned = false;
  size_t input = 0;
  size_t output = 0;
  // The dtype to which the output is converted.
  at::ScalarType output_dtype = at::kFloat;
  // Run once, before the first run. All later runs read the values that they produce.
  std::vector<std::unique_ptr<Step>> preparation;
  std::vector<std::unique_ptr<Step>> steps;
};

// Belongs to one engine, whose thread runs it. Only note() and the sizes may be read on other threads.
class Plan {
 public:
  explicit Plan(PlanDefinition definition);

  size_t input_bytes() const { return input_bytes_; }
  size_t output_bytes() const { return output_bytes_; }
  size_t input_alignment() const;
  size_t output_alignment() const;
  // The number of operations that are timed.
  size_t operations() const { return operations_; }
  // How a prepared plan runs on its device; empty for the CPU.
  std::string note() const;

  // Does what the first run would do first, unless that has been done. False where it was interrupted.
  bool Prepare(const Resources& resources, const Interrupt& interrupt);

  // False where it was interrupted. `nanoseconds`, unless null, receives the time of each operation.
  bool Run(const Resources& resources, const RunMemory& memory, const Interrupt& interrupt,
           int64_t* nanoseconds = nullptr);

 private:
  // Runs the steps on the device until libtorch has selected its algorithms, and records them as a graph.
  bool Warm(const Interrupt& interrupt);
  bool RunSteps(const Interrupt& interrupt, int64_t* nanoseconds);
  void Release(const std::vector<size_t>& values);

  PlanDefinition definition_;
  size_t input_bytes_;
  size_t output_bytes_;
  size_t operations_ = 0;
  bool is_prepared_ = false;
  RunState state_;
  // The values that a run produces, to be released even if it is interrupted.
  std::vector<size_t> transient_;
  // Null for the CPU.
  std::unique_ptr<DeviceStage> stage_;
  mutable std::mutex note_mutex_;
  std::string note_;
};

}  // namespace napi_torch::engine
