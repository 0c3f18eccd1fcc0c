#include "network_step.h"

#include <ATen/ops/from_blob.h>

#include <utility>

#include "engine_memory.h"

namespace napi_torch::engine {

NetworkStep::NetworkStep(Parts parts)
    : network_(std::move(parts.network)),
      nchw_(std::move(parts.nchw)),
      inputs_(std::move(parts.inputs)),
      outputs_(std::move(parts.outputs)) {}

void NetworkStep::Prepare(Frame& frame) { network_.Prepare(*frame.pool, frame.memory->floats); }

void NetworkStep::Run(Frame& frame) {
  Prepare(frame);
  std::vector<at::Tensor> dense;
  std::vector<const float*> nchw;
  for (const size_t value : nchw_) {
    dense.push_back(frame.values[value].contiguous());
    nchw.push_back(dense.back().const_data_ptr<float>());
  }
  for (const Port& port : inputs_) View(port).copy_(frame.values[port.value]);
  network_.Run(*frame.pool, nchw, *frame.interrupt, frame.nanoseconds);
  // They stay as they are until the next run, which is long enough for the steps that follow.
  for (const Port& port : outputs_) frame.values[port.value] = View(port);
}

at::Tensor NetworkStep::View(const Port& port) const {
  const auto [layout, data] = network_.BufferAt(port.buffer);
  std::vector<int64_t> strides{layout.image_stride, 1};
  if (port.sizes.size() == 4) strides.insert(strides.end(), {layout.row_stride, layout.channels});
  return at::from_blob(data, port.sizes, strides, at::kFloat);
}

}  // namespace napi_torch::engine
