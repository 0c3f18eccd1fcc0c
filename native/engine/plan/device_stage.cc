#include "device_stage.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <mutex>
#include <utility>

// libtorch 2.11 and 2.12 have no registry of graph implementations.
#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>
#define NAPI_TORCH_HAS_GRAPHS 1
#else
#define NAPI_TORCH_HAS_GRAPHS 0
namespace at {
struct GraphImplInterface {};
}  // namespace at
#endif

namespace napi_torch::engine {
namespace {

at::Tensor StagingMemory(at::IntArrayRef sizes, at::ScalarType dtype, at::Device device) {
  return at::empty(sizes, at::TensorOptions(dtype).pinned_memory(device.is_cuda()));
}

std::mutex& TuneMutex() {
  // One for the process, as is the flag of libtorch that it guards.
  static std::mutex mutex;
  return mutex;
}

}  // namespace

DeviceStage::DeviceStage(at::Device device, std::vector<int64_t> input_sizes, at::ScalarType input_dtype)
    : device_(device), input_sizes_(std::move(input_sizes)), input_dtype_(input_dtype) {}

DeviceStage::~DeviceStage() = default;

c10::Stream DeviceStage::Open(EngineMemory& memory) {
  if (stream_) return *stream_;
  const c10::impl::VirtualGuardImpl guard(device_.type());
  // The constants of the steps may have been written on other streams.
  if (!device_.is_cpu()) guard.synchronizeDevice(device_.index());
  if (!memory.stream || memory.stream->device() != device_) memory.stream = guard.getNewStream(device_);
  const c10::StreamGuard on_stream(*memory.stream);
  input_ = at::zeros(input_sizes_, at::TensorOptions(input_dtype_).device(device_));
  host_input_ = StagingMemory(input_sizes_, input_dtype_, device_);
  stream_ = memory.stream;
  return *stream_;
}

void DeviceStage::Record(EngineMemory& memory, const std::function<at::Tensor()>& steps) {
#if NAPI_TORCH_HAS_GRAPHS
  if (!at::has_graph_impl(device_.type())) {
    note_ = "not recorded, as the process has no graphs for this device";
    return;
  }
  std::unique_ptr<at::GraphImplInterface> graph = at::create_graph_impl(device_.type());
  Synchronize();
  bool is_begun = false;
  try {
    // Thread-local, as other threads may allocate memory in the meantime.
    graph->capture_begin(memory.graph_pool, at::GraphCaptureMode::ThreadLocal);
    is_begun = true;
    at::Tensor output = steps().contiguous();
    is_begun = false;
    graph->capture_end();
    recorded_output_ = std::move(output);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    // For example, a step that reads a result of the device. The plan then runs without a graph.
    const std::string text = error.what_without_backtrace();
    note_ = "not recorded: " + text.substr(0, text.find('\n'));
    if (!is_begun) return;
    try {
      graph->capture_end();
    } catch (const c10::Error&) {
      // It reports the failed recording a second time.
    }
    return;
  }
  // Plans of one engine run one after the other, so a graph may overwrite the memory of another.
  memory.graph_pool = graph->pool();
  graph_ = std::move(graph);
#else
  (void)memory;
  (void)steps;
  note_ = "not recorded, as this libtorch has no graphs";
#endif
}

const at::Tensor& DeviceStage::Replay() const {
#if NAPI_TORCH_HAS_GRAPHS
  graph_->replay();
#endif
  return recorded_output_;
}

void DeviceStage::Write(const void* source) {
  // First by the CPU into pinned memory, then by the device: the system may page memory of JavaScript out, which the
  // device cannot notice.
  host_input_.copy_(at::from_blob(const_cast<void*>(source), input_sizes_, input_dtype_));
  input_.copy_(host_input_, /*non_blocking=*/true);
}

void DeviceStage::Read(const at::Tensor& result, void* target, at::ScalarType dtype) {
  if (!host_output_.defined()) host_output_ = StagingMemory(result.sizes(), result.scalar_type(), device_);
  host_output_.copy_(result, /*non_blocking=*/true);
  Synchronize();
  at::from_blob(target, host_output_.sizes(), dtype).copy_(host_output_);
}

TuneScope::TuneScope(bool tune) : tune_(tune) {
  if (!tune_) return;
  TuneMutex().lock();
  before_ = at::globalContext().benchmarkCuDNN();
  at::globalContext().setBenchmarkCuDNN(true);
}

TuneScope::~TuneScope() {
  if (!tune_) return;
  at::globalContext().setBenchmarkCuDNN(before_);
  TuneMutex().unlock();
}

}  // namespace napi_torch::engine
