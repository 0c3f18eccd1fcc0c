// What a model computes for one shape of input: steps over values.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "device_stage.h"
#include "engine_memory.h"
#include "interrupt.h"
#include "step.h"

namespace napi_torch::engine {

// What the thread that runs a plan lends it.
struct Workplace {
  ThreadPool& pool;
  EngineMemory& memory;
};

// Memory of JavaScript that a run reads and writes: as many bytes as the plan says, aligned for the dtypes.
struct Buffers {
  const void* input = nullptr;
  void* output = nullptr;
};

struct PlanParts {
  struct Value {
    std::vector<int64_t> sizes;
    at::ScalarType dtype = at::kFloat;
  };

  std::vector<Value> values;
  // Where the steps compute: nothing for the processor, in the memory of JavaScript itself.
  std::optional<at::Device> device;
  // Whether to measure algorithms there.
  bool is_tuned = false;
  size_t input = 0;
  size_t output = 0;
  // To which the output is converted.
  at::ScalarType output_dtype = at::kFloat;
  // Run once. What they make, all later steps read.
  std::vector<std::unique_ptr<Step>> preparation;
  std::vector<std::unique_ptr<Step>> steps;
};

// Only one thread at a time may use it, in one engine.
class Plan {
 public:
  explicit Plan(PlanParts parts);

  size_t input_bytes() const { return input_bytes_; }
  size_t output_bytes() const { return output_bytes_; }
  size_t input_alignment() const;
  size_t output_alignment() const;
  // The times that a run takes.
  size_t operations() const { return operations_; }
  // How a prepared plan has the device do its work; empty for the processor. Any thread may ask.
  std::string note() const;

  // Does what is to be done once, if it has not been. False where it was interrupted.
  bool Prepare(const Workplace& workplace, const Interrupt& interrupt);

  // False where it was interrupted. `nanoseconds`, if given, takes the time of each operation.
  bool Run(const Workplace& workplace, const Buffers& buffers, const Interrupt& interrupt,
           int64_t* nanoseconds = nullptr);

 private:
  // Of preparation: what libtorch's operators do in their first runs alone, and the recording.
  bool Warm(const Interrupt& interrupt);
  bool RunSteps(const Interrupt& interrupt, int64_t* nanoseconds);
  void Let(const std::vector<size_t>& values);

  PlanParts parts_;
  size_t input_bytes_;
  size_t output_bytes_;
  size_t operations_ = 0;
  bool is_prepared_ = false;
  Frame frame_;
  // What a run leaves behind if it does not come to its end.
  std::vector<size_t> transient_;
  // Null for the processor.
  std::unique_ptr<DeviceStage> stage_;
  mutable std::mutex note_mutex_;
  std::string note_;
};

}  // namespace napi_torch::engine
