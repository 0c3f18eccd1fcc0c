#include "aten_step.h"

#include <c10/util/ScopeExit.h>

#include <algorithm>
#include <optional>

#include "aten_values.h"
#include "engine_memory.h"

namespace napi_torch::engine {
namespace {

// Whether an operator gives so many tensors: one for each result, or a list of any number of them.
bool FitsResults(const c10::FunctionSchema& schema, size_t count) {
  const std::vector<c10::Argument>& results = schema.returns();
  if (results.size() == 1 && results.front().type()->isSubtypeOf(*c10::ListType::ofTensors())) return count > 0;
  const auto is_tensor = [](const c10::Argument& result) { return result.type()->kind() == c10::TypeKind::TensorType; };
  return results.size() == count && std::all_of(results.begin(), results.end(), is_tensor);
}

class Reader {
 public:
  Reader(const at::Device& device, ValueTable& values) : device_(device), values_(values) {}

  std::unique_ptr<AtenStep> Read(const SpecReader& spec) {
    const std::optional<c10::OperatorHandle> operation = FindOperator(spec["schema"].Text());
    if (!operation) throw spec["schema"].Expected("an operator of this libtorch");
    const c10::FunctionSchema& schema = operation->schema();
    const std::vector<SpecReader> arguments = spec["args"].Items();
    if (arguments.size() > schema.arguments().size()) {
      throw spec["args"].Expected("no more arguments than the schema has");
    }
    for (size_t i = 0; i < schema.arguments().size(); ++i) {
      const c10::Argument& argument = schema.arguments()[i];
      if (i < arguments.size() && !arguments[i].Has("default")) {
        ReadArgument(arguments[i], i, argument);
      } else if (argument.default_value()) {
        definition_.arguments.push_back(*argument.default_value());
      } else {
        throw spec["args"].Expected("a value for " + argument.name());
      }
    }

    for (const SpecReader& index : spec["outputs"].Items()) definition_.outputs.push_back(values_.ReadOutput(index));
    if (!FitsResults(schema, definition_.outputs.size())) {
      throw spec["outputs"].Expected("a value for each tensor that the schema returns");
    }
    return std::make_unique<AtenStep>(*operation, std::move(definition_));
  }

 private:
  void ReadArgument(const SpecReader& spec, size_t index, const c10::Argument& argument) {
    const c10::TypePtr& type = argument.real_type();
    c10::IValue constant;
    if (spec.Has("literal")) {
      constant = ReadLiteral(spec["literal"], argument);
    } else if (spec.Has("values")) {
      if (type->kind() != c10::TypeKind::ListType) throw spec.Expected("a value of type " + type->str());
      const c10::TypePtr element_type = type->castRaw<c10::ListType>()->getElementType();
      definition_.list_arguments.push_back(ReadList(spec["values"], index, element_type));
    } else {
      if (!TakesTensor(type)) throw spec.Expected("a literal");
      if (spec.Has("value")) {
        definition_.value_arguments.push_back({index, values_.ReadUse(spec["value"])});
      } else {
        constant = ReadTensor(spec["constant"], device_);
      }
    }
    definition_.arguments.push_back(std::move(constant));
  }

  AtenStep::ListArgument ReadList(const SpecReader& spec, size_t argument, const c10::TypePtr& element_type) const {
    if (!TakesTensor(element_type)) throw spec.Expected("a list of " + element_type->str());
    AtenStep::ListArgument list{argument, element_type, {}};
    for (const SpecReader& entry : spec.Items()) {
      if (entry.IsNumber()) {
        list.entries.emplace_back(values_.ReadUse(entry));
      } else {
        list.entries.emplace_back(ReadTensor(entry, device_));
      }
    }
    return list;
  }

  const at::Device device_;
  ValueTable& values_;
  AtenStep::Definition definition_;
};

}  // namespace

void AtenStep::Run(RunState& state) {
  // Holds no tensor between two runs, even where the operator throws.
  const auto clear = c10::make_scope_exit([this] { stack_.clear(); });
  stack_ = definition_.arguments;
  for (const auto& [argument, value] : definition_.value_arguments) stack_[argument] = state.values[value];
  for (const ListArgument& argument : definition_.list_arguments) {
    c10::impl::GenericList list(argument.element_type);
    list.reserve(argument.entries.size());
    for (const auto& entry : argument.entries) {
      const size_t* const value = std::get_if<size_t>(&entry);
      list.push_back(value != nullptr ? state.values[*value] : std::get<at::Tensor>(entry));
    }
    stack_[argument.argument] = std::move(list);
  }

  operation_.callBoxed(stack_);
  if (stack_.size() == 1 && stack_.front().isTensorList()) {
    const std::vector<at::Tensor> tensors = stack_.front().toTensorVector();
    stack_.assign(tensors.begin(), tensors.end());
  }
  TORCH_CHECK(stack_.size() == definition_.outputs.size(), "Expected ", definition_.outputs.size(), " tensors of ",
              operation_.schema().name(), ", received ", stack_.size());
  for (size_t i = 0; i < definition_.outputs.size(); ++i) {
    state.values[definition_.outputs[i]] = std::move(stack_[i]).toTensor();
  }
}

void SharedStep::Run(RunState& state) {
  at::Tensor& value = state.values[make_->outputs().front()];
  const auto found = state.memory->tensors.find(key_);
  if (found != state.memory->tensors.end()) {
    value = found->second;
  } else {
    make_->Run(state);
    state.memory->tensors.emplace(key_, value);
  }
}

std::unique_ptr<Step> ReadAtenStep(const SpecReader& spec, const at::Device& device, ValueTable& values) {
  return Reader(device, values).Read(spec);
}

std::unique_ptr<Step> ReadSharedStep(const SpecReader& spec, const at::Device& device, ValueTable& values) {
  std::unique_ptr<AtenStep> make = Reader(device, values).Read(spec);
  if (make->outputs().size() != 1) throw spec["outputs"].Expected("exactly one value");
  return std::make_unique<SharedStep>(spec["key"].Text(), std::move(make));
}

}  // namespace napi_torch::engine
