#include "aten_step.h"

#include <c10/util/ScopeExit.h>

namespace napi_torch::engine {

void AtenStep::Run(Frame& frame) {
  // Whatever happens, no tensor is held on to between two runs.
  const auto clear = c10::make_scope_exit([this] { stack_.clear(); });
  stack_ = parts_.arguments;
  for (const Fill& fill : parts_.fills) stack_[fill.argument] = frame.values[fill.value];
  for (const ListFill& fill : parts_.list_fills) {
    c10::impl::GenericList list(fill.element_type);
    list.reserve(fill.entries.size());
    for (const auto& entry : fill.entries) {
      const size_t* const value = std::get_if<size_t>(&entry);
      list.push_back(value != nullptr ? frame.values[*value] : std::get<at::Tensor>(entry));
    }
    stack_[fill.argument] = std::move(list);
  }

  operation_.callBoxed(stack_);
  for (size_t i = 0; i < parts_.outputs.size(); ++i) frame.values[parts_.outputs[i]] = std::move(stack_[i]).toTensor();
}

}  // namespace napi_torch::engine
