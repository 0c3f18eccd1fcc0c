#include "plan_reader.h"

#include <algorithm>
#include <limits>

#include "aten_step.h"
#include "bytes_step.h"
#include "network_reader.h"
#include "part.h"
#include "shared_step.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMostElements = 1LL << 40;  // Of a value: far from where a product of sizes could overflow.
constexpr size_t kMostDimensions = 64;

// Whether a type is Tensor or Tensor?.
bool TakesTensor(const c10::TypePtr& type) {
  if (type->kind() == c10::TypeKind::OptionalType) {
    return TakesTensor(type->castRaw<c10::OptionalType>()->getElementType());
  }
  return type->kind() == c10::TypeKind::TensorType;
}

class Reader {
 public:
  std::shared_ptr<Plan> Read(const Part& spec) {
    if (!spec["device"].IsNull()) parts_.device = spec["device"].Device();
    parts_.is_tuned = spec["tuned"].Boolean();
    for (const Part& value : spec["values"].Items()) ReadValue(value);
    parts_.input = spec["input"].Index(parts_.values.size());
    parts_.output = spec["output"].Index(parts_.values.size());
    parts_.output_dtype = spec["outputDtype"].DType();

    for (const Part& step : spec["preparation"].Items()) parts_.preparation.push_back(ReadStep(step));
    is_made_[parts_.input] = true;
    for (const Part& step : spec["steps"].Items()) parts_.steps.push_back(ReadStep(step));
    CheckMade(spec["output"], parts_.output);
    return std::make_shared<Plan>(std::move(parts_));
  }

 private:
  void ReadValue(const Part& spec) {
    PlanParts::Value value;
    int64_t elements = 1;
    for (const Part& size : spec["shape"].Items()) {
      value.sizes.push_back(size.Integer(1, kMostElements));
      if (value.sizes.back() > kMostElements / elements) throw spec["shape"].Wrong("a shape that memory can hold");
      elements *= value.sizes.back();
    }
    if (value.sizes.size() > kMostDimensions) throw spec["shape"].Wrong("at most 64 sizes");
    value.dtype = spec["dtype"].DType();
    is_made_.push_back(false);
    parts_.values.push_back(std::move(value));
  }

  std::unique_ptr<Step> ReadStep(const Part& spec) {
    const std::string kind = spec["kind"].Text();
    std::unique_ptr<Step> step;
    if (kind == "aten") {
      step = ReadAten(spec);
    } else if (kind == "shared") {
      step = ReadShared(spec);
    } else if ((kind == "network" || BytesStep::IsKind(kind)) && !IsOfProcessor()) {
      throw spec["kind"].Wrong("a kind of step that the device can do");
    } else if (kind == "network") {
      step = ReadNetworkStep(spec);
    } else if (BytesStep::IsKind(kind)) {
      step = ReadBytes(spec);
    } else {
      throw spec["kind"].Wrong("a kind of step");
    }
    for (const Part& index : spec["dead"].Items()) {
      const size_t value = ReadMade(index);
      is_made_[value] = false;
      step->dead.push_back(value);
    }
    return step;
  }

  std::unique_ptr<Step> ReadNetworkStep(const Part& spec) {
    return ReadNetwork(
        spec, networks_++, parts_.values,
        {[this](const Part& index) { return ReadMade(index); }, [this](const Part& index) { return Make(index); }});
  }

  std::unique_ptr<Step> ReadShared(const Part& spec) {
    std::unique_ptr<Step> make = ReadAten(spec);
    const std::vector<Part> outputs = spec["outputs"].Items();
    if (outputs.size() != 1) throw spec["outputs"].Wrong("one value");
    const size_t output = outputs[0].Index(parts_.values.size());
    return std::make_unique<SharedStep>(spec["key"].Text(), output, std::move(make));
  }

  std::unique_ptr<Step> ReadBytes(const Part& spec) {
    const size_t input = ReadMade(spec["input"]);
    const size_t output = Make(spec["output"]);
    return BytesStep::Read(spec, input, output, parts_.values[output].sizes);
  }

  std::unique_ptr<Step> ReadAten(const Part& spec) {
    const c10::OperatorHandle operation = FindOperator(spec["schema"]);
    const c10::FunctionSchema& schema = operation.schema();
    AtenStep::Parts parts;
    const std::vector<Part> arguments = spec["args"].Items();
    if (arguments.size() > schema.arguments().size()) throw spec["args"].Wrong("as many arguments as the schema has");
    for (size_t i = 0; i < schema.arguments().size(); ++i) {
      const c10::Argument& argument = schema.arguments()[i];
      if (i < arguments.size()) {
        ReadArgument(arguments[i], i, argument, parts);
      } else if (argument.default_value()) {
        parts.arguments.push_back(*argument.default_value());
      } else {
        throw spec["args"].Wrong("a value for " + argument.name());
      }
    }

    for (const Part& index : spec["outputs"].Items()) {
      parts.outputs.push_back(Make(index));
    }
    const auto is_tensor = [](const c10::Argument& result) {
      return result.type()->kind() == c10::TypeKind::TensorType;
    };
    const auto& returns = schema.returns();
    if (parts.outputs.size() != returns.size() || !std::all_of(returns.begin(), returns.end(), is_tensor)) {
      throw spec["outputs"].Wrong("a value for each tensor that the schema returns");
    }
    return std::make_unique<AtenStep>(operation, std::move(parts));
  }

  static c10::OperatorHandle FindOperator(const Part& schema) {
    const std::string text = schema.Text();
    const size_t dot = text.find('.');
    const std::string overload = dot == std::string::npos ? "" : text.substr(dot + 1);
    const std::optional<c10::OperatorHandle> found =
        c10::Dispatcher::singleton().findSchema({text.substr(0, dot), overload});
    if (!found) throw schema.Wrong("an operator of this libtorch");
    return *found;
  }

  void ReadArgument(const Part& spec, size_t index, const c10::Argument& argument, AtenStep::Parts& parts) const {
    const c10::TypePtr& type = argument.real_type();
    c10::IValue constant;
    if (spec.Has("literal")) {
      constant = spec["literal"].Literal(type);
    } else if (spec.Has("values")) {
      if (type->kind() != c10::TypeKind::ListType) throw spec.Wrong("a " + type->str());
      parts.list_fills.push_back(ReadList(spec["values"], index, type->castRaw<c10::ListType>()->getElementType()));
    } else {
      if (!TakesTensor(type)) throw spec.Wrong("a literal");
      if (spec.Has("value")) {
        parts.fills.push_back({index, ReadMade(spec["value"])});
      } else {
        constant = spec["constant"].Tensor(device());
      }
    }
    parts.arguments.push_back(std::move(constant));
  }

  AtenStep::ListFill ReadList(const Part& spec, size_t argument, const c10::TypePtr& element_type) const {
    if (!TakesTensor(element_type)) throw spec.Wrong("no tensors");
    AtenStep::ListFill fill{argument, element_type, {}};
    for (const Part& entry : spec.Items()) {
      if (entry.IsNumber()) {
        fill.entries.emplace_back(ReadMade(entry));
      } else {
        fill.entries.emplace_back(entry.Tensor(device()));
      }
    }
    return fill;
  }

  // The index of a value that the step makes.
  size_t Make(const Part& index) {
    const size_t value = index.Index(parts_.values.size());
    if (is_made_[value] || value == parts_.input) throw index.Wrong("a value that nothing has made before");
    is_made_[value] = true;
    return value;
  }

  // The index of a value that has been made at this point.
  size_t ReadMade(const Part& index) const {
    const size_t value = index.Index(parts_.values.size());
    CheckMade(index, value);
    return value;
  }

  void CheckMade(const Part& index, size_t value) const {
    if (!is_made_[value]) throw index.Wrong("a value that a step before has made");
  }

  // Where the steps compute.
  at::Device device() const { return parts_.device.value_or(at::kCPU); }
  // Whether own kernels, which know no other memory, may be part of the plan.
  bool IsOfProcessor() const { return device().is_cpu(); }

  PlanParts parts_;
  // Of own kernels.
  int64_t networks_ = 0;
  // Of each value, whether it is there when the step that is being read runs.
  std::vector<bool> is_made_;
};

}  // namespace

std::shared_ptr<Plan> ReadPlan(Napi::Value spec) { return Reader().Read({spec, "plan"}); }

}  // namespace napi_torch::engine
