#include "network_step.h"

#include <ATen/ops/from_blob.h>

#include <utility>

#include "engine_memory.h"

namespace napi_torch::engine {

NetworkStep::NetworkStep(Parts parts)
    : network_(std::move(parts.network)),
      planes_(std::move(parts.planes)),
      inputs_(std::move(parts.inputs)),
      outputs_(std::move(parts.outputs)) {}

void NetworkStep::Prepare(Frame& frame) { network_.Prepare(*frame.pool, frame.memory->floats); }

void NetworkStep::Run(Frame& frame) {
  Prepare(frame);
  std::vector<at::Tensor> dense;
  std::vector<const float*> planes;
  for (const size_t value : planes_) {
    dense.push_back(frame.values[value].contiguous());
    planes.push_back(dense.back().const_data_ptr<float>());
  }
  for (const Port& port : inputs_) View(port).copy_(frame.values[port.value]);
  network_.Run(*frame.pool, planes, *frame.interrupt, frame.nanoseconds);
  // They stay as they are until the next run, which is long enough for the steps that follow.
  for (const Port& port : outputs_) frame.values[port.value] = View(port);
}

at::Tensor NetworkStep::View(const Port& port) const {
  const auto [layout, data] = network_.PictureAt(port.picture);
  std::vector<int64_t> strides{layout.image_stride, 1};
  if (port.sizes.size() == 4) strides.insert(strides.end(), {layout.row_stride, layout.channels});
  return at::from_blob(data, port.sizes, strides, at::kFloat);
}

}  // namespace napi_torch::engine
