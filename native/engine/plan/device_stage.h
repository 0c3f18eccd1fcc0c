// Runs the steps of a plan on another device than the CPU.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine_memory.h"

namespace at {
struct GraphImplInterface;
}  // namespace at

namespace napi_torch::engine {

// The stream on which the steps of a plan run, staging memory for its input and output, and its steps recorded as a
// graph, which the device replays in one call. Only the thread that runs the plan accesses it.
class DeviceStage {
 public:
  DeviceStage(at::Device device, std::vector<int64_t> input_sizes, at::ScalarType input_dtype);
  ~DeviceStage();
  DeviceStage(const DeviceStage&) = delete;
  DeviceStage& operator=(const DeviceStage&) = delete;

  // The stream of the engine, which must be the current one while the plan is prepared or runs.
  c10::Stream Open(EngineMemory& memory);
  // Waits until the device has finished all work on the stream.
  void Synchronize() const { stream_->synchronize(); }

  // The input of the steps: always the same memory, zeros at first.
  const at::Tensor& input() const { return input_; }

  // Records the work that `steps` gives to the device, and their result. Where that is not possible, note() says why.
  void Record(EngineMemory& memory, const std::function<at::Tensor()>& steps);
  bool is_recorded() const { return graph_ != nullptr; }
  const std::string& note() const { return note_; }
  // Runs the recorded graph, and returns its result.
  const at::Tensor& Replay() const;

  // Copies from and to memory of the CPU. Write returns before the device has finished.
  void Write(const void* source);
  void Read(const at::Tensor& result, void* target, at::ScalarType dtype);

 private:
  at::Device device_;
  std::vector<int64_t> input_sizes_;
  at::ScalarType input_dtype_;
  std::optional<c10::Stream> stream_;
  at::Tensor input_;
  // Pinned memory of the CPU, which the device reads and writes by itself.
  at::Tensor host_input_;
  at::Tensor host_output_;
  std::unique_ptr<at::GraphImplInterface> graph_;
  at::Tensor recorded_output_;
  std::string note_;
};

// While it lives, libtorch measures which algorithm of cuDNN is fastest when a convolution of a new shape runs. Only
// one exists at a time, as it sets a flag of the process.
class TuneScope {
 public:
  explicit TuneScope(bool tune);
  ~TuneScope();
  TuneScope(const TuneScope&) = delete;
  TuneScope& operator=(const TuneScope&) = delete;

 private:
  const bool tune_;
  bool before_ = false;
};

}  // namespace napi_torch::engine
