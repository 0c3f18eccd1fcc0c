#include "plan_reader.h"

#include <utility>

#include "aten_step.h"
#include "aten_values.h"
#include "network_reader.h"
#include "quantized_step.h"
#include "spec_reader.h"
#include "value_table.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMaxElements = 1LL << 40;  // Of a value: far below where a product of sizes could overflow.
constexpr size_t kMaxDimensions = 64;

PlanDefinition::Value ReadValue(const SpecReader& spec) {
  PlanDefinition::Value value;
  int64_t elements = 1;
  for (const SpecReader& size : spec["shape"].Items()) {
    value.sizes.push_back(size.Integer(1, kMaxElements));
    if (value.sizes.back() > kMaxElements / elements) throw spec["shape"].Expected("a shape that fits in memory");
    elements *= value.sizes.back();
  }
  if (value.sizes.size() > kMaxDimensions) throw spec["shape"].Expected("at most 64 sizes");
  value.dtype = ReadDType(spec["dtype"]);
  return value;
}

class StepReader {
 public:
  StepReader(const at::Device& device, ValueTable& values) : device_(device), values_(values) {}

  std::unique_ptr<Step> Read(const SpecReader& spec) {
    std::unique_ptr<Step> step = ReadKind(spec, spec["kind"].Text());
    for (const SpecReader& index : spec["dead"].Items()) step->dead.push_back(values_.ReadDead(index));
    return step;
  }

 private:
  std::unique_ptr<Step> ReadKind(const SpecReader& spec, const std::string& kind) {
    if (kind == "aten") return ReadAtenStep(spec, device_, values_);
    if (kind == "shared") return ReadSharedStep(spec, device_, values_);
    const bool is_quantized = IsQuantizedStep(kind);
    if (kind != "network" && !is_quantized) throw spec["kind"].Expected("the kind of a step");
    // Native kernels read and write the memory of the CPU.
    if (!device_.is_cpu()) throw spec["kind"].Expected("the kind of a step that " + device_.str() + " supports");
    if (is_quantized) return ReadQuantizedStep(spec, values_);
    return ReadNetworkStep(spec, networks_++, values_);
  }

  const at::Device device_;
  ValueTable& values_;
  int64_t networks_ = 0;
};

}  // namespace

std::shared_ptr<Plan> ReadPlan(Napi::Value value) {
  const SpecReader spec(value, "plan");
  PlanDefinition definition;
  if (!spec["device"].IsNull()) definition.device = ReadDevice(spec["device"]);
  definition.is_tuned = spec["tuned"].Boolean();
  for (const SpecReader& item : spec["values"].Items()) definition.values.push_back(ReadValue(item));
  definition.input = spec["input"].Index(definition.values.size());
  definition.output = spec["output"].Index(definition.values.size());
  definition.output_dtype = ReadDType(spec["outputDtype"]);

  ValueTable values(definition.values, definition.input);
  StepReader steps(definition.device.value_or(at::kCPU), values);
  for (const SpecReader& step : spec["preparation"].Items()) definition.preparation.push_back(steps.Read(step));
  values.ProvideInput();
  for (const SpecReader& step : spec["steps"].Items()) definition.steps.push_back(steps.Read(step));
  values.ReadUse(spec["output"]);
  return std::make_shared<Plan>(std::move(definition));
}

}  // namespace napi_torch::engine
