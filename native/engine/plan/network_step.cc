#include "network_step.h"

#include <ATen/ops/from_blob.h>

#include <utility>

#include "engine_memory.h"

namespace napi_torch::engine {

NetworkStep::NetworkStep(Definition definition)
    : network_(std::move(definition.network)),
      nchw_(std::move(definition.nchw)),
      inputs_(std::move(definition.inputs)),
      outputs_(std::move(definition.outputs)) {}

void NetworkStep::Prepare(RunState& state) { network_.Prepare(*state.pool, state.memory->floats); }

void NetworkStep::Run(RunState& state) {
  Prepare(state);
  std::vector<at::Tensor> dense;
  std::vector<const float*> nchw;
  for (const auto& [value, sizes] : nchw_) {
    const at::Tensor& input = state.values[value];
    // An operator of libtorch may have produced another shape than the plan declares.
    TORCH_CHECK(input.sizes() == at::IntArrayRef(sizes), "A step produced ", input.sizes(), " where the plan declares ",
                at::IntArrayRef(sizes));
    dense.push_back(input.contiguous());
    nchw.push_back(dense.back().const_data_ptr<float>());
  }
  for (const Binding& input : inputs_) ViewOf(input).copy_(state.values[input.value]);
  network_.Run(*state.pool, nchw, *state.interrupt, state.nanoseconds);
  // Nothing overwrites the buffers before the next run, which is after the last step that reads them.
  for (const Binding& output : outputs_) state.values[output.value] = ViewOf(output);
}

at::Tensor NetworkStep::ViewOf(const Binding& binding) const {
  const auto [layout, data] = network_.BufferAt(binding.buffer);
  std::vector<int64_t> strides{layout.sample_stride, 1};
  if (binding.sizes.size() == 4) strides.insert(strides.end(), {layout.row_stride, layout.channels});
  return at::from_blob(data, binding.sizes, strides, at::kFloat);
}

}  // namespace napi_torch::engine
