// A library of its own, as only this part needs CUDA's headers and libtorch_cuda. When it is opened, it registers CUDA
// graphs in libtorch's registry of graph implementations, unless libtorch has done so itself. The addon uses only the
// registry: see native/engine/plan/device_stage.cc.
#include <ATen/core/GraphImplInterface.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/DeviceType.h>

#include <memory>
#include <string>

namespace napi_torch {
namespace {

cudaStreamCaptureMode ModeOf(at::GraphCaptureMode mode) {
  switch (mode) {
    case at::GraphCaptureMode::ThreadLocal:
      return cudaStreamCaptureModeThreadLocal;
    case at::GraphCaptureMode::Relaxed:
      return cudaStreamCaptureModeRelaxed;
    default:
      return cudaStreamCaptureModeGlobal;
  }
}

class CudaGraph final : public at::GraphImplInterface {
 public:
  explicit CudaGraph(const at::GraphImplArgs& args) : graph_(args.keep_graph) {}

  void capture_begin(at::MempoolId_t pool, at::GraphCaptureMode mode) override {
    graph_.capture_begin(pool, ModeOf(mode));
  }
  void capture_end() override { graph_.capture_end(); }
  void instantiate() override { graph_.instantiate(); }
  void replay() override { graph_.replay(); }
  void reset() override { graph_.reset(); }
  at::MempoolId_t pool() const override { return graph_.pool(); }
  void enable_debug_mode() override { graph_.enable_debug_mode(); }
  void debug_dump(const std::string& /*path*/) override {
    TORCH_CHECK(false, "CUDA graphs are not dumped, as not every libtorch can do that");
  }

 private:
  mutable at::cuda::CUDAGraph graph_;  // Its pool() is not const.
};

// The process has one libtorch with one registry, but may open several copies of this library.
const bool kIsRegistered = [] {
  if (at::has_graph_impl(c10::kCUDA)) return false;
  at::GraphImplRegistry()->Register(c10::DeviceTypeName(c10::kCUDA, /*lower_case=*/false),
                                    [](const at::GraphImplArgs& args) -> std::unique_ptr<at::GraphImplInterface> {
                                      return std::make_unique<CudaGraph>(args);
                                    });
  return true;
}();

}  // namespace
}  // namespace napi_torch
