// Where a plan runs that computes on another device than the processor.
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

// The stream on which the steps of a plan run, the memory through which its input and output go, and the recording of
// its steps, which the device replays in one call. Only the thread that runs the plan touches it.
class DeviceStage {
 public:
  DeviceStage(at::Device device, std::vector<int64_t> input_sizes, at::ScalarType input_dtype);
  ~DeviceStage();
  DeviceStage(const DeviceStage&) = delete;
  DeviceStage& operator=(const DeviceStage&) = delete;

  // The stream of the engine, which is to be the thread's own while the plan is prepared or run.
  c10::Stream Open(EngineMemory& memory);
  // Waits until the device has done all that was asked of it.
  void Synchronize() const { stream_->synchronize(); }

  // What the steps read: always the same memory, zeros at first.
  const at::Tensor& input() const { return input_; }

  // Has the device keep what `steps` asks of it, and their result, if it can record: else `note` says why not.
  void Record(EngineMemory& memory, const std::function<at::Tensor()>& steps);
  bool is_recorded() const { return graph_ != nullptr; }
  const std::string& note() const { return note_; }
  // Does again what has been recorded, and gives the result.
  const at::Tensor& Replay() const;

  // Copies from and to memory of the processor. Write returns while the device is still at it.
  void Write(const void* source);
  void Read(const at::Tensor& result, void* target, at::ScalarType dtype);

 private:
  at::Device device_;
  std::vector<int64_t> input_sizes_;
  at::ScalarType input_dtype_;
  std::optional<c10::Stream> stream_;
  at::Tensor input_;
  // Of the processor, where the device can reach it by itself.
  at::Tensor host_input_;
  at::Tensor host_output_;
  std::unique_ptr<at::GraphImplInterface> graph_;
  at::Tensor recorded_output_;
  std::string note_;
};

// While it lives, libtorch measures which algorithm of cuDNN is fastest where a convolution of that shape first runs on
// this thread. One at a time, as the switch is one for the process.
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
